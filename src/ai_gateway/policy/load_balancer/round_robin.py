"""Everyone in turn, whatever the weights say: for endpoints that are known to be equal."""

from collections.abc import Sequence
from random import Random
from typing import final


@final
class RoundRobin:
    def __init__(self, weights: Sequence[int]) -> None:
        self._count = len(weights)
        self._next = 0

    def pick(self, rng: Random) -> int:
        index = self._next
        self._next = (index + 1) % self._count
        return index
