"""Whoever carries least for its weight. For requests of very different lengths, where counting turns says little.

A load is requests in flight over weight. Among equals the weights decide by chance, so an idle pool keeps its shares
and no member is everybody's first. Up to 16 members all are compared; of more, eight that are drawn by weight,
because nothing tells a picker of the requests that end and an order kept here would be a guess: see `policy/dice.py`
for what that costs (8 us instead of 100 among a thousand, for less than one request of imbalance).

A member that ramps takes part as often as its ramp says, and its load counts as if its weight were that much smaller:
the first keeps it from all the traffic of an idle pool, the second from being filled at once to the level of a busy
one.
"""

from collections.abc import Sequence
from math import inf
from random import Random
from typing import final

from ai_gateway.policy.dice import Dice
from ai_gateway.policy.field import Field


@final
class LeastConnections:
    def __init__(self, weights: Sequence[int]) -> None:
        dice = self._dice = Dice(weights)
        self._inverse = [1 / weight if weight else inf for weight in dice.weights]
        # A sample is drawn by weight already: there the ties are equal.
        self._stakes = dice.weights if dice.compares_everybody else (1,) * len(dice.weights)

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        calm = field.is_calm
        chosen, least, staked = None, inf, 0
        for place in self._dice.handful(field, rng):
            load = field.active(place) * self._inverse[place]
            if not calm:
                load /= field.ramp(place)
            if load < least:
                chosen, least, staked = place, load, self._stakes[place]
            elif load == least:
                staked += self._stakes[place]
                if rng.random() * staked < self._stakes[place]:
                    chosen = place
        return chosen
