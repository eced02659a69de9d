from collections import Counter
from random import Random

import pytest

from ai_gateway.policy.load_balancer.least_connections import LeastConnections
from policy.load_balancer.fields import FakeField


@pytest.mark.parametrize(
    ("weights", "active", "picked"),
    [
        ([1, 1, 1], {0: 2, 1: 1, 2: 2}, 1),
        ([1, 1, 1], {0: 1, 1: 1}, 2),
        ([3, 1], {0: 5, 1: 2}, 0),  # 5/3 < 2/1
        ([3, 1], {0: 7, 1: 2}, 1),  # 7/3 > 2/1
        ([0, 1], {1: 99}, 1),
    ],
)
def test_the_least_loaded_for_its_weight_is_picked(weights: list[int], active: dict[int, int], picked: int) -> None:
    picker, rng = LeastConnections(weights), Random(1)
    assert {picker.pick(FakeField(active=active), rng) for _ in range(50)} == {picked}


def test_among_equals_the_weights_decide_by_chance() -> None:
    picker, rng = LeastConnections([50, 30, 20, 40]), Random(1)
    field = FakeField(active={3: 1})
    counts = Counter(picker.pick(field, rng) for _ in range(10_000))
    assert counts[3] == 0
    assert all(abs(counts[place] - 100 * weight) <= 200 for place, weight in enumerate([50, 30, 20]))  # 4 sigma of 50


def test_who_is_out_is_not_picked_however_idle() -> None:
    picker, rng = LeastConnections([1, 1]), Random(1)
    assert {picker.pick(FakeField(out={0}, active={1: 9}), rng) for _ in range(50)} == {1}


def test_a_ramping_member_is_full_sooner() -> None:
    """Two in flight at a ramp of 0.5 weigh like four; three there would be less."""
    picker, rng = LeastConnections([1, 1]), Random(1)
    assert {picker.pick(FakeField(ramps={0: 0.5}, active={0: 2, 1: 3}), rng) for _ in range(50)} == {1}


def test_requests_of_a_thousand_members_stay_even() -> None:
    """10,000 requests that do not end, on 1,000 members: 10 each, nobody has more than two over it."""
    picker, rng, field = LeastConnections([1] * 1_000), Random(1), FakeField()
    for _ in range(10_000):
        place = picker.pick(field, rng)
        assert place is not None
        field.in_flight[place] = field.active(place) + 1
    assert max(field.in_flight.values()) <= 12


def test_requests_in_flight_go_by_weight() -> None:
    picker, rng, field = LeastConnections([50, 30, 20]), Random(1), FakeField()
    for _ in range(1_000):
        place = picker.pick(field, rng)
        assert place is not None
        field.in_flight[place] = field.active(place) + 1
    assert all(abs(field.in_flight[place] - 10 * weight) <= 1 for place, weight in enumerate([50, 30, 20]))
