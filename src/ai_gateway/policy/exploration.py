"""Who has not been asked for so long that nothing is known about it any more.

A strategy that goes by measurements never measures what it avoids, so an endpoint that was slow once would stay alone
for ever. Averages that fade with time would send it requests at any rate, many of them where many endpoints are slow;
here the price has a ceiling: of every 32 picks at most one goes to the member that was asked longest ago, and only if
that is 5 seconds ago. One slow endpoint of three at 300 requests a second costs 0.07 % of them; the bound for any
number of slow ones is 3.1 %.
"""

from collections.abc import Sequence
from math import inf
from typing import Final, final

from ai_gateway.policy.field import Field

ONE_OF: Final = 32
AGAIN_AFTER_SECONDS: Final = 5.0


@final
class Exploration:
    """`asked`: for each place, when it was last picked (monotonic seconds): the strategy writes it."""

    __slots__ = ("_picks", "asked")

    def __init__(self, weights: Sequence[int]) -> None:
        self.asked = [-inf if weight else inf for weight in weights]
        self._picks = 0

    def stale(self, field: Field) -> int | None:
        """To be called once a pick. A place that admits and should be asked now, whatever is known about it."""
        self._picks += 1
        if self._picks % ONE_OF:
            return None
        asked, now = self.asked, field.now
        oldest = min(asked)
        if now - oldest < AGAIN_AFTER_SECONDS:
            return None
        place = asked.index(oldest)
        asked[place] = now
        return place if field.is_calm or field.admits(place) else None
