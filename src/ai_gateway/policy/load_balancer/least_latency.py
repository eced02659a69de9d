"""Whoever answers first: the shortest time to the first token, weighed by what is already in flight there.

The cost of a member is (time to first token)^2 * (1 + in flight / relative weight). Without the second factor
everybody would run to the fastest until it is the slowest, and an endpoint that hangs would look fast for as long as
it hangs. The time is squared because most of what is in flight in front of a model is past its first token and waits
for nobody: with the plain product the shares of streams of equal length go by 1 / time, and an endpoint ten times as
slow as its fellow would keep 6 % of all requests; squared it keeps 1 %.

Up to 16 members all are compared, of more eight that are drawn by weight. Who has answered nothing yet counts as a
tenth faster than the fastest of those that did, so it is tried soon and not flooded. Who was slow is asked again now
and then (`policy/exploration.py`), and is back once its average (`policy/latency.py`) believes it.
"""

from collections.abc import Sequence
from math import inf
from random import Random
from typing import Final, final

from ai_gateway.policy.dice import Dice
from ai_gateway.policy.exploration import Exploration
from ai_gateway.policy.field import Field

HOPE: Final = 0.9


@final
class LeastLatency:
    def __init__(self, weights: Sequence[int]) -> None:
        dice = self._dice = Dice(weights)
        mean = sum(dice.weights) / sum(1 for weight in dice.weights if weight)
        self._inverse = [mean / weight if weight else inf for weight in dice.weights]
        # A sample is drawn by weight already: there the ties are equal.
        self._stakes = dice.weights if dice.compares_everybody else (1,) * len(dice.weights)
        self._exploration = Exploration(dice.weights)
        self._fastest = 1.0

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        stale = self._exploration.stale(field)
        return stale if stale is not None else self._cheapest(field, rng)

    def _cheapest(self, field: Field, rng: Random) -> int | None:
        calm, hoped = field.is_calm, self._fastest * HOPE
        chosen, least, staked, fastest = None, inf, 0, inf
        for place in self._dice.handful(field, rng):
            measured = field.first_token_ms(place)
            wait = measured or hoped
            if measured and measured < fastest:
                fastest = measured
            load = field.active(place) * self._inverse[place]
            if not calm:
                load /= field.ramp(place)
            cost = wait * wait * (1.0 + load)
            if cost < least:
                chosen, least, staked = place, cost, self._stakes[place]
            elif cost == least:
                staked += self._stakes[place]
                if rng.random() * staked < self._stakes[place]:
                    chosen = place
        if chosen is not None:
            self._exploration.asked[chosen] = field.now
        if fastest < inf:
            self._fastest = fastest
        return chosen
