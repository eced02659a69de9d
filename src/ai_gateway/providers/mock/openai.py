"""The mock's side of OpenAI's dialect."""

import base64
import struct

import msgspec

from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.capabilities import continues_prefill
from ai_gateway.providers.mock.reply import MockReply, Refusal, json_reply, stream_reply
from ai_gateway.providers.mock.request import (
    Asked,
    Tool,
    input_tokens,
    items_of,
    members_of,
    objects_of,
    text_of,
    wanted_tool,
)
from ai_gateway.providers.mock.talk import Answer, Stop, call_tool, count_tokens, embed, fill_form, say

DEFAULT_DIMENSIONS = 256
MOST_DIMENSIONS = 4096
MOST_CHOICES = 16

_FINISH = {Stop.END: "stop", Stop.LENGTH: "length", Stop.TOOL: "tool_calls"}


def chat(asked: Asked, serial: str, created: int) -> MockReply:
    """A chat completion, whole or streamed. `serial` makes its ids, `created` is Unix seconds."""
    answer = _answer(asked)
    choices = min(asked.positive("n") or 1, MOST_CHOICES)
    prompt = input_tokens(asked, asked.members.get("tools"))
    completion = answer.output_tokens * choices
    usage: dict[str, object] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    }
    head: dict[str, object] = {"id": f"chatcmpl-{serial}", "created": created, "model": asked.model}
    if asked.is_stream:
        options = members_of(asked.members.get("stream_options"))
        return _stream(head, answer, choices, serial, usage if options.get("include_usage") is True else None)
    message: dict[str, object] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if answer.tool is not None:
        message["tool_calls"] = [_tool_call(answer, serial)]
    choice = {"message": message, "logprobs": None, "finish_reason": _FINISH[answer.stop]}
    whole = {"object": "chat.completion", "choices": [{"index": i, **choice} for i in range(choices)], "usage": usage}
    return json_reply(200, head | whole)


def embeddings(asked: Asked) -> MockReply:
    """One vector for each input; base64 where that is asked for, as OpenAI's own SDK does."""
    given = asked.members.get("input")
    inputs = [given] if isinstance(given, str) else items_of(given)
    if not inputs:
        raise Refusal(400, "'input' must be a string or a list of at least one", "input")
    if all(isinstance(token, int) for token in inputs):
        inputs = [inputs]
    size = min(asked.positive("dimensions") or DEFAULT_DIMENSIONS, MOST_DIMENSIONS)
    texts = [text_of(item) for item in inputs]
    vectors = [embed(text, size) for text in texts]
    as_base64 = asked.members.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": i, "embedding": _base64(vector) if as_base64 else vector}
        for i, vector in enumerate(vectors)
    ]
    tokens = sum(count_tokens(text) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_reply(200, {"object": "list", "data": data, "model": asked.model, "usage": usage})


def models(names: tuple[str, ...]) -> MockReply:
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "mock"} for name in names]
    return json_reply(200, {"object": "list", "data": data})


def error(status: int, message: str, param: str | None = None) -> MockReply:
    """An error as OpenAI words it, with a wait where it names one."""
    kind, code = _ERRORS.get(status, ("server_error" if status >= 500 else "invalid_request_error", None))
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    wait = (("retry-after", "1"),) if status in (429, 503) else ()
    return json_reply(status, body, *wait)


def error_event() -> bytes:
    return _event({"error": {"message": "The mock failed in the middle, as asked.", "type": "server_error"}})


_ERRORS: dict[int, tuple[str, str | None]] = {
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("billing_error", "payment_required"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def _answer(asked: Asked) -> Answer:
    tools = [members_of(tool.get("function")) for tool in objects_of(asked.members.get("tools"))]
    choice = asked.members.get("tool_choice")
    if tools and choice != "none" and asked.messages[-1].get("role") != "tool":
        forced = members_of(members_of(choice).get("function")).get("name")
        offered = [Tool(str(tool.get("name", "")), tool.get("parameters")) for tool in tools]
        tool = wanted_tool(offered, forced if isinstance(forced, str) else None, asked.question)
        if tool is None and choice == "required":
            tool = offered[0]
        if tool is not None:
            return call_tool(tool.name, tool.schema)
    form = members_of(asked.members.get("response_format"))
    if form.get("type") in ("json_schema", "json_object"):
        return fill_form(members_of(form.get("json_schema")).get("schema"))
    begun = asked.prefill if continues_prefill(ProviderType.MOCK, asked.model) else ""
    return say(asked.question, asked.positive("max_completion_tokens") or asked.positive("max_tokens"), begun)


def _stream(
    head: dict[str, object], answer: Answer, choices: int, serial: str, usage: dict[str, object] | None
) -> MockReply:
    head = head | {"object": "chat.completion.chunk"}
    events: list[bytes] = []
    for index in range(choices):
        deltas: list[dict[str, object]] = [{"role": "assistant", "content": ""}]
        deltas.extend({"content": piece} for piece in answer.pieces)
        if answer.tool is not None:
            call = {"index": 0, **_tool_call(answer, serial)}
            deltas = [{"role": "assistant", "content": None, "tool_calls": [call]}]
        events += [_event(head | {"choices": [_delta(index, delta, None)]}) for delta in deltas]
        events.append(_event(head | {"choices": [_delta(index, {}, _FINISH[answer.stop])]}))
    if usage is not None:
        no_choices: list[object] = []
        events.append(_event(head | {"choices": no_choices, "usage": usage}))
    return stream_reply([*events, b"data: [DONE]\n\n"])


def _delta(index: int, delta: dict[str, object], finish: str | None) -> dict[str, object]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}


def _tool_call(answer: Answer, serial: str) -> dict[str, object]:
    tool = answer.tool
    arguments = msgspec.json.encode(tool.arguments if tool else {}).decode()
    function = {"name": tool.name if tool else "", "arguments": arguments}
    return {"id": f"call_{serial}", "type": "function", "function": function}


def _event(data: dict[str, object]) -> bytes:
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
