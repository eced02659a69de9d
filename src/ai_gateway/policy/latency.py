"""How long an endpoint takes, as two moving averages over time: what is usual, and what it was at its worst lately.

The weight of the past depends on the seconds that went by, not on the number of answers, because a balancer sends a
slow endpoint little: one answer after a quiet minute has to be believed, one of a hundred in a second has not. The
peak takes a slower answer whole and forgets it with time: Finagle's PeakEwma,
https://github.com/twitter/finagle/blob/develop/finagle-core/src/main/scala/com/twitter/finagle/loadbalancer/PeakEwma.scala
after Eckner's averages for unevenly spaced samples. Finagle forgets over 10 s; half of that is taken here, so that an
endpoint that is asked again every few seconds (`policy/exploration.py`) is believed to be well after five good
answers.
"""

from collections.abc import Sequence
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
        self.observe_all((milliseconds, now))

    def observe_all(self, answers: Sequence[float]) -> None:
        """The milliseconds and the instant of each, one after the other."""
        usual, peak, at, memory = self.usual, self.peak, self._at, self._memory
        numbers = iter(answers)
        for milliseconds, now in zip(numbers, numbers, strict=True):
            if usual is None or peak is None:
                usual = peak = milliseconds
                at = now
                continue
            if now > at:
                past = exp((at - now) / memory)
                at = now
            else:
                past = 1.0
            usual = milliseconds + past * (usual - milliseconds)
            peak = milliseconds if milliseconds > peak else milliseconds + past * (peak - milliseconds)
        self.usual, self.peak, self._at = usual, peak, at
