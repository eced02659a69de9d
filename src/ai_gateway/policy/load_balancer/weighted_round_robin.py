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

While everybody is well the next turns are known, so some are given in advance: then the heap of a thousand members is
gone through once for hundreds of requests, and not for each of them, when nothing of it is in the cache any more. Who
cannot be asked makes the rest of them void. The longer all were well, the more are given at a time, so that no more
turns are taken back than were used. After a full cycle, in which everybody had as many turns as weight, the same turns
come again in the same order; so a cycle that was given whole is written down, and the heap is not asked any more.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heappush, heapreplace
from math import gcd, lcm
from random import Random
from typing import Final, final

from ai_gateway.policy.field import Field

RAMP_STEPS: Final = 1_000
"""A ramp is counted in thousandths, and so are periods: with weights that share no divisor a due exceeds any float."""
FEWEST_AHEAD: Final = 8
MOST_AHEAD: Final = 512
LONGEST_CYCLE: Final = 1 << 14
"""Turns that are written down: 64 KiB of them."""


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
        self._ahead = array("I")  # the last is the next
        self._most_ahead = FEWEST_AHEAD
        turns = sum(reduced)
        self._turns = turns * -(-MOST_AHEAD // turns) if turns <= LONGEST_CYCLE else 0  # short ones several times
        self._cycle = array("I")
        self._given = 0  # of the cycle, since the heap stands where it is

    def pick(self, field: Field, rng: Random, affinity: bytes | str | None = None) -> int | None:
        if not field.is_calm:
            if self._ahead:
                self._take_back()
            return self._among_admitted(field)
        ahead = self._ahead
        if not ahead:
            self._give_ahead()
        return ahead.pop()

    def _give_ahead(self) -> None:
        ahead, cycle, turns, given = self._ahead, self._cycle, self._turns, self._given
        if cycle and len(cycle) == turns:
            ahead.extend(cycle[given : given + MOST_AHEAD])
            self._given = (given + len(ahead)) % turns
        else:
            most = self._most_ahead
            self._most_ahead = min(2 * most, MOST_AHEAD)
            if turns and (cycle or self._is_in_rhythm()):
                self._ask_heap(min(most, turns - len(cycle)))
                cycle.extend(ahead)
            else:
                self._ask_heap(most)
        ahead.reverse()

    def _ask_heap(self, turns: int) -> None:
        heap, periods, places, ahead = self._due, self._period, self._places, self._ahead
        for _ in range(turns):
            due = heap[0]
            place = due & places
            ahead.append(place)
            heapreplace(heap, due + periods[place])

    def _is_in_rhythm(self) -> bool:
        """Whether everybody's next turn is within a period of his own, so that all have their turns in one cycle."""
        heap, periods, places = self._due, self._period, self._places
        first = heap[0]
        return all(due - first < periods[due & places] for due in heap)

    def _take_back(self) -> None:
        periods, places = self._period, self._places
        turns = Counter(self._cycle[: self._given])
        turns.subtract(self._ahead)
        self._due = [due + turns[due & places] * periods[due & places] for due in self._due]
        heapify(self._due)
        del self._ahead[:], self._cycle[:]
        self._given = 0
        self._most_ahead = FEWEST_AHEAD

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
