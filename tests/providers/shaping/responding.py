"""Answers of the Responses API, whole and as streams, and what a client that reads every event makes of one."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from ai_gateway.providers.shaping import EventShaper
from ai_gateway.providers.sse import EventSplitter, data_of

Body = dict[str, Any]
Cut = Callable[[str], list[str]]

THREADS = {
    "output_text": ("response.output_text", "text", "content_index"),
    "refusal": ("response.refusal", "refusal", "content_index"),
    "reasoning_text": ("response.reasoning_text", "text", "content_index"),
    "summary_text": ("response.reasoning_summary_text", "text", "summary_index"),
}
CALLS = {
    "function_call": ("response.function_call_arguments", "arguments"),
    "mcp_call": ("response.mcp_call_arguments", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input", "input"),
    "code_interpreter_call": ("response.code_interpreter_call_code", "code"),
}


def a_response(*items: Body, **more: Any) -> Body:
    usage = {"input_tokens": 9, "output_tokens": 6, "total_tokens": 15}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "gpt-5",
        "output": list(items),
        "usage": usage,
        **more,
    }


def a_message(*parts: Body, item_id: str = "msg_1") -> Body:
    return {"id": item_id, "type": "message", "status": "completed", "role": "assistant", "content": list(parts)}


def said(text: str, *annotations: Body, **more: Any) -> Body:
    return {"type": "output_text", "text": text, "annotations": list(annotations), "logprobs": [], **more}


def a_call(arguments: str, name: str = "find", item_id: str = "fc_1") -> Body:
    return {"id": item_id, "type": "function_call", "call_id": "call_1", "name": name, "arguments": arguments}


def a_thought(summary: str, *content: str) -> Body:
    thought: Body = {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": summary}]}
    if content:
        thought["content"] = [{"type": "reasoning_text", "text": text} for text in content]
    return thought | {"encrypted_content": "the sealed thought"}


def event(kind: str, number: int | None = None, **members: Any) -> bytes:
    numbered = {} if number is None else {"sequence_number": number}
    return f"event: {kind}\ndata: ".encode() + json.dumps({"type": kind, **numbered, **members}).encode() + b"\n\n"


def stream_of(
    response: Body, cut: Cut = lambda text: [text[at : at + 3] for at in range(0, len(text), 3)]
) -> list[bytes]:
    """As OpenAI tells it: every item announced, filled and closed."""
    return [event(it.pop("type"), number, **it) for number, it in enumerate(_events(response, cut))]


def _events(response: Body, cut: Cut) -> Iterator[Body]:
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(response["output"]):
        at = {"output_index": index, "item_id": item.get("id")}
        empty = {**item, "status": "in_progress"}
        if item["type"] in CALLS:
            empty[CALLS[item["type"]][1]] = ""
        if item["type"] == "message":
            empty["content"] = []
        if item["type"] == "reasoning":
            empty |= {"summary": [], "content": []}
        yield {"type": "response.output_item.added", "output_index": index, "item": empty}
        for holder, kind in (("summary", "reasoning_summary_part"), ("content", "content_part")):
            for number, part in enumerate(item.get(holder) or []):
                stem, member, name = THREADS[part["type"]]
                here = {**at, name: number}
                yield {"type": f"response.{kind}.added", **here, "part": {**part, member: "", "annotations": []}}
                more = {"logprobs": []} if stem == "response.output_text" else {}
                for piece in cut(part[member]):
                    yield {"type": f"{stem}.delta", **here, "delta": piece, **more}
                for place, annotation in enumerate(part.get("annotations") or []):
                    placed = {**here, "annotation_index": place, "annotation": annotation}
                    yield {"type": "response.output_text.annotation.added", **placed}
                yield {"type": f"{stem}.done", **here, member: part[member], **more}
                yield {"type": f"response.{kind}.done", **here, "part": part}
        if item["type"] in CALLS:
            stem, member = CALLS[item["type"]]
            for piece in cut(item[member]):
                yield {"type": f"{stem}.delta", **at, "delta": piece}
            yield {"type": f"{stem}.done", **at, member: item[member]}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{response['status']}", "response": response}


def through(shaper: EventShaper, events: list[bytes]) -> bytes:
    return b"".join([*map(shaper.feed, events), shaper.end()])


def read(stream: bytes) -> list[Body]:
    splitter = EventSplitter()
    events = splitter.feed(stream)
    assert splitter.rest() == ([], b"")
    return [json.loads(data) for it in events if (data := data_of(it)) is not None]


def response_of(stream: bytes) -> Body:
    """What the last event tells. Asserts that all events before it told the same, and that they are numbered."""
    told = read(stream)
    assert [it["sequence_number"] for it in told] == list(range(len(told)))
    response = told[-1]["response"]
    output = response["output"]
    deltas: dict[tuple[str, int, int], str] = {}
    for it in told:
        kind, index = it["type"], it.get("output_index", 0)
        number = it.get("content_index", it.get("summary_index", 0))
        stem = kind.removesuffix(".delta").removesuffix(".done")
        if kind.endswith(".delta"):
            assert it["delta"], "a delta says something"
            deltas[stem, index, number] = deltas.get((stem, index, number), "") + it["delta"]
        elif kind == "response.output_item.done":
            assert it["item"] == output[index]
        elif kind == "response.content_part.done":
            assert it["part"] == output[index]["content"][number]
        elif kind == "response.reasoning_summary_part.done":
            assert it["part"] == output[index]["summary"][number]
        elif kind.endswith(".done"):
            member = next(name for name in ("text", "refusal", "arguments", "input", "code") if name in it)
            assert it[member] == deltas.get((stem, index, number), "")
            assert it[member] == _in_output(output[index], stem, number)[member]
    assert len(output) == sum(it["type"] == "response.output_item.done" for it in told)
    return response


def _in_output(item: Body, stem: str, number: int) -> Body:
    if item["type"] in CALLS:
        return item
    return item["summary" if "summary" in stem else "content"][number]
