"""How long an endpoint takes, as two moving averages over time: what is usual, and what it was at its worst lately.

The weight of the past depends on the seconds that went by, not on the number of answers, because a balancer sends a
slow endpoint little: one answer after a quiet minute has to be believed, one of a hundred in a second has not. The
peak takes a slower answer whole and forgets it with time: Finagle's PeakEwma,
https://github.com/twitter/finagle/blob/develop/finagle-core/src/main/scala/com/twitter/finagle/loadbalancer/PeakEwma.scala
after Eckner's averages for unevenly spaced samples. Finagle forgets over 10 s; half of that is taken here, so that an
endpoint that is asked again every few seconds (`policy/exploration.py`) is believed to be well after five good
answers.
"""

from math import exp
from typing import Final, final

MEMORY_SECONDS: Final = 5.0


@final
class Latency:
    """Milliseconds. `usual` and `peak` are None until the first answer."""

    __slots__ = ("_at", "_memory", "peak", "usual")

    def __init__(self, memory_seconds: float = MEMORY_SECONDS) -> None:
        self.usual: float | None = None
        self.peak: float | None = None
        self._at = 0.0
        self._memory = memory_seconds

    def observe(self, milliseconds: float, now: float) -> None:
        """`now`: monotonic seconds. Answers may come in any order; one from the past weighs nothing but as a peak."""
        usual, peak = self.usual, self.peak
        if usual is None or peak is None:
            self.usual = self.peak = milliseconds
            self._at = now
            return
        at = self._at
        if now > at:
            past = exp((at - now) / self._memory)
            self._at = now
        else:
            past = 1.0
        self.usual = milliseconds + past * (usual - milliseconds)
        self.peak = milliseconds if milliseconds > peak else milliseconds + past * (peak - milliseconds)
