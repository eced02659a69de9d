"""Server-sent events as bytes.

An event keeps the exact bytes it came as, so that what need not change is forwarded unchanged; lines are told apart by
CR, LF and CRLF only (WHATWG HTML, 9.2.6). `str.splitlines` also splits at U+0085, U+2028, \\v, \\f and \\x1c to \\x1e,
all of which are legal inside JSON strings: text that was split there is lost JSON, and with it lost usage.

A CR at the very end of what has arrived may be half of a CRLF, so an event that ends in one waits for the next byte.
Thus the events are the same for every partition of the bytes; only a stream framed by lone CRs runs one byte late.
"""

import re

import msgspec

EVENT_LIMIT_BYTES = 10 * 1024 * 1024
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
RETURN = 13

_BLANK_LINE = re.compile(rb"(?>\r\n|\n|\r){2}")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_LONGEST_BLANK_LINE = 4


class Event(msgspec.Struct, frozen=True, gc=False):
    """What an event says. `data` is None where it has no data line (a comment, an id, blank lines)."""

    name: bytes
    data: bytes | None


class EventSplitter:
    """Whole events out of any partition of a stream. `overflowed` is set, and the splitter gives nothing more, once
    an event is longer than `limit_bytes`: a provider that never ends a line must not fill the memory."""

    __slots__ = ("_buffer", "_limit_bytes", "_plain", "_seen", "overflowed")

    def __init__(self, limit_bytes: int = EVENT_LIMIT_BYTES) -> None:
        self._buffer = bytearray()
        self._limit_bytes = limit_bytes
        self._seen = 0
        self._plain = True
        self.overflowed = False

    @property
    def is_empty(self) -> bool:
        """True between two events."""
        return not self._buffer

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that this chunk completes, each with its blank line."""
        if self.overflowed:
            return []
        if self._plain and RETURN in chunk:
            self._plain = False
        self._buffer += chunk
        return self._cut(len(self._buffer) - self._trailing_return())

    def rest(self) -> tuple[list[bytes], bytes]:
        """What is left when the body has ended: an event whose last CR was waited for, and unterminated bytes."""
        events = self._cut(len(self._buffer))
        unterminated = bytes(self._buffer)
        self._buffer.clear()
        return events, unterminated

    def _trailing_return(self) -> int:
        return 0 if self._plain else int(self._buffer.endswith(b"\r"))

    def _cut(self, stop: int) -> list[bytes]:
        """Events that end at or before `stop`. The search goes on where the last one gave up, a blank line's length
        before the end, so that a long event in small pieces does not cost the square of its length."""
        buffer = self._buffer
        events: list[bytes] = []
        start, search = 0, self._seen
        while (end := self._end_of_event(search, stop)) >= 0:
            if end - start > self._limit_bytes:
                break
            events.append(bytes(buffer[start:end]))
            start = search = end
        del buffer[:start]
        self._seen = max(0, len(buffer) - _LONGEST_BLANK_LINE)
        if len(buffer) > self._limit_bytes:
            self.overflowed = True
            buffer.clear()
        return events

    def _end_of_event(self, search: int, stop: int) -> int:
        if self._plain:
            found = self._buffer.find(b"\n\n", search)
            return found + 2 if found >= 0 else -1
        if (end := _end_by_crlf(self._buffer, search, stop)) >= 0:
            return end
        match = _BLANK_LINE.search(self._buffer, search, stop)
        return match.end() if match else -1


def _end_by_crlf(buffer: bytearray, search: int, stop: int) -> int:
    """The end of the first event where CRLF ends its lines, found without the regular expression, which costs more than
    all the rest. -1: there is none, or a blank line of another form may come before it."""
    at = buffer.find(b"\r\n\r\n", search, stop)
    if at < 0 or buffer.find(b"\n\n", search, at) >= 0:
        return -1
    others = buffer.find(b"\n\r", search, at + 1) >= 0 or buffer.find(b"\r\r", search, at + 1) >= 0
    return -1 if others else at + 4


def read_event(event: bytes) -> Event:
    """The name and the data of one whole event; data lines are joined with LF. A byte order mark is skipped."""
    lines = event.split(b"\n") if b"\r" not in event else _LINE_END.split(event)
    name = b""
    data: list[bytes] = []
    for line in lines:
        field, colon, value = line.partition(b":")
        if colon and not field:
            continue
        if field.startswith(BYTE_ORDER_MARK):
            field = field[len(BYTE_ORDER_MARK) :]
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
    return Event(name, b"\n".join(data) if data else None)


def data_of(event: bytes) -> bytes | None:
    """`read_event(event).data`, at a fraction of its price for an event of one data line, after its name perhaps."""
    if event.endswith(b"\r\n\r\n") and event.startswith(b"data: "):
        data = event[6:-4]
        if b"\n" not in data and b"\r" not in data:
            return data
    at = 0 if event.startswith(b"data: ") else event.find(b"\ndata: ") + 1
    data = event[at + 6 :].rstrip(b"\n")
    is_usual = at > 0 or event.startswith(b"data: ")
    if is_usual and b"\n" not in data and b"\r" not in event and b"data:" not in event[:at]:
        return data
    return read_event(event).data


def line_end_of(event: bytes) -> bytes:
    """The line end that a stream uses, by one of its events."""
    found = _LINE_END.search(event)
    return found[0] if found else b"\n"


def terminate(event: bytes, line_end: bytes) -> bytes:
    """An event that the body's end cut off, ended as the stream ends its events."""
    if event.endswith(b"\n") or (event.endswith(b"\r") and not line_end.startswith(b"\n")):
        return event + line_end
    return event + line_end * 2
