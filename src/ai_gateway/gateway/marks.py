"""When a stream's progress is written down: every 256 events or every two seconds, whichever comes first. The floor of
what a crash would bill then follows the truth closely, and a frame costs a comparison and a look at the clock."""

from collections.abc import Callable
from typing import Final, final

from ai_gateway.runtime.clock import Clock

MARK_EVENTS: Final = 256
MARK_SECONDS: Final = 2.0


@final
class Marks:
    """`mark` writes one down. `at`: when it was asked last (monotonic seconds)."""

    __slots__ = ("_clock", "_events", "_mark", "_seconds", "at")

    def __init__(self, clock: Clock, mark: Callable[[], None]) -> None:
        self._clock = clock
        self._mark = mark
        self._events = MARK_EVENTS
        self.at = clock.now()
        self._seconds = self.at + MARK_SECONDS

    def note(self, events: int) -> None:
        """So many events were delivered by now."""
        now = self.at = self._clock.now()
        if events >= self._events or now >= self._seconds:
            self._events = events + MARK_EVENTS
            self._seconds = now + MARK_SECONDS
            self._mark()
