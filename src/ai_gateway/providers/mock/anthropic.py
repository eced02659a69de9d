"""The mock's side of Anthropic's dialect."""

import msgspec

from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.capabilities import continues_prefill
from ai_gateway.providers.mock.reply import MockReply, Refusal, json_reply, stream_reply
from ai_gateway.providers.mock.request import Asked, Tool, input_tokens, members_of, objects_of, wanted_tool
from ai_gateway.providers.mock.talk import Answer, Stop, call_tool, fill_form, say

_THOUGHT = "I am a mock: I only say that I think, and then answer."
_SIGNATURE = "bW9jaw=="
_STOP = {Stop.END: "end_turn", Stop.LENGTH: "max_tokens", Stop.TOOL: "tool_use"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def messages(asked: Asked, serial: str) -> MockReply:
    """A message, whole or streamed. `max_tokens` must be there, as with the real one."""
    limit = asked.positive("max_tokens")
    if limit is None:
        raise Refusal(400, "max_tokens: Field required", "max_tokens")
    answer = _answer(asked, limit)
    message: dict[str, object] = {
        "id": f"msg_{serial}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [*_thoughts(asked), _block(answer, serial)],
        "stop_reason": _STOP[answer.stop],
        "stop_sequence": None,
        "usage": _usage(_input_tokens(asked), answer.output_tokens),
    }
    return stream_reply(_events(message, answer)) if asked.is_stream else json_reply(200, message)


def count_tokens(asked: Asked) -> MockReply:
    return json_reply(200, {"input_tokens": _input_tokens(asked)})


def models(names: tuple[str, ...]) -> MockReply:
    created = "2025-01-01T00:00:00Z"
    data = [{"type": "model", "id": name, "display_name": name, "created_at": created} for name in names]
    return json_reply(200, {"data": data, "has_more": False, "first_id": names[0], "last_id": names[-1]})


def error(status: int, message: str) -> MockReply:
    kind = _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    wait = (("retry-after", "1"),) if status in (429, 503, 529) else ()
    return json_reply(status, {"type": "error", "error": {"type": kind, "message": message}}, *wait)


def error_event() -> bytes:
    said = {"type": "api_error", "message": "The mock failed in the middle, as asked."}
    return _event({"type": "error", "error": said})


def _input_tokens(asked: Asked) -> int:
    return input_tokens(asked, asked.members.get("system"), asked.members.get("tools"))


def _usage(given: int, said: int) -> dict[str, object]:
    return {
        "input_tokens": given,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": said,
    }


def _answer(asked: Asked, limit: int) -> Answer:
    offered = objects_of(asked.members.get("tools"))
    tools = [Tool(str(tool.get("name", "")), tool.get("input_schema")) for tool in offered]
    choice = members_of(asked.members.get("tool_choice"))
    last = objects_of(asked.messages[-1].get("content"))
    answers_a_tool = any(block.get("type") == "tool_result" for block in last)
    if tools and choice.get("type") != "none" and not answers_a_tool:
        forced = choice.get("name")
        tool = wanted_tool(tools, forced if isinstance(forced, str) else None, asked.question)
        if tool is None and choice.get("type") == "any":
            tool = tools[0]
        if tool is not None:
            return call_tool(tool.name, tool.schema)
    form = members_of(members_of(asked.members.get("output_config")).get("format"))
    if form.get("type") == "json_schema":
        return fill_form(form.get("schema"))
    return say(asked.question, limit, _prefill(asked))


def _prefill(asked: Asked) -> str:
    """What a model that continues is to continue. Newer ones refuse to, as the real ones do."""
    prefill = asked.prefill
    if not prefill or not asked.model.startswith("claude-"):
        return ""
    if not continues_prefill(ProviderType.MOCK, asked.model):
        raise Refusal(400, "This model does not support assistant message prefill.", "messages")
    if prefill != prefill.rstrip():
        raise Refusal(400, "messages: final assistant content cannot end with trailing whitespace", "messages")
    return prefill


def _block(answer: Answer, serial: str) -> dict[str, object]:
    if answer.tool is None:
        return {"type": "text", "text": answer.text}
    return {"type": "tool_use", "id": f"toolu_{serial}", "name": answer.tool.name, "input": answer.tool.arguments}


def _thoughts(asked: Asked) -> list[dict[str, object]]:
    """What is thought before the answer, where thinking was asked for."""
    if members_of(asked.members.get("thinking")).get("type") not in ("enabled", "adaptive"):
        return []
    return [{"type": "thinking", "thinking": _THOUGHT, "signature": _SIGNATURE}]


def _events(message: dict[str, object], answer: Answer) -> list[bytes]:
    usage = members_of(message["usage"])
    nothing: list[object] = []
    begun = message | {"content": nothing, "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    stopped = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    blocks = enumerate(objects_of(message["content"]))
    opened, *told = [event for index, block in blocks for event in _block_events(index, block, answer)]
    return [
        _event({"type": "message_start", "message": begun}),
        opened,
        _event({"type": "ping"}),
        *told,
        _event({"type": "message_delta", "delta": stopped, "usage": usage}),
        _event({"type": "message_stop"}),
    ]


def _block_events(index: int, block: dict[str, object], answer: Answer) -> list[bytes]:
    if block["type"] == "thinking":
        empty: dict[str, object] = {"thinking": "", "signature": ""}
        deltas: list[dict[str, object]] = [{"type": "thinking_delta", "thinking": piece} for piece in _halves(_THOUGHT)]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
    elif answer.tool is None:
        empty = {"text": ""}
        deltas = [{"type": "text_delta", "text": piece} for piece in answer.pieces]
    else:
        empty = {"input": {}}
        deltas = [
            {"type": "input_json_delta", "partial_json": msgspec.json.encode(answer.tool.arguments).decode()},
        ]
    return [
        _event({"type": "content_block_start", "index": index, "content_block": block | empty}),
        *(_event({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas),
        _event({"type": "content_block_stop", "index": index}),
    ]


def _event(data: dict[str, object]) -> bytes:
    return f"event: {data['type']}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]
