"""The only file that reads a clock. Everyone else is told the time, which is how midnight can be tested at noon.

`now` is monotonic and measures; `wall` is Unix time and names instants. Wall time is the start's plus what the
monotonic clock added since, so a stepped system clock cannot move a request back across midnight.
"""

import time
from typing import Protocol, final


class Clock(Protocol):
    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall(self) -> float:
        """Unix seconds."""
        ...


@final
class SystemClock:
    now = staticmethod(time.monotonic)

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def wall(self) -> float:
        return time.monotonic() + self._offset

    def move(self, seconds: float) -> None:
        """Somebody knows the time better."""
        self._offset += seconds
