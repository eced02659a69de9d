"""Whether an event differs from one that was understood in nothing but its letters.

The events of a stream are alike: the same members, the same ids, another word. Once one of them is known to be plain
content, everything before its text and behind it is known too; the next event needs no search and no parser if it
begins and ends with the same bytes and what is between them stays inside the string that it stands in.

OpenAI and Azure (`obfuscation`) and Mistral (`p`) put a second string into each event that differs: noise that hides
from who listens on the wire how long a word is. It is looked for once it was seen, behind what stands between the two.
"""

import re
from typing import Final, final

_TEXT: Final = re.compile(rb'"(?:content|text)": ?"([^"\\\x00-\x1f]*)"')
_NOISE: Final = re.compile(rb'"(?:obfuscation|p)": ?"([^"\\\x00-\x1f]*)"')
INSIDE: Final = bytes(0x7F if byte < 0x20 or byte in b'"\\' else byte for byte in range(256))
"""Leaves as it is what may stand in a string, and nothing else."""

_DATA: Final = b"data:"
_NOTHING: Final = b"\0"
_MOST_MISSES: Final = 8


@final
class Likeness:
    """Knows one event at a time: what stands `before` and `after` its text, `around_bytes` of it. Where there is noise
    behind the text, it stands between `middle` and `end`, which together are `after`; else `middle` is empty. Where it
    came as one with others, `events` of them. A provider whose events are never alike is given up on after a few,
    because learning costs more than it saves."""

    __slots__ = ("_misses", "after", "around_bytes", "before", "end", "events", "middle")

    def __init__(self) -> None:
        self.before = self.after = self.end = _NOTHING
        self.middle = b""
        self.around_bytes = -1
        self.events = 0
        self._misses = 0

    def text_in(self, event: bytes) -> bytes | None:
        """What differs in an event that is covered, as it stands in the string: no quote, no escape, no control. None
        for any other bytes. What differs as noise is left out."""
        text, size = event.removeprefix(self.before).removesuffix(self.end), len(event)
        if self.middle:
            text, _, noise = text.partition(self.middle)
            if noise.translate(INSIDE) != noise:
                return None
            size -= len(noise)
        if size - len(text) != self.around_bytes or text.translate(INSIDE) != text:
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
            begin, behind = found.span(1)
            noise = _NOISE.search(event, behind)
            self.before, self.middle, self.end = event[:begin], b"", event[behind:]
            if noise is not None:
                self.middle, self.end = event[behind : noise.start(1)], event[noise.end(1) :]
            self.after = self.middle + self.end
            self.around_bytes = len(self.before) + len(self.after)
            self.events = self.before.count(_DATA) + self.after.count(_DATA)
