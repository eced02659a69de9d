"""AWS's binary event streams: frames with lengths and checksums, out of any partition of the bytes.

The frames are botocore's to parse, which checks both sums of each. What stands here is what it leaves open: only whole
frames are handed on, so that a long one in small pieces is not copied once a piece, and a length that nobody can mean
is refused before anything of it was kept. Headers are most of what parsing costs, and a stream has a handful of
different ones: those that this stream had before are known by their bytes, and then only the sums are left to check.
botocore is imported when the first stream is read: a gateway without Bedrock never pays for it.
"""

import struct
from typing import Final, Protocol, cast, final
from zlib import crc32

import msgspec

from ai_gateway.providers.sse import EVENT_LIMIT_BYTES

PRELUDE_BYTES: Final = 12
LEAST_BYTES: Final = 16
"""A frame of nothing: lengths, their checksum, the checksum of all."""
MOST_KNOWN: Final = 32


class Frame(msgspec.Struct, frozen=True, gc=False):
    """`kind` is "event", "exception" or "error"; `name` the event's or the exception's type ("messageStart")."""

    kind: str
    name: str
    payload: bytes
    message: str = ""


class BadFrame(ValueError):
    """The bytes are no event stream, or not the ones that were sent."""


@final
class FrameSplitter:
    __slots__ = ("_buffer", "_known", "_parser")

    def __init__(self) -> None:
        from botocore.eventstream import EventStreamBuffer

        self._buffer = bytearray()
        self._known: dict[bytes, Frame] = {}
        self._parser = cast("_Parser", EventStreamBuffer())

    @property
    def is_empty(self) -> bool:
        """True between two frames."""
        return not self._buffer

    def feed(self, chunk: bytes, frames: list[Frame]) -> None:
        """Adds to `frames` what this chunk completes. Raises BadFrame, after which this must not be fed again."""
        buffer = self._buffer
        buffer += chunk
        start = 0
        while len(buffer) - start >= PRELUDE_BYTES:
            length = self._length_at(start)
            if len(buffer) - start < length:
                break
            frames.append(self._read(bytes(buffer[start : start + length])))
            start += length
        del buffer[:start]

    def _length_at(self, start: int) -> int:
        prelude = self._buffer[start : start + PRELUDE_BYTES]
        if crc32(prelude[:8]) != int.from_bytes(prelude[8:]):
            raise BadFrame("a frame's lengths do not match their checksum")
        length = int.from_bytes(prelude[:4])
        if not LEAST_BYTES <= length <= EVENT_LIMIT_BYTES or int.from_bytes(prelude[4:8]) > length - LEAST_BYTES:
            raise BadFrame("a frame's lengths are none")
        return length

    def _read(self, whole: bytes) -> Frame:
        end = PRELUDE_BYTES + int.from_bytes(whole[4:8])
        head = whole[PRELUDE_BYTES:end]
        known = self._known.get(head)
        if known is not None and crc32(whole[:-4]) == int.from_bytes(whole[-4:]):
            return Frame(known.kind, known.name, whole[end:-4])
        frame = self._parse(whole)
        if len(self._known) < MOST_KNOWN and frame.kind != "error":
            self._known[head] = Frame(frame.kind, frame.name, b"")
        return frame

    def _parse(self, whole: bytes) -> Frame:
        from botocore.eventstream import ParserError

        self._parser.add_data(whole)
        try:
            message = self._parser.next()
        except (ParserError, struct.error, ValueError, LookupError, StopIteration) as error:
            raise BadFrame(f"a frame cannot be read: {type(error).__name__}") from None
        headers = message.headers
        kind = _text(headers.get(":message-type"))
        if kind == "error":
            return Frame(kind, _text(headers.get(":error-code")), b"", _text(headers.get(":error-message")))
        return Frame(kind, _text(headers.get(f":{kind}-type")), message.payload)


class _Message(Protocol):
    """What botocore makes of a frame."""

    headers: dict[str, object]
    payload: bytes


class _Parser(Protocol):
    def add_data(self, data: bytes) -> None: ...

    def next(self) -> _Message: ...


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
