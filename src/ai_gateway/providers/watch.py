"""Reading along with a stream without slowing it down.

Almost every event of a stream carries a few letters of text and nothing that a gateway must know. So a dialect's reader
is first asked for a verdict on bytes alone (`is_plain`), which a handful of substring searches give; only an event that
may carry usage, an error or an end is split into lines and parsed. A chunk of whole plain events, the usual case, goes
through as the very object that came in, and one that differs from the last only in its text (`Likeness`) is not even
searched.

An event whose data is no JSON would stop the caller's SDK in the middle of a good answer, so it is left out and counted
(`dropped_events`). That is why also a plain event is checked for its syntax, which a decoder that keeps nothing does in
a fraction of a microsecond.

The terminal event (`[DONE]`, `message_stop`) is kept back by `feed` and comes out of `end`: the client must not see
the end before the cost is in the journal. `finished` says that it is there, so that nobody waits for a provider that
does not close.
"""

import json
from enum import Enum
from typing import Final, Protocol

import msgspec

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.providers import StreamEnd
from ai_gateway.providers.decoding import decode
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.likeness import Likeness
from ai_gateway.providers.sse import BYTE_ORDER_MARK, RETURN, Event, EventSplitter, line_end_of, read_event, terminate

_SYNTAX: Final = msgspec.json.Decoder(msgspec.Raw)

LINE_FEED: Final = 10

PRELUDE_BYTES = 64 * 1024
"""Kept of a stream that has not begun: if it never does, these bytes say why (HTML, a JSON error, nothing)."""


class Verdict(Enum):
    """What an event means for the stream."""

    CONTENT = "goes to the client, and commits"
    ASIDE = "goes to the client, and commits to nothing: a comment, a ping"
    WITHHELD = "was only for the gateway"
    UNREADABLE = "is no JSON of the dialect: goes to the client only if a client can read it all the same"
    ERROR = "is the provider's failure"
    LAST = "ends the stream"


class EventReader(Protocol):
    """A dialect's understanding of its events."""

    @property
    def usage(self) -> Usage | None: ...

    def is_plain(self, data: bytes) -> bool:
        """Whether whole events, as bytes, can be nothing but content. In doubt: False."""
        ...

    def read(self, event: Event) -> Verdict: ...

    def is_whole(self) -> bool:
        """Whether the answer is whole although its terminal event is missing."""
        ...

    @property
    def farewell(self) -> bytes:
        """The data line that a whole answer gets if the provider left the terminal event out."""
        ...


class DialectWatch:
    """The StreamWatch of every dialect; see the protocol in providers/__init__.py."""

    __slots__ = (
        "_error",
        "_likeness",
        "_line_end",
        "_prelude",
        "_reader",
        "_splitter",
        "_started",
        "_terminal",
        "dropped_events",
        "likely",
    )

    def __init__(self, reader: EventReader) -> None:
        self._reader = reader
        self._splitter = EventSplitter()
        self._likeness = Likeness()
        self.likely: Likeness | None = None
        self._started = False
        self._error: ProviderError | None = None
        self._terminal: bytes | None = None
        self._line_end: bytes | None = None
        self._prelude: bytearray | bytes = bytearray()
        self.dropped_events = 0

    @property
    def usage(self) -> Usage | None:
        return self._reader.usage

    @property
    def error(self) -> ProviderError | None:
        return self._error

    @property
    def started(self) -> bool:
        return self._started

    @property
    def finished(self) -> bool:
        return self._terminal is not None

    def feed(self, chunk: bytes) -> bytes:
        likely = self.likely
        if likely is not None:
            if likely.text_in(chunk) is not None:
                return chunk
            if self._is_plain_whole(chunk):
                likely.learn(chunk)
                return chunk
            self.likely = None
        if self._error is not None or self._terminal is not None:
            return b""
        if not self._started:
            self._prelude += chunk[: PRELUDE_BYTES - len(self._prelude)]
        through = self._pass_on(self._splitter.feed(chunk))
        if self._error is not None or self._terminal is not None:
            return through
        if self._splitter.overflowed:
            self._error = ProviderError(status=None, message="An event of the provider's stream is too long.")
        elif self._started and self._splitter.is_empty:
            self.likely = self._likeness
        return through

    def end(self) -> StreamEnd:
        tail = b""
        if self._error is None and self._terminal is None:
            events, unterminated = self._splitter.rest()
            tail = self._pass_on([*events, *self._completed(unterminated)])
        if self._error is not None:
            return StreamEnd(tail, complete=False)
        if not self._started:
            self._error = _why_nothing_came(bytes(self._prelude))
            return StreamEnd(b"", complete=False)
        if self._terminal is not None:
            return StreamEnd(tail + self._terminal, complete=True)
        if not self._reader.is_whole():
            return StreamEnd(tail, complete=False)
        return StreamEnd(tail + terminate(self._reader.farewell, self._line_end or b"\n"), complete=True)

    def _is_plain_whole(self, chunk: bytes) -> bool:
        return chunk.endswith(b"\n\n") and RETURN not in chunk and self._reader.is_plain(chunk) and _have_syntax(chunk)

    def _pass_on(self, events: list[bytes]) -> bytes:
        if events and self._line_end is None:
            self._line_end = line_end_of(events[0])
        through: list[bytes] = []
        for event in events:
            if self._started and self._reader.is_plain(event) and _have_syntax(event):
                through.append(event)
                continue
            said = read_event(event)
            verdict = self._reader.read(said)
            if verdict is Verdict.ERROR:
                self._error = read_error(None, {}, said.data or b"")
                break
            if verdict is Verdict.LAST:
                self._terminal = event
                break
            if verdict is Verdict.UNREADABLE:
                if not _is_readable_all_the_same(said.data or b""):
                    self.dropped_events += 1
                    continue
                verdict = Verdict.CONTENT
            if verdict is Verdict.CONTENT:
                self._started = True
                self._prelude = b""  # it says why nothing has begun
            if verdict is not Verdict.WITHHELD:
                through.append(event)
        return through[0] if len(through) == 1 else b"".join(through)

    def _completed(self, unterminated: bytes) -> tuple[bytes, ...]:
        """What a body's end left over, as events. One that lacks only its blank line gets it; one that was cut within
        its data is dropped, since no client could read it."""
        if not unterminated.strip(b"\r\n") or unterminated.startswith(b":"):
            return (unterminated,) if unterminated else ()
        data = read_event(unterminated).data
        if data is None or not (data.strip() == b"[DONE]" or decode(data, msgspec.Raw) is not None):
            return ()
        return (terminate(unterminated, self._line_end or line_end_of(unterminated)),)


def verdict_on_unreadable(event: Event, *, begun: bool) -> Verdict:
    """What data that does not decode means. `begun` False: the stream has said nothing yet. Then words that were never
    meant as JSON are why it does not answer, while a broken event may be followed by good ones."""
    data = (event.data or b"").lstrip()
    refuses = not begun and (not data.startswith(b"{") or b'"error"' in data)
    return Verdict.ERROR if refuses or event.name == b"error" else Verdict.UNREADABLE


def _have_syntax(events: bytes) -> bool:
    """Whether whole events are, each, one data line with a JSON object, maybe after an event line. False in doubt."""
    try:
        if events.startswith(b"data: {") and events.find(b"\n\n") == len(events) - 2:
            _SYNTAX.decode(events[6:])
            return True
        for event in events[:-2].split(b"\n\n"):
            at = event.find(b"data: {")
            if at < 0 or (at > 0 and event[at - 1] != LINE_FEED):
                return False
            _SYNTAX.decode(event[at + 6 :])
    except (ValueError, RecursionError):
        return False
    return True


def _is_readable_all_the_same(data: bytes) -> bool:
    """Whether an object that strict JSON refuses is one for clients there are: NaN, half an emoji, a bare tab. Their
    text is not lost for that."""
    try:
        return isinstance(json.loads(data, strict=False), dict)
    except (ValueError, RecursionError):
        return False


def _why_nothing_came(prelude: bytes) -> ProviderError:
    """An answer that was to be a stream and has no content: a JSON error, a page, or nothing."""
    said = prelude.lstrip()
    if said and not said.startswith((b":", b"data", b"event", b"id:", b"retry:", BYTE_ORDER_MARK)):
        return read_error(None, {}, prelude)
    return ProviderError(status=None, message="The provider's stream ended without an answer.")
