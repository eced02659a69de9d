"""One strategy a file, behind one protocol. A strategy sees weights, dice and a Field of numbers, never an endpoint:
what it decides is a place, so it can be simulated with plain numbers.

None of them is told when a request ends, and none keeps a list of who is well: both are asked of the field when a
pick needs them, so there is nothing here that could be stale, and a pick that needs neither pays for neither.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Final, Protocol

from ai_gateway.domain.config import Strategy
from ai_gateway.policy.field import Field
from ai_gateway.policy.load_balancer.least_connections import LeastConnections
from ai_gateway.policy.load_balancer.least_latency import LeastLatency
from ai_gateway.policy.load_balancer.p2c import PowerOfTwo
from ai_gateway.policy.load_balancer.priority import Priority
from ai_gateway.policy.load_balancer.random import RandomPick
from ai_gateway.policy.load_balancer.round_robin import RoundRobin
from ai_gateway.policy.load_balancer.sticky import Sticky
from ai_gateway.policy.load_balancer.weighted_round_robin import WeightedRoundRobin


class Picker(Protocol):
    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        """An index into the weights it was made with; None: nobody admits. Requests with the same `affinity` stay
        together where the picker is sticky; the others do not look at it."""
        ...


STRATEGIES: Final[Mapping[Strategy, Callable[[Sequence[int], Sequence[int]], Picker]]] = MappingProxyType(
    {
        Strategy.WEIGHTED_ROUND_ROBIN: lambda weights, _: WeightedRoundRobin(weights),
        Strategy.ROUND_ROBIN: lambda weights, _: RoundRobin(weights),
        Strategy.LEAST_CONNECTIONS: lambda weights, _: LeastConnections(weights),
        Strategy.LEAST_LATENCY: lambda weights, _: LeastLatency(weights),
        Strategy.RANDOM: lambda weights, _: RandomPick(weights),
        Strategy.P2C: lambda weights, _: PowerOfTwo(weights),
        Strategy.PRIORITY: lambda weights, priorities: Priority(weights, priorities, WeightedRoundRobin),
    }
)
"""How each is made of weights and priorities."""


def picker_for(
    strategy: Strategy,
    weights: Sequence[int],
    *,
    priorities: Sequence[int] | None = None,
    sticky_names: Sequence[str] | None = None,
) -> Picker:
    """`weights` has at least one member, none negative; the other two have as many. `priorities`: lowest first, None:
    all are equal. `sticky_names`: unique names that last, for a picker that keeps an affinity together."""
    picker = STRATEGIES[strategy](weights, [0] * len(weights) if priorities is None else priorities)
    return picker if sticky_names is None else Sticky(picker, weights, sticky_names)
