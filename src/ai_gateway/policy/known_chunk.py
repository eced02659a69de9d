"""From a provider that streams, a read is mostly one whole chunk: its size, an event, a line end. What a parser would
say of such bytes can be seen by their length alone, because the size that stands before them has to be the one that
makes them whole.

So only chunks written in the one usual way are known here (RFC 9112, 7.1; small letters, no zeros before, no
extension), and only where a parser is between two chunks: these bytes then are what it would have read, and it stays
where it was. Anything else is the parser's.
"""

from typing import Final

MOST_BYTES: Final = 2048
"""So long no event is; a chunk that is shorter can be known."""
LINE_END: Final = b"\r\n"
_ENDS: Final = len(LINE_END)
_NOTHING_BEGINS_SO: Final = b"." * MOST_BYTES  # no chunk is so long: it is longer than whatever it is held against


def _size_lines() -> tuple[bytes, ...]:
    lines = [_NOTHING_BEGINS_SO] * MOST_BYTES
    for size in range(1, MOST_BYTES):
        line = b"%x\r\n" % size
        if len(line) + size + _ENDS < MOST_BYTES:
            lines[len(line) + size + _ENDS] = line
    return tuple(lines)


SIZE_LINES: Final = _size_lines()
"""By the length of a whole chunk, how it has to begin."""


def body_of_chunk(data: bytes) -> bytes | None:
    """What is in it, where `data` is one whole chunk, not the last, and nothing else; None for any other, or where it
    is longer than events are."""
    length = len(data)
    if length >= MOST_BYTES:
        return None
    line = SIZE_LINES[length]
    body = data.removeprefix(line).removesuffix(LINE_END)
    return body if length - len(body) == len(line) + _ENDS else None
