from collections import Counter
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.load_balancer.sticky import CROWD, POINTS, SLACK, Sticky
from ai_gateway.policy.load_balancer.weighted_round_robin import WeightedRoundRobin
from policy.load_balancer.fields import CALM, FakeField

CALLERS = [f"caller-{number}" for number in range(2_000)]


def a_ring(names: list[str], weights: list[int] | None = None) -> Sticky:
    weights = weights or [1] * len(names)
    return Sticky(WeightedRoundRobin(weights), weights, names)


def homes(names: list[str], field: FakeField = CALM, weights: list[int] | None = None) -> dict[str, str]:
    """Where every caller is at home."""
    ring, rng = a_ring(names, weights), Random(1)
    found = {caller: ring.pick(field, rng, caller) for caller in CALLERS}
    return {caller: names[place] for caller, place in found.items() if place is not None}


NAMES = ["one", "two", "three", "four", "five"]


def test_a_caller_stays_where_it_is_whatever_the_order_of_members_and_the_dice() -> None:
    assert homes(NAMES) == homes(NAMES[::-1])
    ring = a_ring(NAMES)
    assert len({ring.pick(CALM, Random(seed), b"session-1") for seed in range(20)}) == 1
    assert ring.pick(CALM, Random(1), "session-1") == ring.pick(CALM, Random(1), b"session-1")


def test_homes_are_the_same_in_every_process() -> None:
    """A change of these moves every caller away from its prompt cache at the next deployment."""
    ring = a_ring(NAMES)
    assert [ring.pick(CALM, Random(1), caller) for caller in CALLERS[:12]] == [1, 2, 4, 0, 3, 3, 2, 2, 1, 4, 2, 2]


@pytest.mark.parametrize("weights", [[1, 1, 1, 1, 1], [4, 2, 1, 1, 0]])
def test_callers_are_spread_by_weight(weights: list[int]) -> None:
    """A member at k points of the ring has its share within about 1 / sqrt(k) of itself; 2.5 of these."""
    counts = Counter(homes(NAMES, weights=weights).values())
    for name, weight in zip(NAMES, weights, strict=True):
        share = len(CALLERS) * weight / sum(weights)
        points = max(1, POINTS * weight / max(weights))
        assert abs(counts[name] - share) <= 2.5 * share / sqrt(points), counts


@pytest.mark.parametrize("gone", NAMES)
def test_when_a_member_goes_only_its_own_callers_move(gone: str) -> None:
    before, after = homes(NAMES), homes([name for name in NAMES if name != gone])
    assert {caller for caller in CALLERS if before[caller] != after[caller]} == {
        caller for caller in CALLERS if before[caller] == gone
    }


def test_when_a_member_comes_callers_move_only_to_it() -> None:
    before, after = homes(NAMES), homes([*NAMES, "six"])
    moved = {caller for caller in CALLERS if before[caller] != after[caller]}
    assert {after[caller] for caller in moved} == {"six"}
    assert len(moved) < len(CALLERS) / 6 * 1.5  # its share, and chance


def test_who_is_out_lends_its_callers_to_the_others_and_gets_them_back() -> None:
    ring, rng = a_ring(NAMES), Random(1)
    before = [ring.pick(CALM, rng, caller) for caller in CALLERS]
    lent = [ring.pick(FakeField(out={2}), rng, caller) for caller in CALLERS]
    assert all(there == here for there, here in zip(lent, before, strict=True) if here != 2)
    assert {there for there, here in zip(lent, before, strict=True) if here == 2} == {0, 1, 3, 4}
    assert [ring.pick(CALM, rng, caller) for caller in CALLERS] == before
    assert ring.pick(FakeField(out=range(5)), rng, "caller") is None


@given(members=st.integers(2, 24), callers=st.integers(1, 30), requests=st.integers(1, 600), seed=st.integers(0, 99))
def test_nobody_carries_more_than_its_bound(members: int, callers: int, requests: int, seed: int) -> None:
    """Requests that do not end. Up to 15 members are counted at every pick, of more the sum is late by two picks."""
    ring, rng, field = a_ring([f"m{number}" for number in range(members)]), Random(seed), FakeField()
    for sent in range(1, requests + 1):
        place = ring.pick(field, rng, b"%d" % rng.randrange(callers))
        assert place is not None
        field.in_flight[place] = field.active(place) + 1
        assert field.in_flight[place] <= max(CROWD, SLACK * (sent + 2) / members + 1)


def test_a_popular_caller_fills_its_home_first_and_then_always_the_same_next() -> None:
    ring, rng, field = a_ring(NAMES), Random(1), FakeField()
    order: list[int | None] = []
    for _ in range(3 * CROWD):
        place = ring.pick(field, rng, "popular")
        assert place is not None
        field.in_flight[place] = field.active(place) + 1
        order.append(place)
    assert [len(set(order[at : at + CROWD])) for at in (0, CROWD, 2 * CROWD)] == [1, 1, 1]
    assert len(set(order)) == 3


def test_the_bound_is_among_those_who_admit() -> None:
    """One of four is in, with 100 in flight: a quarter of the sum would be 31, but there is nobody else."""
    ring, rng = a_ring(NAMES[:4]), Random(1)
    field = FakeField(out={1, 2, 3}, active={0: 100})
    assert {ring.pick(field, rng, caller) for caller in CALLERS[:50]} == {0}


def test_the_bound_is_a_share_of_those_who_admit() -> None:
    """100 in flight at three of six: 1.25 * 101 / 3 = 42 each, so nobody has to leave home; by six it would be 21."""
    ring, rng = a_ring([*NAMES, "six"]), Random(1)
    field = FakeField(out={3, 4, 5}, active={0: 41, 1: 41, 2: 18})
    assert {ring.pick(field, rng, caller) for caller in CALLERS[:50]} == {0, 1, 2}


def test_requests_that_end_lower_the_bound_within_an_eighth_of_the_members() -> None:
    ring, rng, field = a_ring([f"m{number}" for number in range(16)]), Random(1), FakeField()
    field.in_flight = dict.fromkeys(range(16), 20)
    ring.pick(field, rng, "popular")
    field.in_flight.clear()
    for _ in range(4 * CROWD):
        place = ring.pick(field, rng, "popular")
        assert place is not None
        field.in_flight[place] = field.active(place) + 1
    assert max(field.in_flight.values()) <= CROWD


def test_a_member_that_ramps_is_full_sooner() -> None:
    """31 in flight of two: 1.25 * 31 / 2 = 19.4 each, of which a ramp of 0.2 leaves less than the CROWD of 8."""
    in_flight = {0: 13, 1: 17}
    ring, rng = a_ring(["one", "two"]), Random(1)
    ramping = FakeField(active=in_flight, ramps={0: 0.2})
    assert {ring.pick(FakeField(active=in_flight), rng, caller) for caller in CALLERS[:50]} == {0, 1}
    assert {ring.pick(ramping, rng, caller) for caller in CALLERS[:50]} == {1}


def test_a_thousand_members_are_counted_now_and_then_and_the_bound_holds_within_an_eighth() -> None:
    """20,000 requests of three callers: 20 each is the mean, 25 the bound, and the sum is late by 125 / 1,000."""
    ring, rng, field = a_ring([f"m{number}" for number in range(1_000)]), Random(1), FakeField()
    for number in range(20_000):
        place = ring.pick(field, rng, CALLERS[number % 700])
        assert place is not None
        field.in_flight[place] = field.active(place) + 1
    assert max(field.in_flight.values()) <= 26
