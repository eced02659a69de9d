"""Whether an event differs from one that was understood in nothing but its letters.

The events of a stream are alike: the same members, the same ids, another word. Once one of them is known to be plain
content, everything before its text and behind it is known too; the next event needs no search and no parser if it
begins and ends with the same bytes and what is between them stays inside the string that it stands in.
"""

import re
from typing import Final, final

_TEXT: Final = re.compile(rb'"(?:content|text)": ?"([^"\\\x00-\x1f]*)"')
_INSIDE: Final = re.compile(rb'[^"\\\x00-\x1f]*').fullmatch
_NOTHING: Final = b"\0"
_MOST_MISSES: Final = 8


@final
class Likeness:
    """Knows one event at a time: what stands `before` and `after` its text. A provider whose events are never alike (a
    member with noise in it) is given up on after a few, because learning costs more than it saves."""

    __slots__ = ("_after_bytes", "_before_bytes", "_misses", "after", "before")

    def __init__(self) -> None:
        self.before = self.after = _NOTHING
        self._before_bytes = self._after_bytes = 1
        self._misses = 0

    def text_of(self, event: bytes) -> bytes:
        """What differs in an event that is covered, as it stands in the string: no quote, no escape, no control."""
        return event[self._before_bytes : len(event) - self._after_bytes]

    def covers(self, event: bytes) -> bool:
        """Whether this is the event that was learned with other text in it. `event` may be any bytes."""
        return (
            event.startswith(self.before)
            and event.endswith(self.after)
            and _INSIDE(event, self._before_bytes, len(event) - self._after_bytes) is not None
        )

    def learn(self, event: bytes) -> None:
        """`event` is one whole event, known to be plain content, and was not covered."""
        if self._misses > _MOST_MISSES:
            return
        self._misses += 1
        found = _TEXT.search(event)
        if found is not None:
            begin, end = found.span(1)
            self.before, self.after = event[:begin], event[end:]
            self._before_bytes, self._after_bytes = begin, len(event) - end
