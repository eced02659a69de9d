"""What every codec puts around a body: the headers, and the one field that always changes.

Top-level members are written anew from what was checked (so there is one `model`, and no duplicate keys); what is in
them goes out byte for byte.
"""

import msgspec

from ai_gateway import __version__
from ai_gateway.domain.traffic import Header, Shaped

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


def headers_for(shaped: Shaped) -> tuple[Header, ...]:
    """The headers of an unsigned request. Nothing compressed is asked for: a stream's events are read as they come."""
    always = _STREAM_HEADERS if shaped.call.stream else _WHOLE_HEADERS
    forward = shaped.call.head.forward
    return (*always, *(header for header in forward if header[0] not in _OURS)) if forward else always
