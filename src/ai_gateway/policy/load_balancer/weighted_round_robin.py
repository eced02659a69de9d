"""Smooth weighted round robin as earliest deadline first, in integers.

Every member's n-th turn is due at (2n + 1) / (2 * weight): half a period in, then once a period. The member that is
due first is picked, so turns interleave as evenly as the weights allow (70/30 is ABAABAAABA..., never seven in a
row), the share is exact after every full cycle, and a heap makes a pick O(log n) at any number of members. These are
the divisors of Sainte-Lague's apportionment: https://en.wikipedia.org/wiki/Sainte-Lagu%C3%AB_method

A member that cannot take its turn loses it: its due moves on in its own periods until it lies behind the turn that
was given instead. So it comes back at its own pace, in its old rhythm, with nothing to catch up, and meanwhile the
others share by their weights, because time still goes by their turns alone. A pick then costs a heap operation for
each turn that is passed over: on average the weight of those that are out over the weight of those that are in.

A member that ramps has longer periods: with a ramp of 0.1 its next turn is due after ten.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush, heapreplace
from math import gcd, lcm
from random import Random
from typing import Final, final

from ai_gateway.policy.field import Field

RAMP_STEPS: Final = 1_000
"""A ramp is counted in thousandths, and so are periods: with weights that share no divisor a due exceeds any float."""


@final
class WeightedRoundRobin:
    """Dues and periods are shifted to the left, and a due has its place in the bits that are free: one number to
    compare and to add to."""

    def __init__(self, weights: Sequence[int]) -> None:
        fair = list(weights) if any(weights) else [1] * len(weights)
        common = gcd(*fair)
        reduced = [weight // common for weight in fair]
        scale = lcm(*(weight for weight in reduced if weight))
        bits = self._bits = (len(fair) - 1).bit_length()
        self._places = (1 << bits) - 1
        self._period = [(2 * RAMP_STEPS * scale // weight) << bits if weight else 0 for weight in reduced]
        self._due = [period // 2 | place for place, period in enumerate(self._period) if period]
        heapify(self._due)

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        if not field.is_calm:
            return self._among_admitted(field)
        heap = self._due
        due = heap[0]
        place = due & self._places
        heapreplace(heap, due + self._period[place])
        return place

    def _among_admitted(self, field: Field) -> int | None:
        heap, places = self._due, self._places
        passed: list[int] = []
        while heap and not field.admits(heap[0] & places):
            passed.append(heappop(heap))
        if not heap:  # nobody had a turn, so nobody lost one; what was popped is sorted, hence a heap
            self._due = passed
            return None
        due = heap[0]
        place = due & places
        steps = max(1, int(RAMP_STEPS * min(1.0, field.ramp(place))))
        longer = (self._period[place] >> self._bits) * RAMP_STEPS // steps
        heapreplace(heap, due + (longer << self._bits))
        for missed in passed:
            period = self._period[missed & places]
            heappush(heap, missed + period * (((due | places) - missed) // period + 1))
        return place
