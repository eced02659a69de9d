from collections import Counter
from math import sqrt
from random import Random

import pytest

from ai_gateway.policy.load_balancer.random import RandomPick
from policy.load_balancer.fields import CALM, FakeField

DRAWS = 10_000


def assert_shares(field: FakeField, weights: list[int], shares: list[float]) -> None:
    picker, rng = RandomPick(weights), Random(2_026)
    counts = Counter(picker.pick(field, rng) for _ in range(DRAWS))
    for place, part in enumerate(shares):
        share = part / sum(shares)
        sigma = sqrt(DRAWS * share * (1 - share))  # of a binomial count
        assert abs(counts[place] - DRAWS * share) <= 3 * sigma


@pytest.mark.parametrize("weights", [[70, 30], [50, 30, 20], [1, 1, 1, 1], [0, 0]])
def test_shares_are_kept_within_three_sigma(weights: list[int]) -> None:
    assert_shares(CALM, weights, [float(weight) for weight in (weights if any(weights) else [1] * len(weights))])


def test_who_is_out_leaves_the_shares_of_the_others_as_they_are_to_each_other() -> None:
    assert_shares(FakeField(out={0}), [50, 30, 20], [0, 30, 20])


def test_a_ramp_is_a_part_of_the_weight() -> None:
    assert_shares(FakeField(ramps={0: 0.3}), [50, 30, 20], [15, 30, 20])


def test_a_weight_of_nothing_gets_nothing() -> None:
    picker, rng = RandomPick([0, 1, 0, 2, 0]), Random(1)
    assert {picker.pick(CALM, rng) for _ in range(1_000)} == {1, 3}
