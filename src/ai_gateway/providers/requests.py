"""What every codec puts around a body: the headers, and the one field that always changes.

Top-level members are written anew from what was checked (so there is one `model`, and no duplicate keys); what is in
them goes out byte for byte.
"""

import msgspec

from ai_gateway import __version__
from ai_gateway.domain.traffic import Header, Shaped

USER_AGENT = f"ai-gateway/{__version__}"

_OURS = frozenset({"content-type", "accept", "accept-encoding", "user-agent", "content-length", "host"})


def members_for(shaped: Shaped, model: str) -> dict[str, msgspec.Raw]:
    """The members of the body, in the caller's order, asking for this model."""
    return {**shaped.fields, "model": msgspec.Raw(msgspec.json.encode(model))}


def headers_for(shaped: Shaped) -> tuple[Header, ...]:
    """The headers of an unsigned request. Nothing compressed is asked for: a stream's events are read as they come."""
    forwarded = tuple((name, value) for name, value in shaped.call.head.forward if name not in _OURS)
    return (
        ("content-type", "application/json"),
        ("accept", "text/event-stream" if shaped.call.stream else "application/json"),
        ("accept-encoding", "identity"),
        ("user-agent", USER_AGENT),
        *forwarded,
    )
