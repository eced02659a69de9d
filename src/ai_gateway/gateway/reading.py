"""From bytes and headers to a Head and a Call: parse once, and only what is read.

What goes on to a provider is an allow-list: the headers that belong to its dialect, nothing that belongs to us, to the
caller's browser or to the network in between.
"""

import re
from typing import Any, Final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Call, Head, Header
from ai_gateway.gateway.calls import call_of, read_any_call
from ai_gateway.gateway.envelope import BodyLimits
from ai_gateway.gateway.input_bound import SMALL_BYTES
from ai_gateway.gateway.long_chat import open_long_chat
from ai_gateway.gateway.small_chat import open_small_chat

__all__ = ["call_of", "read_call", "read_head", "same_head"]

FORWARDED: Final = {Dialect.OPENAI: (b"openai-beta",), Dialect.ANTHROPIC: (b"anthropic-",)}
READ_HEADERS: Final = frozenset(
    {
        b"authorization",
        b"x-api-key",
        b"traceparent",
        b"x-request-id",
        b"x-client-request-id",
        b"x-gateway-timeout-seconds",
        b"idempotency-key",
    }
)
CLIENT_ID_LENGTH: Final = 128
IDEMPOTENCY_LENGTH: Final = 255
TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
SECONDS: Final = re.compile(rb"[0-9]{1,9}(?:\.[0-9]{1,6})?")
_CHAT: Final = Operation.CHAT  # a member of an enum is a look-up in Python each time


def read_head(
    scope: dict[str, Any],
    operation: Operation,
    dialect: Dialect,
    target_id: str | None,
    *,
    request_id: str,
    now: float,
    wall: float,
) -> Head:
    """`scope` is ASGI's: header names are lower case. Both kinds of key header are accepted everywhere, Authorization
    is tried first. `now` is monotonic, `wall` Unix seconds."""
    bearer = api_key = client_id = traceparent = timeout = idempotency_key = None
    forward: list[Header] = []
    prefixes = FORWARDED[dialect]
    headers = scope["headers"]
    for name, value in headers:
        if name in READ_HEADERS:
            if name == b"authorization":
                bearer = _bearer(value)
            elif name == b"x-api-key":
                api_key = value.strip()
            elif name == b"traceparent":
                traceparent = value.decode("latin-1") if TRACEPARENT.fullmatch(value) else None
            elif name == b"x-gateway-timeout-seconds":
                timeout = _seconds(value)
            elif name == b"idempotency-key":
                idempotency_key = _idempotency_key(value, idempotency_key)
            else:
                client_id = _visible(value) or client_id
        elif name.startswith(prefixes):
            forward.append((name.decode("latin-1"), value.decode("latin-1")))
    return Head(
        request_id=request_id,
        operation=operation,
        dialect=dialect,
        received=now,
        received_wall=wall,
        credentials=_offered(bearer, api_key),
        forward=tuple(forward),
        query=scope.get("query_string", b"").decode("latin-1"),
        target_id=target_id,
        client_request_id=client_id,
        traceparent=traceparent,
        raw_headers=headers,
        timeout_seconds=timeout,
        idempotency_key=idempotency_key,
    )


def same_head(known: Head, request_id: str, now: float, wall: float) -> Head:
    """What `read_head` says of the same bytes that it has read once."""
    return msgspec.structs.replace(known, request_id=request_id, received=now, received_wall=wall)


def read_call(head: Head, body: bytes, limits: BodyLimits) -> Call:
    """Raises InvalidRequest for a body that is not what the operation takes."""
    is_chat = head.operation is _CHAT
    chat = open_small_chat(body, limits) if is_chat else None
    if chat is None and is_chat and len(body) > SMALL_BYTES:
        chat = open_long_chat(body, limits)
    return read_any_call(head, body, limits) if chat is None else chat.call(head)


def _offered(bearer: bytes | None, api_key: bytes | None) -> tuple[bytes, ...]:
    if bearer and api_key:
        return (bearer, api_key)
    only = bearer or api_key
    return (only,) if only else ()


def _bearer(value: bytes) -> bytes | None:
    if value.startswith(b"Bearer "):
        return value[7:].strip()
    scheme, _, token = value.strip().partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else None


def _seconds(value: bytes) -> float:
    """Raises InvalidRequest."""
    if SECONDS.fullmatch(value) and (seconds := float(value)) > 0:
        return seconds
    raise InvalidRequest(
        "The header 'x-gateway-timeout-seconds' must be a number of seconds above 0.",
        action="Send for example 'x-gateway-timeout-seconds: 30', or leave the header out.",
        code="invalid_header",
        param="x-gateway-timeout-seconds",
    )


def _idempotency_key(value: bytes, before: bytes | None) -> bytes:
    """Raises InvalidRequest."""
    if before is None and 0 < len(value) <= IDEMPOTENCY_LENGTH and all(0x20 <= byte <= 0x7E for byte in value):
        return value
    raise InvalidRequest(
        f"The header 'Idempotency-Key' must be one text of 1 to {IDEMPOTENCY_LENGTH} visible ASCII characters.",
        action="Send for example a new UUID with each new request, and the same one when you send it again.",
        code="invalid_header",
        param="Idempotency-Key",
    )


def _visible(value: bytes) -> str | None:
    if 0 < len(value) <= CLIENT_ID_LENGTH and all(0x21 <= byte <= 0x7E for byte in value):
        return value.decode("ascii")
    return None
