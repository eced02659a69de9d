"""When a stream's progress is written down: every 256 events or every two seconds, whichever comes first. The floor of
what a crash would bill then follows the truth closely, and a frame costs a comparison and a look at the clock."""

from collections.abc import Callable
from typing import Final, final

from ai_gateway.runtime.clock import Clock

MARK_EVENTS: Final = 256
MARK_SECONDS: Final = 2.0


@final
class Marks:
    """`mark` writes one down. The next is due at `due_events` or `due_seconds`, whichever comes first; before that
    nothing has to be noted. `at`: when it was asked last (monotonic seconds, as `now` has them)."""

    __slots__ = ("_mark", "at", "due_events", "due_seconds", "now")

    def __init__(self, clock: Clock, mark: Callable[[], None]) -> None:
        self.now = clock.now
        self._mark = mark
        self.due_events = MARK_EVENTS
        self.at = self.now()
        self.due_seconds = self.at + MARK_SECONDS

    def note(self, events: int) -> None:
        """So many events were delivered by now."""
        now = self.at = self.now()
        if events >= self.due_events or now >= self.due_seconds:
            self.due_events = events + MARK_EVENTS
            self.due_seconds = now + MARK_SECONDS
            self._mark()
