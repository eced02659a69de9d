"""From a body to a Call, whatever the operation: only what is read is decoded, and what is wrong is named."""

from typing import Annotated, Any, Final

import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Call, Head
from ai_gateway.gateway import amounts, envelope
from ai_gateway.gateway.envelope import BodyLimits
from ai_gateway.gateway.input_bound import SMALL_BYTES, bound_of_input

MODEL_LENGTH: Final = 256
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


def read_any_call(head: Head, body: bytes, limits: BodyLimits) -> Call:
    """Raises InvalidRequest for a body that is not what the operation takes."""
    fields = envelope.read_envelope(body, limits)
    plain = _read_plain(head.operation, body, fields) if len(body) <= SMALL_BYTES else None
    if plain is not None:
        return Call(head, plain.model, fields, plain.stream or False, False, plain.cap, plain.n or 1, len(body), None)
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
    """What nearly every body says, in the types that it should have: one decode reads it. A large one is not read a
    second time for that."""

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
