"""Shaped calls to encode, and streams to watch."""

import json

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.traffic import Call, Head, Header, Shaped


def a_shaped(
    operation: Operation = Operation.CHAT,
    body: bytes | str = '{"model":"m","messages":[]}',
    forward: tuple[Header, ...] = (),
    query: str = "",
) -> Shaped:
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    values = json.loads(body)
    options = values.get("stream_options")
    native = operation in (Operation.MESSAGES, Operation.COUNT_TOKENS)
    call = Call(
        head=Head(
            request_id="r1",
            operation=operation,
            dialect=Dialect.ANTHROPIC if native else Dialect.OPENAI,
            received=0.0,
            received_wall=0.0,
            forward=forward,
            query=query,
        ),
        model=values["model"],
        fields=fields,
        stream=values.get("stream") is True,
        wants_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )
    return Shaped(call=call, fields=fields)
