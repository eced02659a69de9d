"""The end of a stream that we end: the answer is as long as it may be, and its reader is told so in the dialect's own
words (`finish_reason: length`, `stop_reason: max_tokens`), with a notice beside them that says why. What the caller has
is a whole answer that was cut to a length, as a lower cap would have cut it, so every client can read it.

These events are ours and no provider's, so what they say of usage can have the cost beside it.
"""

import re
from typing import Any, Final

import msgspec

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.traffic import Call

NOTICE: Final = "The answer ends here because a cost limit is used up."
_IDENTITY: Final = ("id", "object", "created", "model", "system_fingerprint", "service_tier")
_TEXT: Final = "text_completion"
_DATA: Final = re.compile(rb"^data: ?(\{.*\})\r?$", re.MULTILINE)
_INDEX: Final = re.compile(rb'"index":\s*(\d+)')


class Bill(msgspec.Struct, frozen=True):
    """What was booked by the end: tokens of the attempt, dollars of the request."""

    input_tokens: int
    output_tokens: int
    cost_usd: str


def short_end(call: Call, first: bytes, last: bytes, bill: Bill) -> bytes:
    """The last events. `first` and `last` are events that the caller was given: they say whose answer this is, and
    which part of it is open."""
    notice = {"type": "budget", "code": "budget_exceeded", "message": NOTICE}
    if call.head.dialect is Dialect.ANTHROPIC:
        return _anthropic(last, notice, bill)
    identity = _identity_in(first)
    nothing: dict[str, Any] = {"text": "", "logprobs": None} if identity.get("object") == _TEXT else {"delta": {}}
    chunk: dict[str, Any] = {
        **identity,
        "choices": [{"index": index, **nothing, "finish_reason": "length"} for index in range(call.choices)],
        "gateway": {"notice": notice},
    }
    usage = _data(identity | {"choices": [], "usage": _usage(bill)}) if call.wants_usage else b""
    return _data(chunk) + usage + b"data: [DONE]\n\n"


def _usage(bill: Bill) -> dict[str, Any]:
    return {
        "prompt_tokens": bill.input_tokens,
        "completion_tokens": bill.output_tokens,
        "total_tokens": bill.input_tokens + bill.output_tokens,
        "gateway": {"cost_usd": bill.cost_usd},
    }


def _data(members: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(members) + b"\n\n"


def _identity_in(events: bytes) -> dict[str, Any]:
    found = _DATA.search(events)
    members: dict[str, Any] = {} if found is None else msgspec.json.decode(found[1])
    return {name: members[name] for name in _IDENTITY if name in members}


def _anthropic(last: bytes, notice: dict[str, str], bill: Bill) -> bytes:
    opened = _INDEX.findall(last)
    delta = {
        "type": "message_delta",
        "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
        "usage": {"output_tokens": bill.output_tokens, "gateway": {"cost_usd": bill.cost_usd}},
        "gateway": {"notice": notice},
    }
    events = [{"type": "content_block_stop", "index": int(opened[-1])}] if opened else []
    return b"".join(_event(it) for it in (*events, delta, {"type": "message_stop"}))


def _event(members: dict[str, Any]) -> bytes:
    return b"event: " + members["type"].encode() + b"\n" + _data(members)
