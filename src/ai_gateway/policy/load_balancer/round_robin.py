"""Everyone in turn, whatever the weights say: for endpoints that are known to be equal.

A turn that cannot be taken goes to the next in the ring and is not made up for, so nobody comes back to a burst. The
successor is not burdened twice either, because the ring goes on behind whoever took the turn.
"""

from collections.abc import Sequence
from random import Random
from typing import final

from ai_gateway.policy.field import Field


@final
class RoundRobin:
    def __init__(self, weights: Sequence[int]) -> None:
        self._count = len(weights)
        self._next = 0

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        place = self._next
        if not field.is_calm:
            able = self._able(field, rng)
            if able is None:
                return None
            place = able
        self._next = (place + 1) % self._count
        return place

    def _able(self, field: Field, rng: Random) -> int | None:
        """The next that admits; who ramps lets its turn go by as often as its ramp says, unless all do."""
        hesitant = None
        for step in range(self._count):
            place = (self._next + step) % self._count
            if field.admits(place):
                ramp = field.ramp(place)
                if ramp >= 1.0 or rng.random() < ramp:
                    return place
                hesitant = place if hesitant is None else hesitant
        return hesitant
