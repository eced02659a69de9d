"""The better of two that are drawn by chance: as good as knowing everybody, for two looks among any number of members.

Mitzenmacher, "The power of two choices in randomized load balancing", 2001: the second look takes the longest queue
of n from ln n / ln ln n to ln ln n, and because nobody is always the best, replicas do not all run to the same
endpoint. The load is Finagle's peak EWMA (`policy/latency.py`) by requests in flight plus one, the latter over the
weight relative to the mean. Finagle multiplies the plain latency, which suits calls that are over when they are
answered. A stream is in flight long after its first token, so the plain product leaves an endpoint ten times as slow
as its fellow 6 % of all requests, and every slow one is seen in the 99th percentile; with the square it is under 1 %.

The first is drawn by weight, the second by weight among the others, and the second has to be really better: equal
members keep their exact shares. Who has answered nothing yet counts like its rival. Who was slow is asked again now
and then (`policy/exploration.py`), because a peak that is never measured again never sinks.
"""

from collections.abc import Sequence
from math import inf
from random import Random
from typing import final

from ai_gateway.policy.dice import Dice
from ai_gateway.policy.exploration import Exploration
from ai_gateway.policy.field import Field


@final
class PowerOfTwo:
    def __init__(self, weights: Sequence[int]) -> None:
        dice = self._dice = Dice(weights)
        mean = sum(dice.weights) / sum(1 for weight in dice.weights if weight)
        self._inverse = [mean / weight if weight else inf for weight in dice.weights]
        self._exploration = Exploration(dice.weights)

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        stale = self._exploration.stale(field)
        if stale is not None:
            return stale
        first = self._dice.one(rng) if field.is_calm else self._dice.admitted(field, rng)
        if first is None:
            return None
        second = self._rival(first, field, rng)
        chosen = first if second is None else self._better(first, second, field)
        self._exploration.asked[chosen] = field.now
        return chosen

    def _rival(self, first: int, field: Field, rng: Random) -> int | None:
        if field.is_calm:
            return self._dice.another(first, rng)
        return self._dice.another_admitted(first, field, rng)

    def _better(self, first: int, second: int, field: Field) -> int:
        peaks = field.peak_first_token_ms(first), field.peak_first_token_ms(second)
        one = peaks[0] or peaks[1] or 1.0
        other = peaks[1] or peaks[0] or 1.0
        return second if other * other * self._queue(second, field) < one * one * self._queue(first, field) else first

    def _queue(self, place: int, field: Field) -> float:
        load = field.active(place) * self._inverse[place]
        return 1.0 + (load if field.is_calm else load / field.ramp(place))
