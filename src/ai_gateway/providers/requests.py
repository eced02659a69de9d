"""What every codec puts around a body: the headers, and the one field that always changes.

Top-level members are written anew from what was checked (so there is one `model`, and no duplicate keys); what is in
them goes out byte for byte.
"""

import msgspec

from ai_gateway import __version__
from ai_gateway.domain.traffic import Body, Header, Shaped

SHORT_BYTES = 32 << 10

USER_AGENT = f"ai-gateway/{__version__}"

_STREAM_HEADERS: tuple[Header, ...] = (
    ("content-type", "application/json"),
    ("accept", "text/event-stream"),
    ("accept-encoding", "identity"),
    ("user-agent", USER_AGENT),
)
_WHOLE_HEADERS: tuple[Header, ...] = (_STREAM_HEADERS[0], ("accept", "application/json"), *_STREAM_HEADERS[2:])
_OURS = frozenset({"content-type", "accept", "accept-encoding", "user-agent", "content-length", "host"})


def members_for(shaped: Shaped, model: str) -> dict[str, msgspec.Raw]:
    """The members of the body, in the caller's order, asking for this model."""
    return {**shaped.fields, "model": msgspec.Raw(msgspec.json.encode(model))}


def body_of(members: dict[str, msgspec.Raw], asked_bytes: int) -> Body:
    """The members as JSON. What is long is not copied: it goes out as the bytes in which it came. `asked_bytes` is the
    size of the caller's body, which says whether looking for such a member is worth it."""
    if asked_bytes <= SHORT_BYTES:
        return msgspec.json.encode(members)
    pieces: list[bytes | memoryview] = []
    short = bytearray(b"{")
    for name, raw in members.items():
        short += msgspec.json.encode(name) + b":"
        value = memoryview(raw)
        if value.nbytes <= SHORT_BYTES:
            short += value
        else:
            pieces += (bytes(short), value)
            short.clear()
        short += b","
    short[-1:] = b"}"
    return (*pieces, bytes(short))


def headers_for(shaped: Shaped) -> tuple[Header, ...]:
    """The headers of an unsigned request. Nothing compressed is asked for: a stream's events are read as they come."""
    always = _STREAM_HEADERS if shaped.call.stream else _WHOLE_HEADERS
    forward = shaped.call.head.forward
    return (*always, *(header for header in forward if header[0] not in _OURS)) if forward else always
