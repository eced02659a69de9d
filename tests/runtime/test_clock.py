import time

from ai_gateway.runtime.clock import SystemClock


def test_now_never_goes_back_and_the_wall_moves_with_it() -> None:
    clock = SystemClock()
    now, wall = clock.now(), clock.wall()
    later, later_wall = clock.now(), clock.wall()
    assert later >= now
    assert abs((later_wall - wall) - (later - now)) < 0.1


def test_the_wall_is_unix_time() -> None:
    assert abs(SystemClock().wall() - time.time()) < 1.0


def test_the_wall_can_be_put_right_and_now_stays() -> None:
    clock = SystemClock()
    now = clock.now()
    clock.move(3_600.0)
    assert abs(clock.wall() - time.time() - 3_600.0) < 1.0
    assert clock.now() - now < 1.0
