"""Events of a stream around the JSON that they carry: told apart, and written again with other JSON in them.

What stands around the data (the event's name, its id, the line ends) is the provider's or the encoder's own and stays
as it is.
"""

import re
from functools import cache

from ai_gateway.domain.rules import Json
from ai_gateway.providers.shaping.pieces import encode
from ai_gateway.providers.sse import EventSplitter, line_end_of, read_event


def split(events: bytes) -> list[bytes]:
    """Whole events, each with its blank line. What has none comes last."""
    if events.endswith(b"\n\n") and b"\r" not in events and events.find(b"\n\n") == len(events) - 2:
        return [events]
    splitter = EventSplitter(len(events))
    found = splitter.feed(events)
    more, rest = splitter.rest()
    return [*found, *more, rest] if rest else [*found, *more]


def write(like: bytes, said: Json, name: bytes = b"") -> bytes:
    """An event that has this JSON, framed as `like`. `name`: of another event; "" keeps the name of that one."""
    data = encode(said)
    if like.startswith(b"data: ") and like.find(b"\n") == len(like) - 2 and not name:
        return b"data: %b\n\n" % data
    end = line_end_of(like)
    told = name or read_event(like).name
    head = b"event: %b%b" % (told, end) if told else b""
    return b"%bdata: %b%b%b" % (head, data, end, end)


def text_span(event: bytes, member: str) -> tuple[int, int] | None:
    """Where the characters of that text are in an event; None where it cannot be told from the bytes alone."""
    key = b'"%b"' % member.encode()
    if event.count(key) != 1:
        return None
    found = _text_of(member).search(event)
    return None if found is None else found.span(1)


def splice(event: bytes, span: tuple[int, int], text: str) -> bytes:
    """The same event with another text there."""
    return event[: span[0]] + encode(text)[1:-1] + event[span[1] :]


@cache
def _text_of(member: str) -> re.Pattern[bytes]:
    return re.compile(rb'"%b" ?: ?"([^"\\]*+(?:\\.[^"\\]*+)*+)"' % member.encode())
