"""The mock's side of OpenAI's Responses API: the answers of chat, in items and in the whole grammar of events."""

from collections.abc import Iterator

import msgspec

from ai_gateway.providers.mock.reply import MockReply, Refusal, json_reply, stream_reply
from ai_gateway.providers.mock.request import (
    Asked,
    Tool,
    input_tokens,
    members_of,
    objects_of,
    text_of,
    wanted_tool,
)
from ai_gateway.providers.mock.talk import Answer, Stop, call_tool, fill_form, say

_Object = dict[str, object]


def responses(asked: Asked, serial: str, created: int) -> MockReply:
    """A response, whole or streamed. `serial` makes its ids, `created` is Unix seconds."""
    conversation = _as_messages(asked)
    answer = _answer(conversation)
    tokens = input_tokens(conversation, asked.members.get("instructions"), asked.members.get("tools"))
    begun = _response(asked, serial, created)
    item = _item(answer, serial)
    ended = begun | {
        "status": "incomplete" if answer.stop is Stop.LENGTH else "completed",
        "completed_at": created,
        "incomplete_details": {"reason": "max_output_tokens"} if answer.stop is Stop.LENGTH else None,
        "output": [item],
        "usage": {
            "input_tokens": tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": answer.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": tokens + answer.output_tokens,
        },
    }
    if not asked.is_stream:
        return json_reply(200, ended)
    events = enumerate(_events(answer, begun, item, ended))
    return stream_reply([_event(event | {"sequence_number": number}) for number, event in events])


def error_event() -> bytes:
    message = "The mock failed in the middle, as asked."
    return _event({"type": "error", "code": "server_error", "message": message, "param": None, "sequence_number": 3})


def _as_messages(asked: Asked) -> Asked:
    """The input as chat has it: an item that is no message counts as what its tool said, or the model."""
    given = asked.members.get("input")
    if isinstance(given, str):
        return Asked(asked.members | {"messages": [{"role": "user", "content": given}]})
    items = objects_of(given)
    if not items:
        raise Refusal(400, "Missing required parameter: 'input'.", "input")
    return Asked(asked.members | {"messages": [_message(item) for item in items]})


def _message(item: _Object) -> _Object:
    kind = item.get("type", "message")
    if kind == "message":
        return {"role": item.get("role"), "content": item.get("content")}
    if kind in ("function_call_output", "custom_tool_call_output"):
        return {"role": "tool", "content": item.get("output")}
    return {"role": "assistant", "content": text_of(item.get("arguments") or item.get("input") or item.get("content"))}


def _answer(asked: Asked) -> Answer:
    tools = objects_of(asked.members.get("tools"))
    choice = asked.members.get("tool_choice")
    if tools and choice != "none" and asked.messages[-1].get("role") != "tool":
        forced = members_of(choice).get("name")
        offered = [Tool(str(tool.get("name", "")), tool.get("parameters")) for tool in tools]
        tool = wanted_tool(offered, forced if isinstance(forced, str) else None, asked.question)
        if tool is None and choice == "required":
            tool = offered[0]
        if tool is not None:
            return call_tool(tool.name, tool.schema)
    form = members_of(members_of(asked.members.get("text")).get("format"))
    if form.get("type") in ("json_schema", "json_object"):
        return fill_form(form.get("schema"))
    return say(asked.question, asked.positive("max_output_tokens"))


def _response(asked: Asked, serial: str, created: int) -> _Object:
    """A response that has only begun."""
    members = asked.members
    nothing: list[object] = []
    return {
        "id": f"resp_{serial}",
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "completed_at": None,
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": members.get("instructions"),
        "max_output_tokens": members.get("max_output_tokens"),
        "max_tool_calls": None,
        "model": asked.model,
        "output": nothing,
        "parallel_tool_calls": members.get("parallel_tool_calls", True),
        "previous_response_id": members.get("previous_response_id"),
        "prompt_cache_key": members.get("prompt_cache_key"),
        "reasoning": members.get("reasoning") or {"effort": None, "summary": None},
        "safety_identifier": members.get("safety_identifier"),
        "service_tier": "default",
        "store": members.get("store", True),
        "temperature": members.get("temperature", 1.0),
        "text": members.get("text") or {"format": {"type": "text"}},
        "tool_choice": members.get("tool_choice", "auto"),
        "tools": members.get("tools") or nothing,
        "top_logprobs": 0,
        "top_p": members.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": None,
        "user": members.get("user"),
        "metadata": members.get("metadata") or {},
    }


def _item(answer: Answer, serial: str) -> _Object:
    if answer.tool is None:
        return {
            "id": f"msg_{serial}",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [_text(answer.text)],
        }
    return {
        "id": f"fc_{serial}",
        "type": "function_call",
        "status": "completed",
        "call_id": f"call_{serial}",
        "name": answer.tool.name,
        "arguments": msgspec.json.encode(answer.tool.arguments).decode(),
    }


def _text(text: str) -> _Object:
    nothing: list[object] = []
    return {"type": "output_text", "text": text, "annotations": nothing, "logprobs": nothing}


def _events(answer: Answer, begun: _Object, item: _Object, ended: _Object) -> Iterator[_Object]:
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    nothing: list[object] = []
    place: _Object = {"output_index": 0, "item_id": item["id"]}
    if answer.tool is not None:
        arguments = item["arguments"]
        opened = item | {"status": "in_progress", "arguments": ""}
        yield {"type": "response.output_item.added", "output_index": 0, "item": opened}
        yield {"type": "response.function_call_arguments.delta", "delta": arguments, **place}
        yield {"type": "response.function_call_arguments.done", "arguments": arguments, **place}
    else:
        opened = item | {"status": "in_progress", "content": nothing}
        yield {"type": "response.output_item.added", "output_index": 0, "item": opened}
        place["content_index"] = 0
        yield {"type": "response.content_part.added", "part": _text(""), **place}
        for piece in answer.pieces:
            yield {"type": "response.output_text.delta", "delta": piece, "logprobs": nothing, **place}
        yield {"type": "response.output_text.done", "text": answer.text, "logprobs": nothing, **place}
        yield {"type": "response.content_part.done", "part": _text(answer.text), **place}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": f"response.{ended['status']}", "response": ended}


def _event(event: _Object) -> bytes:
    return b"event: " + str(event["type"]).encode() + b"\ndata: " + msgspec.json.encode(event) + b"\n\n"
