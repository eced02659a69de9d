"""How many were sent to an endpoint lately and how many of them failed, in buckets.

Apart from the breaker (policy/circuit_breaker.py) that asks, because nearly no request touches it: a sending is only
numbered, and what a bucket had is counted when it ends.
"""

from typing import Final, final

BUCKETS: Final = 20


@final
class RollingWindow:
    """How many were sent, and how many of them failed, within the last `seconds`: in buckets, the one in use besides.
    Sendings are numbered, and `number` is the last one's."""

    __slots__ = ("_fails", "_first", "_place", "_sends", "width")

    def __init__(self, seconds: float) -> None:
        self.width = seconds / BUCKETS
        self.clear(0)

    def clear(self, number: int) -> None:
        self._place = 0
        self._first = number  # the number before the bucket's first: what it has is counted when it ends
        self._sends = [0] * BUCKETS
        self._fails = [0] * BUCKETS

    def note_failure(self) -> None:
        self._fails[self._place] += 1

    def totals(self, number: int) -> tuple[int, int]:
        """Sent and failed."""
        return number - self._first + sum(self._sends), sum(self._fails)

    def most(self, number: int) -> int:
        """Sent in one bucket."""
        return max(*self._sends, number - self._first)

    def roll(self, ends: float, now: float, number: int) -> float:
        """Begin the bucket that `now` falls into, where the one in use ended at `ends`. When it ends."""
        steps = int((now - ends) / self.width) + 1
        if steps >= BUCKETS:
            self.clear(number)
        else:
            self._sends[self._place] = number - self._first
            self._first = number
            for _ in range(steps):
                self._place = (self._place + 1) % BUCKETS
                self._sends[self._place] = self._fails[self._place] = 0
        return ends + steps * self.width
