"""Answers as a provider of the chat dialect sends them, whole and streamed: written here once more, by hand, so that a
mistake of the reader is not made by the writer too."""

import json
from random import Random
from typing import Any

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Citation, Maker, Part, Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Choice, Reply, Stop
from tests.providers.translation.replies_told import pieces

FORMATS = {
    Maker.ANTHROPIC: "anthropic-claude-v1",
    Maker.OPENAI: "openai-responses-v1",
    Maker.GOOGLE: "google-gemini-v1",
    Maker.XAI: "xai-responses-v1",
    Maker.COHERE: "cohere-v1",
    Maker.UNKNOWN: "unknown",
}
FINISHES = {
    Stop.END: "stop",
    Stop.LENGTH: "length",
    Stop.TOOL_CALLS: "tool_calls",
    Stop.CONTENT_FILTER: "content_filter",
}


def whole(reply: Reply) -> bytes:
    choices = [
        {
            "index": choice.index,
            "message": {"role": "assistant", "content": None, **_message(choice.parts)},
            "finish_reason": FINISHES[choice.stop or Stop.END],
            "logprobs": choice.logprobs,
        }
        for choice in reply.choices
    ]
    return json.dumps({**_head(reply, "chat.completion"), "choices": choices, "usage": _usage(reply.usage)}).encode()


def streamed(reply: Reply, rng: Random) -> bytes:
    """With the marks of a real one: comments, a role first, usage on a chunk of its own, [DONE]."""
    chunks: list[dict[str, Any]] = []
    waiting = {choice.index: _deltas(choice, rng) for choice in reply.choices}
    for choice in reply.choices:
        chunks.append(_chunk(choice.index, {"role": "assistant", "content": ""}))
    while any(waiting.values()):
        index = rng.choice([index for index, deltas in waiting.items() if deltas])
        chunks.append(_chunk(index, waiting[index].pop(0)))
    for choice in reply.choices:
        if choice.logprobs is not None:
            chunks.append({"choices": [{"index": choice.index, "delta": {}, "logprobs": choice.logprobs}]})
        chunks.append(_chunk(choice.index, {}, FINISHES[choice.stop or Stop.END]))
    chunks.append({"choices": [], "usage": _usage(reply.usage)})
    line_end = rng.choice(["\n", "\r\n"])
    lines = [f": PROCESSING{line_end * 2}"]
    head = _head(reply, "chat.completion.chunk")
    lines += [f"data: {json.dumps({**head, **chunk})}{line_end * 2}" for chunk in chunks]
    return "".join([*lines, f"data: [DONE]{line_end * 2}"]).encode()


def _head(reply: Reply, kind: str) -> dict[str, Any]:
    head: dict[str, Any] = {"id": reply.id, "object": kind, "created": reply.created, "model": reply.model}
    head["system_fingerprint"] = reply.fingerprint
    return head | ({} if reply.service_tier is None else {"service_tier": reply.service_tier})


def _usage(usage: Usage | None) -> Any:
    return usage and {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_5m_tokens,
            "audio_tokens": usage.audio_input_tokens,
            "image_tokens": usage.image_input_tokens,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": usage.audio_output_tokens,
        },
    }


def _message(parts: tuple[Part, ...]) -> dict[str, Any]:
    message: dict[str, Any] = {}
    thoughts = [part for part in parts if isinstance(part, Thinking)]
    details = [detail for index, part in enumerate(thoughts) for detail in _details(part, index, [part.text])]
    if details:
        message["reasoning"] = "".join(part.text for part in thoughts)
        message["reasoning_details"] = details
    called: list[Any] = []
    for part in parts:
        match part:
            case Text():
                message["content"] = part.text
                message["annotations"] = [_annotation(citation) for citation in part.citations]
            case Refusal():
                message["refusal"] = part.text
            case ToolCall():
                called.append(_call(part, part.arguments))
            case _:
                pass
    return message | ({"tool_calls": called} if called else {})


def _deltas(choice: Choice, rng: Random) -> list[dict[str, Any]]:
    deltas: list[dict[str, Any]] = []
    calls = thoughts = 0
    for part in choice.parts:
        match part:
            case Thinking():
                for detail in _details(part, thoughts, pieces(part.text, rng)):
                    deltas.append({"reasoning": detail.get("text"), "reasoning_details": [detail]})
                thoughts += 1
            case Text():
                deltas += [{"content": piece} for piece in pieces(part.text, rng)]
                deltas += [{"content": "", "annotations": [_annotation(one)]} for one in part.citations]
            case Refusal():
                deltas += [{"refusal": piece} for piece in pieces(part.text, rng)]
            case ToolCall():
                deltas.append({"content": None, "tool_calls": [{"index": calls, **_call(part, "")}]})
                kind, member = (part.kind.value, "input" if part.kind.value == "custom" else "arguments")
                for piece in pieces(part.arguments, rng):
                    deltas.append({"tool_calls": [{"index": calls, "type": kind, kind: {member: piece}}]})
                calls += 1
            case _:
                pass
    return deltas


def _details(thought: Thinking, index: int, texts: list[str]) -> list[dict[str, Any]]:
    same: dict[str, Any] = {"format": FORMATS[thought.maker], "index": index}
    same |= {} if thought.id is None else {"id": thought.id}
    details = [{"type": "reasoning.text", "text": text, **same} for text in texts]
    if thought.signature is not None:
        details.append({"type": "reasoning.text", "signature": thought.signature, **same})
    if thought.encrypted is not None:
        details.append({"type": "reasoning.encrypted", "data": thought.encrypted, **same})
    return details or [{"type": "reasoning.text", "text": "", **same}]


def _annotation(citation: Citation) -> Any:
    return {
        "type": "url_citation",
        "url_citation": {
            "url": citation.url,
            "title": citation.title,
            "start_index": citation.answer_start,
            "end_index": citation.answer_end,
        },
    }


def _call(call: ToolCall, arguments: str) -> dict[str, Any]:
    member = "input" if call.kind.value == "custom" else "arguments"
    written = {"id": call.id, "type": call.kind.value, call.kind.value: {"name": call.name, member: arguments}}
    return written if call.signature is None else {**written, "extra_content": _signed(call.signature)}


def _signed(signature: str) -> Any:
    return {"google": {"thought_signature": signature}}


def _chunk(index: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}], "usage": None}
