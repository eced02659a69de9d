"""Dice with the weights painted on: no state at all, so any number of replicas keep the shares without talking."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import final


@final
class RandomPick:
    def __init__(self, weights: Sequence[int]) -> None:
        fair = weights if any(weights) else [1] * len(weights)
        self._bounds = list(accumulate(fair))

    def pick(self, rng: Random) -> int:
        return bisect_right(self._bounds, rng.randrange(self._bounds[-1]))
