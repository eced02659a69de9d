"""From bytes and headers to a Head and a Call: parse once, and only what is read.

What goes on to a provider is an allow-list: the headers that belong to its dialect, nothing that belongs to us, to the
caller's browser or to the network in between.
"""

import re
from typing import Annotated, Any, Final

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Call, Head, Header
from ai_gateway.gateway import amounts, envelope
from ai_gateway.gateway.envelope import BodyLimits
from ai_gateway.gateway.input_bound import SMALL_BYTES, bound_of_input

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
MODEL_LENGTH: Final = 256
TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
SECONDS: Final = re.compile(rb"[0-9]{1,9}(?:\.[0-9]{1,6})?")
OUTPUT_CAPS: Final = {
    Operation.CHAT: ("max_completion_tokens", "max_tokens"),
    Operation.MESSAGES: ("max_tokens",),
    Operation.COMPLETIONS: ("max_tokens",),
    Operation.RESPONSES: ("max_output_tokens",),
}
STREAMED: Final = frozenset({Operation.CHAT, Operation.MESSAGES, Operation.COMPLETIONS, Operation.RESPONSES})
_CHAT: Final = Operation.CHAT  # a member of an enum is a look-up in Python each time
_COMPLETIONS: Final = Operation.COMPLETIONS
_IMAGES: Final = Operation.IMAGES


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
    fields = envelope.read_envelope(body, limits)
    plain = _read_plain(head.operation, body, fields)
    if plain is not None:
        bound = bound_of_input(_CHAT, fields, body) if len(body) > SMALL_BYTES else None
        return Call(head, plain.model, fields, plain.stream or False, False, plain.cap, plain.n or 1, len(body), bound)
    return _read_whole(head, fields, body)


def call_of(head: Head, fields: dict[str, msgspec.Raw]) -> Call:
    """The same for a body that was taken apart already. Raises InvalidRequest."""
    return _read_whole(head, fields, msgspec.json.encode(fields))


def _read_whole(head: Head, fields: dict[str, msgspec.Raw], body: bytes) -> Call:
    model = _read_model(fields)
    stream = envelope.read_bool(fields, "stream") or False
    if stream and head.operation not in STREAMED:
        raise InvalidRequest("This operation cannot be streamed.", code="not_streamable", param="stream")
    wants_usage = False
    if "stream_options" in fields and (head.operation is _CHAT or head.operation is _COMPLETIONS):
        options = envelope.read_object(fields, "stream_options")
        wants_usage = options is not None and (envelope.read_bool(options, "include_usage") or False)
    return Call(
        head=head,
        model=model,
        fields=fields,
        stream=stream,
        wants_usage=wants_usage,
        max_output=_output_cap(head.operation, fields),
        choices=_choices(head.operation, fields),
        body_bytes=len(body),
        input_bound=bound_of_input(head.operation, fields, body),
    )


class _Plain(msgspec.Struct, gc=False):
    """What nearly every body says, in the types that it should have: one decode reads it."""

    model: Annotated[str, msgspec.Meta(min_length=1, max_length=MODEL_LENGTH)]
    stream: bool | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=0, le=envelope.MAX_INTEGER)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=0, le=envelope.MAX_INTEGER)] | None = None
    n: Annotated[int, msgspec.Meta(ge=0, le=envelope.MAX_INTEGER)] | None = None

    @property
    def cap(self) -> int | None:
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens


_PLAIN: Final = msgspec.json.Decoder(_Plain)


def _read_plain(operation: Operation, body: bytes, fields: dict[str, msgspec.Raw]) -> _Plain | None:
    """None for a body that has to be read field by field: something is unusual in it, or wrong and to be named."""
    if operation is not _CHAT or "stream_options" in fields:
        return None
    try:
        plain = _PLAIN.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return plain if plain.model.isprintable() else None


def _read_model(fields: dict[str, msgspec.Raw]) -> str:
    """A name that can stand in a header, a log line and a database: PostgreSQL has no text with a NUL in it."""
    model = envelope.read_str(fields, "model", longest=MODEL_LENGTH)
    if not model:
        raise InvalidRequest("The field 'model' is missing.", code="missing_field", param="model")
    if not model.isprintable():
        raise InvalidRequest("The field 'model' has a character that is not printable.", param="model")
    return model


def _output_cap(operation: Operation, fields: dict[str, Any]) -> int | None:
    for name in OUTPUT_CAPS.get(operation, ()):
        cap = envelope.read_int(fields, name)
        if cap is not None:
            return cap
    if operation is _COMPLETIONS:
        return amounts.DEFAULT_TEXT
    return amounts.picture_tokens(fields) if operation is _IMAGES else None


def _choices(operation: Operation, fields: dict[str, Any]) -> int:
    if operation is _CHAT:
        return envelope.read_int(fields, "n") or 1
    if operation is _COMPLETIONS:
        return amounts.texts_asked(fields)
    return amounts.pictures_asked(fields) if operation is _IMAGES else 1


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
