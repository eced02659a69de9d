"""Events that differ from one that was shaped in nothing but their text: the shaped bytes around another text.

Nearly every event of a stream is like the last one. Shaping what stands around its text again would find the same
again, so it is kept, and an event costs a look at its ends, its pipe, and a join.
"""

from typing import Final, final

from ai_gateway.domain.rules import TextPipe
from ai_gateway.providers.likeness import Likeness
from ai_gateway.providers.shaping.pieces import encode

_MOST_TRIES: Final = 8


@final
class Alike:
    """Knows one event at a time, and nothing at first."""

    __slots__ = ("_after", "_before", "_knows", "_likeness", "_pipe", "_tries")

    def __init__(self) -> None:
        self._likeness = Likeness()
        self._before = b""
        self._after = b""
        self._pipe: TextPipe | None = None
        self._knows = False
        self._tries = 0

    @property
    def wants_more(self) -> bool:
        """False where events turned out never to be alike: a member with noise in it."""
        return self._tries < _MOST_TRIES

    def covers(self, event: bytes) -> bool:
        return self._knows and self._likeness.covers(event)

    def learn(self, event: bytes, span: tuple[int, int], around: tuple[bytes, bytes], pipe: TextPipe | None) -> None:
        """`span`: where the event's one text stands; `around`: what goes out before and behind it."""
        if not self.wants_more:
            return
        self._tries += 1
        likeness = self._likeness
        likeness.learn(event)
        self._knows = likeness.before == event[: span[0]] and likeness.end == event[span[1] :]
        self._before, self._after = around
        self._pipe = pipe

    def forget(self) -> None:
        """That text is over."""
        self._knows = False

    def shape(self, event: bytes) -> bytes:
        """An event that is covered. What is no UTF-8 is no text, and dropped; so is one whose text is held back."""
        said = self._likeness.text_in(event) or b""
        if self._pipe is not None and said:
            try:
                text = said.decode()
            except UnicodeDecodeError:
                return b""
            piped = self._pipe.feed(text)
            if not piped:
                return b""
            if piped != text:
                said = encode(piped)[1:-1]
        return self._before + said + self._after
