"""What comes on a connection is mostly what came on it before: a client's SDK sends the same head each time, and many a
provider answers with the same one, but for the length of the body. A parser that reads it once more reads nothing new.

So a head that a strict parser has read and that was judged is remembered as bytes, and a message that has these bytes
around its length, and exactly so much behind them, is known whole. Anything else, be it half a message or one byte
more, is the parser's: here nothing is ever read that it has not read before.
"""

import re
from typing import Final, final

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})\r\n", re.IGNORECASE)
_MOST_DIGITS: Final = 9


@final
class KnownHead:
    """`before` and `behind` are the bytes around the length's digits, `behind` with the empty line.

    Messages of one size with one head have one length, so a message as long as the last one is held against the last
    one's head, digits and all (`last` and `last_size`), and nothing of it need be counted.
    """

    __slots__ = ("_at", "_before", "_behind", "_until", "last", "last_size")

    def __init__(self, before: bytes, behind: bytes) -> None:
        self._before = before
        self._behind = behind
        self._at = len(before)
        self._until = self._at + _MOST_DIGITS + 1
        self.last = b""
        self.last_size = -1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KnownHead) and (self._before, self._behind) == (other._before, other._behind)

    def __hash__(self) -> int:
        return hash((self._before, self._behind))

    def body_of(self, data: bytes) -> bytes | None:
        """The body, where `data` is one whole message with this head and nothing else; None for any other."""
        if len(data) == self.last_size:
            last = self.last
            if data.startswith(last):
                return data[len(last) :]
        return self._body_of_another(data)

    def begin_of(self, data: bytes) -> tuple[int, int] | None:
        """Where the body begins and how long it is, where `data` begins a message with this head; None for any other,
        or where the head is not whole."""
        at = self._at
        if not data.startswith(self._before):
            return None
        end = data.find(b"\r", at, self._until)
        digits = data[at:end]
        if not digits.isdigit() or not data.startswith(self._behind, end):
            return None
        return end + len(self._behind), int(digits)

    def _body_of_another(self, data: bytes) -> bytes | None:
        begun = self.begin_of(data)
        size = len(data)
        if begun is None or size - begun[0] != begun[1]:
            return None
        begin = begun[0]
        self.last = data[:begin]
        self.last_size = size
        return data[begin:]


def known_head(message: bytes) -> KnownHead | None:
    """Of one whole message that was read without complaint; None where its head says no length or more than one, or
    where it was not alone."""
    begun = begun_head(message)
    return None if begun is None or begun[1] != len(message) else begun[0]


def begun_head(data: bytes) -> tuple[KnownHead, int] | None:
    """The same of a message that has begun, with the bytes that it will have when it is whole, head and all."""
    end = data.find(_END)
    lengths = list(_LENGTH.finditer(data, 0, max(0, end + 2)))
    if len(lengths) != 1 or b"content-length" in data[lengths[0].end() : end].lower():
        return None
    start, stop = lengths[0].span(1)
    begin = end + len(_END)
    return KnownHead(data[:start], data[stop:begin]), begin + int(lengths[0][1])
