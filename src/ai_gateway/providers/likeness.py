"""Whether an event differs from one that was understood in nothing but its letters.

The events of a stream are alike: the same members, the same ids, another word. Once one of them is known to be plain
content, everything before its text and behind it is known too; the next event needs no search and no parser if it
begins and ends with the same bytes and what is between them stays inside the string that it stands in.
"""

import re
from typing import Final, final

_TEXT: Final = re.compile(rb'"(?:content|text)": ?"([^"\\\x00-\x1f]*)"')
INSIDE: Final = bytes(0x7F if byte < 0x20 or byte in b'"\\' else byte for byte in range(256))
"""Leaves as it is what may stand in a string, and nothing else."""

_DATA: Final = b"data:"
_NOTHING: Final = b"\0"
_MOST_MISSES: Final = 8


@final
class Likeness:
    """Knows one event at a time: what stands `before` and `after` its text, `around_bytes` of it. Where it came as one
    with others, `events` of them. A provider whose events are never alike (a member with noise in it) is given up on
    after a few, because learning costs more than it saves."""

    __slots__ = ("_misses", "after", "around_bytes", "before", "events")

    def __init__(self) -> None:
        self.before = self.after = _NOTHING
        self.around_bytes = -1
        self.events = 0
        self._misses = 0

    def text_in(self, event: bytes) -> bytes | None:
        """What differs in an event that is covered, as it stands in the string: no quote, no escape, no control. None
        for any other bytes."""
        text = event.removeprefix(self.before).removesuffix(self.after)
        if len(event) - len(text) != self.around_bytes or text.translate(INSIDE) != text:
            return None
        return text

    def covers(self, event: bytes) -> bool:
        """Whether this is the event that was learned with other text in it. `event` may be any bytes."""
        return self.text_in(event) is not None

    def learn(self, event: bytes) -> None:
        """`event` is one whole event, known to be plain content, and was not covered."""
        if self._misses > _MOST_MISSES:
            return
        self._misses += 1
        found = _TEXT.search(event)
        if found is not None:
            begin, end = found.span(1)
            self.before, self.after = event[:begin], event[end:]
            self.around_bytes = begin + len(event) - end
            self.events = self.before.count(_DATA) + self.after.count(_DATA)
