"""Answers in Anthropic's dialect as its API writes them: whole, and as the events of a stream."""

import json
from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]


def whole(message: Message) -> bytes:
    return json.dumps(message).encode()


def stream(message: Message, pieces: int = 3) -> bytes:
    return b"".join(event(name, said) for name, said in events(message, pieces))


def event(name: str, said: Message) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **said})}\n\n".encode()


def events(message: Message, pieces: int) -> Iterator[tuple[str, Message]]:
    usage = message["usage"]
    began = {
        **message,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**usage, "output_tokens": 1},
    }
    yield "message_start", {"message": began}
    yield "ping", {}
    for index, block in enumerate(message["content"]):
        start, deltas = taken_apart(block, pieces)
        yield "content_block_start", {"index": index, "content_block": start}
        for delta in deltas:
            yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    yield "message_delta", {"delta": delta, "usage": usage}
    yield "message_stop", {}


def taken_apart(block: Message, pieces: int) -> tuple[Message, list[Message]]:
    """A block as it begins, and what follows."""
    match block:
        case {"type": "text", "text": text}:
            deltas = [{"type": "text_delta", "text": piece} for piece in cut(text, pieces)]
            cited = [{"type": "citations_delta", "citation": it} for it in block.get("citations", [])]
            return {"type": "text", "text": ""}, deltas + cited
        case {"type": "thinking", "thinking": text, "signature": signature}:
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in cut(text, pieces)]
            signed = {"type": "signature_delta", "signature": signature}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signed]
        case {"type": "tool_use" | "server_tool_use", "input": tool_input}:
            told = [
                {"type": "input_json_delta", "partial_json": piece} for piece in cut(json.dumps(tool_input), pieces)
            ]
            return {**block, "input": {}}, told if tool_input else []
        case _:
            return block, []


def cut(text: str, pieces: int) -> list[str]:
    size = max(1, -(-len(text) // pieces))
    return [text[at : at + size] for at in range(0, len(text), size)]
