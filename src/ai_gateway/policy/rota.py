"""Whose turn it is to be looked at: everybody once an interval, nobody all at once.

A new member gets a place anywhere in the interval, so that a thousand endpoints that were configured together are not
asked together; and every turn is moved by up to a tenth, so that replicas that were started together drift apart
(Floyd and Jacobson, "The synchronization of periodic routing messages", 1994).
"""

from collections.abc import Collection
from random import Random
from typing import Final, final

JITTER: Final = 0.1


@final
class Rota:
    """`every` seconds, on average. Instants are those of one monotonic clock."""

    def __init__(self, every: float, rng: Random) -> None:
        self._every = every
        self._rng = rng
        self._due: dict[str, float] = {}

    def due(self, members: Collection[str], now: float) -> list[str]:
        """Those whose turn has come, the longest overdue first; their next turn is set. Who is no member any more is
        forgotten."""
        known = self._due
        self._due = {it: known[it] if it in known else now + self._rng.random() * self._every for it in members}
        turn = sorted((at, it) for it, at in self._due.items() if at <= now)
        for _, it in turn:
            self._due[it] = now + self._every * self._rng.uniform(1 - JITTER, 1 + JITTER)
        return [it for _, it in turn]
