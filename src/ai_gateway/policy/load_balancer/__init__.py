"""One strategy a file, behind one protocol. A strategy sees weights and dice, never an endpoint: what it decides is
an index, so it can be simulated with plain numbers."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Final, Protocol

from ai_gateway.domain.config import Strategy
from ai_gateway.policy.load_balancer.random import RandomPick
from ai_gateway.policy.load_balancer.round_robin import RoundRobin
from ai_gateway.policy.load_balancer.weighted_round_robin import WeightedRoundRobin


class Picker(Protocol):
    def pick(self, rng: Random) -> int:
        """An index into the weights it was made with."""
        ...


STRATEGIES: Final[Mapping[Strategy, Callable[[Sequence[int]], Picker]]] = MappingProxyType(
    {
        Strategy.WEIGHTED_ROUND_ROBIN: WeightedRoundRobin,
        Strategy.ROUND_ROBIN: RoundRobin,
        Strategy.RANDOM: RandomPick,
    }
)
"""The strategies in force. A pool that names another one is served by weights, and the admin API says so."""


def picker_for(strategy: Strategy, weights: Sequence[int]) -> Picker:
    """`weights` has at least one member, none negative."""
    return STRATEGIES.get(strategy, WeightedRoundRobin)(weights)
