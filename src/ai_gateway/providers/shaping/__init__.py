"""Where things are in the bodies of each dialect of callers: what rules name by its meaning, found and changed.

Requests are changed through a `RequestForm` (one a dialect); answers by a shaper of whole bodies and one of streams,
which say the same: a stream that was shaped folds to the unary answer that was shaped, for every partition. They work
on what the caller would have got, behind any translation, so a rule holds for every provider. Bytes of an answer leave
only through them.
"""

from typing import Protocol


class EventShaper(Protocol):
    """Shapes one stream. Made new for each."""

    def feed(self, events: bytes) -> bytes:
        """Whole events in, whole events out, perhaps none yet. Raises Blocked, RuleFailed."""
        ...

    def end(self) -> bytes:
        """The stream ended as it should, and everything was fed: what was kept back and never called for. A dialect's
        terminal event comes last, whatever is kept back."""
        ...
