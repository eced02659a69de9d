from collections import Counter
from random import Random

from ai_gateway.policy.exploration import ONE_OF
from ai_gateway.policy.load_balancer.least_latency import LeastLatency
from policy.load_balancer.fields import FakeField


def counts(picker: LeastLatency, field: FakeField, picks: int) -> Counter[int | None]:
    rng = Random(1)
    return Counter(picker.pick(field, rng) for _ in range(picks))


def settled(members: int, now: float = 1_000.0) -> LeastLatency:
    """Everybody was asked just now, so there is nothing to explore."""
    picker = LeastLatency([1] * members)
    counts(picker, FakeField(now=now), members * ONE_OF)
    return picker


def fill(picker: LeastLatency, field: FakeField, picks: int) -> None:
    """Requests that do not end."""
    rng = Random(1)
    for _ in range(picks):
        place = picker.pick(field, rng)
        assert place is not None
        field.in_flight[place] = field.active(place) + 1


def test_an_idle_pool_goes_to_the_fastest() -> None:
    field = FakeField(first_token_ms={0: 300.0, 1: 200.0, 2: 210.0})
    assert counts(settled(3), field, 500) == {1: 500}


def test_requests_in_flight_go_by_the_square_of_the_speed() -> None:
    """Equal costs at 200^2 (1 + a) = 400^2 (1 + b) = 2,000^2 (1 + c): of 1,000 in flight 799, 199 and 7 or so."""
    field = FakeField(first_token_ms={0: 200.0, 1: 400.0, 2: 2_000.0})
    fill(settled(3), field, 1_000)
    shares = [field.in_flight[place] for place in (0, 1, 2)]
    assert abs(shares[0] - 797) <= 5
    assert abs(shares[1] - 196) <= 5
    assert shares[2] <= 8


def test_weights_are_what_a_member_can_carry() -> None:
    field = FakeField(first_token_ms={0: 200.0, 1: 200.0})
    picker = LeastLatency([3, 1])
    counts(picker, FakeField(), 2 * ONE_OF)
    fill(picker, field, 400)
    assert abs(field.in_flight[0] - 300) <= 2


def test_an_endpoint_that_has_answered_nothing_is_tried_soon_and_not_flooded() -> None:
    """At 0.9 of the other's 200 ms: in flight it gets 1 / 0.81 = 1.23 times as many, however long it hangs."""
    picker, field = settled(2), FakeField(first_token_ms={0: 200.0})
    fill(picker, field, 400)
    assert 1.15 <= field.in_flight[1] / field.in_flight[0] <= 1.30


def test_a_slow_endpoint_is_asked_again_after_five_seconds_and_only_now_and_then() -> None:
    picker = settled(2, now=1_000.0)
    field = FakeField(first_token_ms={0: 200.0, 1: 2_000.0}, now=1_004.0)
    assert counts(picker, field, 1_000)[1] == 0
    field.now = 1_006.0
    assert counts(picker, field, 40)[1] == 1
    assert counts(picker, field, 1_000)[1] == 0


def test_of_many_slow_endpoints_no_more_are_asked_again_than_one_in_thirty_two_picks() -> None:
    field = FakeField(first_token_ms={0: 100.0} | dict.fromkeys(range(1, 16), 5000.0))
    slow = counts(LeastLatency([1] * 16), field, 10 * ONE_OF)
    assert sum(slow.values()) - slow[0] <= 10


def test_in_a_crowd_the_slow_are_avoided_by_sampling() -> None:
    field = FakeField(first_token_ms={place: 2_000.0 if place % 2 else 200.0 for place in range(1_000)})
    picked = counts(LeastLatency([1] * 1_000), field, 3_200)
    slow = sum(times for place, times in picked.items() if place is not None and place % 2)
    assert slow <= 100 + 40  # one in 32 explored, and where all eight of a sample are slow: 3,100 / 2^8 = 12


def test_who_is_out_is_not_asked_however_fast() -> None:
    field = FakeField(first_token_ms={0: 100.0, 1: 900.0}, out={0})
    assert counts(LeastLatency([1, 1]), field, 200) == {1: 200}


def test_a_ramping_member_is_full_sooner() -> None:
    """Two in flight at a ramp of 0.5 weigh like four; three there would be less."""
    field = FakeField(ramps={0: 0.5}, active={0: 2, 1: 3})
    assert counts(settled(2), field, 100)[0] == 0
