"""Smooth weighted round robin as earliest deadline first, in integers.

Every member's n-th turn is due at (2n + 1) / (2 * weight): half a period in, then once a period. The member that is
due first is picked, so turns interleave as evenly as the weights allow (70/30 is ABAABAAABA..., never seven in a
row), the share is exact after every full cycle, and a heap makes a pick O(log n) at any number of members. These are
the divisors of Sainte-Lague's apportionment: https://en.wikipedia.org/wiki/Sainte-Lagu%C3%AB_method
"""

from collections.abc import Sequence
from heapq import heapify, heapreplace
from math import gcd, lcm
from random import Random
from typing import final


@final
class WeightedRoundRobin:
    def __init__(self, weights: Sequence[int]) -> None:
        fair = list(weights) if any(weights) else [1] * len(weights)
        common = gcd(*fair)
        reduced = [weight // common for weight in fair]
        scale = lcm(*(weight for weight in reduced if weight))
        self._period = [2 * scale // weight if weight else 0 for weight in reduced]
        self._due = [(period // 2, index) for index, period in enumerate(self._period) if period]
        heapify(self._due)

    def pick(self, rng: Random) -> int:
        due, index = self._due[0]
        heapreplace(self._due, (due + self._period[index], index))
        return index
