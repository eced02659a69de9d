from random import Random

import pytest

from ai_gateway.domain.config import Strategy
from ai_gateway.policy.load_balancer import STRATEGIES, picker_for
from ai_gateway.policy.load_balancer.random import RandomPick
from ai_gateway.policy.load_balancer.round_robin import RoundRobin
from ai_gateway.policy.load_balancer.weighted_round_robin import WeightedRoundRobin


@pytest.mark.parametrize(
    ("strategy", "kind"),
    [
        (Strategy.WEIGHTED_ROUND_ROBIN, WeightedRoundRobin),
        (Strategy.ROUND_ROBIN, RoundRobin),
        (Strategy.RANDOM, RandomPick),
    ],
)
def test_a_strategy_is_found_by_its_name(strategy: Strategy, kind: type[object]) -> None:
    assert isinstance(picker_for(strategy, [1, 2]), kind)


@pytest.mark.parametrize("strategy", sorted(set(Strategy) - set(STRATEGIES)))
def test_a_strategy_that_is_not_in_force_is_served_by_weights(strategy: Strategy) -> None:
    assert isinstance(picker_for(strategy, [1, 2]), WeightedRoundRobin)


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("weights", [[1], [0], [3, 1], [1] * 50])
def test_every_strategy_picks_one_of_its_members(strategy: Strategy, weights: list[int]) -> None:
    picker, rng = picker_for(strategy, weights), Random(1)
    assert {picker.pick(rng) for _ in range(200)} <= set(range(len(weights)))
