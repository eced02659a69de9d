import pytest

from ai_gateway.jobs.clocks import put_right
from ai_gateway.runtime.clock import SystemClock


def test_a_clock_that_agrees_is_left_alone() -> None:
    clock, told = SystemClock(), list[Exception]()
    wall = clock.wall()
    put_right(clock, wall + 30, told.append)
    assert abs(clock.wall() - wall) < 1
    assert told == []


@pytest.mark.parametrize("off_by", [-90_000.0, -61.0, 61.0, 3_600.0])
def test_a_clock_that_is_off_is_put_right_and_somebody_is_told(off_by: float) -> None:
    clock, told = SystemClock(), list[Exception]()
    shared = clock.wall() - off_by
    put_right(clock, shared, told.append)
    assert abs(clock.wall() - shared) < 1
    assert f"{off_by:+.0f} s" in str(told[0])


def test_a_clock_that_is_days_ahead_does_not_start() -> None:
    clock = SystemClock()
    with pytest.raises(ValueError, match="48 hours ahead"):
        put_right(clock, clock.wall() - 2 * 86_400, lambda _: None)
