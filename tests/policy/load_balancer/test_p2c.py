from collections import Counter
from random import Random

from ai_gateway.policy.exploration import ONE_OF
from ai_gateway.policy.load_balancer.p2c import PowerOfTwo
from policy.load_balancer.fields import FakeField


def counts(picker: PowerOfTwo, field: FakeField, picks: int) -> Counter[int | None]:
    rng = Random(1)
    return Counter(picker.pick(field, rng) for _ in range(picks))


def settled(members: int, now: float = 1_000.0) -> PowerOfTwo:
    """Everybody was asked just now, so there is nothing to explore."""
    picker = PowerOfTwo([1] * members)
    counts(picker, FakeField(now=now), (members + 1) * ONE_OF)
    return picker


def test_the_better_of_two_is_picked() -> None:
    assert counts(settled(2), FakeField(first_token_ms={0: 300.0, 1: 200.0}), 300) == {1: 300}
    assert counts(settled(2), FakeField(active={0: 1}), 300) == {1: 300}


def test_the_worst_is_in_many_pairs_and_wins_none() -> None:
    field = FakeField(first_token_ms={0: 200.0, 1: 400.0, 2: 2_000.0})
    picked = counts(settled(3), field, 3_000)
    assert picked[2] == 0
    assert abs(picked[0] - 2_000) <= 110  # it is in two pairs of three; 4 sigma of 26


def test_a_queue_weighs_against_speed() -> None:
    """200^2 (1 + 4) > 400^2 (1 + 0), but 200^2 (1 + 3) is not."""
    waits = {0: 200.0, 1: 400.0}
    assert counts(settled(2), FakeField(first_token_ms=waits, active={0: 4}), 300) == {1: 300}
    assert counts(settled(2), FakeField(first_token_ms=waits, active={0: 2}), 300) == {0: 300}


def test_a_queue_is_as_long_as_the_weight_lets_it_be() -> None:
    picker = PowerOfTwo([3, 1])
    counts(picker, FakeField(), 3 * ONE_OF)
    assert counts(picker, FakeField(active={0: 5, 1: 2}), 300) == {0: 300}  # 5/3 < 2/1
    assert counts(picker, FakeField(active={0: 7, 1: 2}), 300) == {1: 300}


def test_an_endpoint_that_has_answered_nothing_counts_like_its_rival() -> None:
    field = FakeField(first_token_ms={0: 200.0}, active={0: 1, 1: 2})
    assert counts(settled(2), field, 300) == {0: 300}
    field = FakeField(first_token_ms={0: 200.0}, active={0: 2, 1: 1})
    assert counts(settled(2), field, 300) == {1: 300}


def test_a_slow_endpoint_is_asked_again_after_five_seconds_and_only_now_and_then() -> None:
    picker = settled(2, now=1_000.0)
    field = FakeField(first_token_ms={0: 200.0, 1: 2_000.0}, now=1_004.0)
    assert counts(picker, field, 1_000)[1] == 0
    field.now = 1_006.0
    assert counts(picker, field, 40)[1] == 1
    assert counts(picker, field, 1_000)[1] == 0


def test_requests_of_a_thousand_members_stay_nearly_even() -> None:
    """10 each; ln ln 1,000 = 1.9 over the mean is the theory, and dice alone would reach 22 or more."""
    picker, rng, field = PowerOfTwo([1] * 1_000), Random(1), FakeField()
    for _ in range(10_000):
        place = picker.pick(field, rng)
        assert place is not None
        field.in_flight[place] = field.active(place) + 1
    assert max(field.in_flight.values()) <= 13


def test_a_rival_that_is_out_is_no_rival() -> None:
    field = FakeField(first_token_ms={0: 100.0, 1: 900.0, 2: 800.0}, out={0})
    picked = counts(PowerOfTwo([1, 1, 1]), field, 1_000)
    assert picked[0] == 0
    assert picked[1] <= 10  # explored, or eight draws in a row that found only who is out: 0.5 * 2^-8


def test_a_ramping_member_is_full_sooner() -> None:
    """Two in flight at a ramp of 0.5 weigh like four; three there would be less."""
    field = FakeField(ramps={0: 0.5}, active={0: 2, 1: 3})
    assert counts(settled(2), field, 100)[0] == 0
