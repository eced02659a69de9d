from collections import Counter
from math import sqrt
from random import Random

import pytest

from ai_gateway.policy.load_balancer.random import RandomPick

DRAWS = 10_000


@pytest.mark.parametrize("weights", [[70, 30], [50, 30, 20], [1, 1, 1, 1], [0, 0]])
def test_shares_are_kept_within_three_sigma(weights: list[int]) -> None:
    picker, rng = RandomPick(weights), Random(2_026)
    counts = Counter(picker.pick(rng) for _ in range(DRAWS))
    fair = weights if any(weights) else [1] * len(weights)
    for index, weight in enumerate(fair):
        share = weight / sum(fair)
        sigma = sqrt(DRAWS * share * (1 - share))  # of a binomial count
        assert abs(counts[index] - DRAWS * share) <= 3 * sigma


def test_a_weight_of_nothing_gets_nothing() -> None:
    picker, rng = RandomPick([0, 1, 0, 2, 0]), Random(1)
    assert {picker.pick(rng) for _ in range(1_000)} == {1, 3}
