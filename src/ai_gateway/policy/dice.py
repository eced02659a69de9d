"""Members drawn by their weights: one, another one, or a handful to compare.

A draw is a binary search in the running sums, so it costs the same among three members and among a thousand. Where
some members do not admit, draws are repeated: what is drawn and then refused leaves the others' shares as they were
(rejection sampling). Only when eight draws in a row fail is everybody looked at, and that draw has the same shares.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Final, final

from ai_gateway.policy.field import Field

DRAWS: Final = 8
ALL_UP_TO: Final = 16
"""So many members are compared one by one; of more, as many as DRAWS are drawn. With d draws the longest of n queues
is about ln ln n / ln d over the mean (Azar, Broder, Karlin, Upfal, "Balanced allocations", 1994): with eight among a
thousand less than one request, for 8 looks instead of 1,000."""


@final
class Dice:
    """`weights` has at least one member, none negative; where all are 0 they are equal. A weight of 0 is not drawn."""

    __slots__ = ("_bounds", "_everybody", "_places", "_total", "weights")

    def __init__(self, weights: Sequence[int]) -> None:
        self.weights = tuple(weights) if any(weights) else (1,) * len(weights)
        self._bounds = list(accumulate(self.weights))
        self._total = self._bounds[-1]
        self._places = range(len(self.weights))
        able = tuple(place for place, weight in enumerate(self.weights) if weight)
        self._everybody = able if len(able) <= ALL_UP_TO else None

    @property
    def compares_everybody(self) -> bool:
        """Whether `handful` is all members, each once, rather than a sample in which weights already count."""
        return self._everybody is not None

    def one(self, rng: Random) -> int:
        """Whoever it is, whether it admits or not."""
        return bisect_right(self._bounds, rng.random() * self._total)

    def another(self, place: int, rng: Random) -> int | None:
        """Anyone but `place`, by weight; None where it has no fellow."""
        weight = self.weights[place]
        rest = self._total - weight
        if not rest:
            return None
        point = int(rng.random() * rest)
        if point >= self._bounds[place] - weight:
            point += weight
        return bisect_right(self._bounds, point)

    def admitted(self, field: Field, rng: Random) -> int | None:
        """One that admits, by weight times ramp; None: nobody does."""
        for _ in range(DRAWS):
            place = self.one(rng)
            if field.admits(place) and _takes_part(field.ramp(place), rng):
                return place
        return self._among_all(field, rng)

    def another_admitted(self, place: int, field: Field, rng: Random) -> int | None:
        """Anyone but `place` who admits. None where eight draws find nobody, or who was found only ramps and sits this
        one out: a rival is welcome, not needed."""
        for _ in range(DRAWS):
            other = self.another(place, rng)
            if other is None:
                return None
            if field.admits(other):
                return other if _takes_part(field.ramp(other), rng) else None
        return None

    def handful(self, field: Field, rng: Random) -> Sequence[int]:
        """Members to compare, all of which admit; empty: nobody does. A member that ramps is among them as often as
        its ramp says."""
        drawn = self._everybody or rng.choices(self._places, cum_weights=self._bounds, k=DRAWS)
        if field.is_calm:
            return drawn
        taking_part = [it for it in drawn if field.admits(it) and _takes_part(field.ramp(it), rng)]
        if taking_part:
            return taking_part
        last = self._among_all(field, rng)
        return () if last is None else (last,)

    def _among_all(self, field: Field, rng: Random) -> int | None:
        able = [place for place, weight in enumerate(self.weights) if weight and field.admits(place)]
        if not able:
            return None
        bounds = list(accumulate(self.weights[place] * field.ramp(place) for place in able))
        return able[min(bisect_right(bounds, rng.random() * bounds[-1]), len(able) - 1)]


def _takes_part(ramp: float, rng: Random) -> bool:
    return ramp >= 1.0 or rng.random() < ramp
