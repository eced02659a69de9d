from collections import Counter
from math import gcd
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.load_balancer.weighted_round_robin import WeightedRoundRobin
from policy.load_balancer.fields import CALM, FakeField

WEIGHTS = st.lists(st.integers(0, 60), min_size=1, max_size=8)


def picks(weights: list[int], count: int) -> list[int]:
    return go_on(WeightedRoundRobin(weights), CALM, count)


def go_on(picker: WeightedRoundRobin, field: FakeField, count: int) -> list[int]:
    rng = Random(1)
    picked = [picker.pick(field, rng) for _ in range(count)]
    return [place for place in picked if place is not None]


@pytest.mark.parametrize("weights", [[70, 30], [50, 30, 20], [1, 1], [3, 1], [5, 1, 1], [1], [999, 1]])
def test_after_every_request_each_share_is_within_one_request(weights: list[int]) -> None:
    total = sum(weights)
    counts = Counter[int]()
    for number, index in enumerate(picks(weights, 3 * total), start=1):
        counts[index] += 1
        for member, weight in enumerate(weights):
            # |count - number * weight / total| <= 1, in integers
            assert abs(counts[member] * total - number * weight) <= total, (number, counts)


@given(weights=WEIGHTS)
def test_after_a_full_cycle_the_shares_are_exact(weights: list[int]) -> None:
    fair = weights if any(weights) else [1] * len(weights)
    cycle = sum(fair) // gcd(*fair)
    for turn in range(1, 4):
        counts = Counter(picks(weights, turn * cycle))
        assert [counts[index] * sum(fair) for index in range(len(fair))] == [it * turn * cycle for it in fair]


def test_turns_interleave_as_evenly_as_the_weights_allow() -> None:
    shown = "".join("AB"[index] for index in picks([70, 30], 10))
    assert shown.count("A") == 7
    assert "AAAA" not in shown
    assert "BB" not in shown


def test_a_weight_of_nothing_gets_nothing() -> None:
    assert set(picks([0, 5, 0, 1], 600)) == {1, 3}


def test_where_nobody_has_a_weight_all_are_equal() -> None:
    assert Counter(picks([0, 0, 0], 9)) == {0: 3, 1: 3, 2: 3}


def test_a_thousand_members_are_all_served_once_before_one_is_served_twice() -> None:
    assert sorted(picks([7] * 1_000, 1_000)) == list(range(1_000))


@given(weights=WEIGHTS, members_out=st.sets(st.integers(0, 7)), before=st.integers(0, 50))
def test_the_shares_of_those_who_are_in_are_exact_while_others_are_out(
    weights: list[int], members_out: set[int], before: int
) -> None:
    """After a cycle of their own, wherever in it the others left: within one turn, and the cycle after it exactly."""
    picker = WeightedRoundRobin(weights)
    go_on(picker, CALM, before)
    fair = weights if any(weights) else [1] * len(weights)
    inside = {place: weight for place, weight in enumerate(fair) if weight and place not in members_out}
    field = FakeField(out=members_out)
    if not inside:
        assert go_on(picker, field, 5) == []
        return
    cycle = sum(inside.values())
    counts = Counter(go_on(picker, field, cycle))
    assert all(abs(counts[place] - weight) <= 1 for place, weight in inside.items()), counts
    assert Counter(go_on(picker, field, cycle)) == counts


@given(weights=st.lists(st.integers(1, 30), min_size=2, max_size=8), absence=st.integers(1, 200))
def test_who_comes_back_has_nothing_to_catch_up(weights: list[int], absence: int) -> None:
    picker, total = WeightedRoundRobin(weights), sum(weights)
    go_on(picker, FakeField(out={0}), absence)
    returned = 0
    for number, place in enumerate(go_on(picker, CALM, 3 * total), start=1):
        returned += place == 0
        # |returned - number * weight / total| <= 2, in integers: within one turn at either end of the count
        assert abs(returned * total - number * weights[0]) <= 2 * total, number


@given(weights=WEIGHTS, out=st.sets(st.integers(0, 7)), absence=st.integers(1, 100))
def test_who_comes_back_falls_into_the_rhythm_as_if_it_had_never_been_away(
    weights: list[int], out: set[int], absence: int
) -> None:
    fair = weights if any(weights) else [1] * len(weights)
    cycle = sum(fair)
    picker = WeightedRoundRobin(weights)
    go_on(picker, FakeField(out=out), absence)
    assert bytes(go_on(picker, CALM, cycle)) in bytes(picks(weights, 2 * cycle))


def test_who_is_excluded_from_one_request_loses_that_turn_only() -> None:
    picker = WeightedRoundRobin([1, 1, 1])
    assert go_on(picker, CALM, 3) == [0, 1, 2]
    assert go_on(picker, FakeField(out={0}), 1) == [1]
    assert go_on(picker, CALM, 7) == [2, 0, 1, 2, 0, 1, 2]


def test_a_turn_that_would_be_due_with_the_one_that_was_given_is_lost_with_it() -> None:
    picker = WeightedRoundRobin([1, 1])
    assert go_on(picker, FakeField(out={1}), 2) == [0, 0]
    assert go_on(picker, CALM, 5) == [0, 1, 0, 1, 0]


def test_while_nobody_admits_all_keep_their_turns() -> None:
    picker = WeightedRoundRobin([2, 1])
    expected = picks([2, 1], 9)
    got = go_on(picker, CALM, 4)
    assert picker.pick(FakeField(out={0, 1}), Random(1)) is None
    assert got + go_on(picker, CALM, 5) == expected


WELL = FakeField(ramps={0: 1.0})
"""Nobody is out, but a picker has to look."""
TROUBLES = st.tuples(st.sets(st.integers(0, 7), max_size=3), st.dictionaries(st.integers(0, 7), st.floats(0.1, 1.0)))


@given(weights=WEIGHTS, events=st.lists(st.one_of(st.integers(1, 2_500), TROUBLES), max_size=12))
def test_turns_that_are_given_in_advance_are_those_that_would_be_given(
    weights: list[int], events: list[int | tuple[set[int], dict[int, float]]]
) -> None:
    """Quiet times, and requests for which somebody is out or ramps in between."""
    ahead, asked = WeightedRoundRobin(weights), WeightedRoundRobin(weights)
    for event in events:
        if isinstance(event, int):
            assert go_on(ahead, CALM, event) == go_on(asked, WELL, event)
        else:
            trouble = FakeField(out=event[0], ramps=event[1])
            assert go_on(ahead, trouble, 1) == go_on(asked, trouble, 1)


@pytest.mark.parametrize("weights", [[1, 2, 3], [7] * 40, [5, 4, 3, 2, 1] * 80, [16_000, 500], [20_000, 1]])
def test_turns_of_a_cycle_that_was_written_down_are_those_of_the_heap(weights: list[int]) -> None:
    """Long enough for some laps, then trouble in the middle of one, and again."""
    ahead, asked = WeightedRoundRobin(weights), WeightedRoundRobin(weights)
    for quiet in (5_000, 1_237, 4_444):
        assert go_on(ahead, CALM, quiet) == go_on(asked, WELL, quiet)
        trouble = FakeField(out={0})
        assert go_on(ahead, trouble, 2) == go_on(asked, trouble, 2)


def test_a_returning_member_gains_its_share_as_its_ramp_grows() -> None:
    """30 s at 300 requests a second, three equal members. With ramp r it has r / (2 + r) of the requests; a second's
    300 turns are exact to one, the ramp moves by 3 points in them."""
    picker, rng = WeightedRoundRobin([5, 5, 5]), Random(1)
    for second in range(30):
        counts = Counter[int | None]()
        for request in range(300):
            ramp = 0.1 + 0.9 * (second + request / 300) / 30
            counts[picker.pick(FakeField(ramps={2: ramp}), rng)] += 1
        middle = 0.1 + 0.9 * (second + 0.5) / 30
        assert abs(counts[2] - 300 * middle / (2 + middle)) <= 4
        assert abs(counts[0] - counts[1]) <= 1
    assert Counter(go_on(picker, CALM, 300)) == {0: 100, 1: 100, 2: 100}


def test_weights_without_a_common_divisor_ramp_too() -> None:
    """Their dues have hundreds of digits, which no float holds."""
    weights = list(range(1, 1_001))
    picker = WeightedRoundRobin(weights)
    assert len(go_on(picker, FakeField(ramps=dict.fromkeys(range(1_000), 0.55)), 50)) == 50
