from collections import Counter
from math import gcd
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.load_balancer.weighted_round_robin import WeightedRoundRobin

WEIGHTS = st.lists(st.integers(0, 60), min_size=1, max_size=8)


def picks(weights: list[int], count: int) -> list[int]:
    picker, rng = WeightedRoundRobin(weights), Random(1)
    return [picker.pick(rng) for _ in range(count)]


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
