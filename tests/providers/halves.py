"""Answers of many words as both dialects stream them, and the caller who reads them: strictly, as an SDK would."""

from typing import Any, NamedTuple

import msgspec

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.continuation import Delivered, SoFar, delivered_for
from ai_gateway.providers.joining import Continued, Repeated
from providers.calls import a_shaped

WORDS = tuple(f"word{number:02d}" for number in range(60))
TEXT = " ".join(WORDS)

CHAT_BODY = '{"model":"m","stream":true,"messages":[{"role":"user","content":"count"}]}'
MESSAGES_BODY = '{"model":"m","stream":true,"max_tokens":500,"messages":[{"role":"user","content":"count"}]}'


def a_call(dialect: Dialect, **members: object) -> Shaped:
    operation, body = (Operation.CHAT, CHAT_BODY) if dialect is Dialect.OPENAI else (Operation.MESSAGES, MESSAGES_BODY)
    return a_shaped(operation, msgspec.json.encode({**msgspec.json.decode(body), **members}))


def pieces_of(text: str, size: int = 7) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def a_stream(dialect: Dialect, text: str = TEXT, serial: str = "1") -> list[bytes]:
    """A whole answer, an event an item; the end is the last."""
    return chat_stream(text, serial) if dialect is Dialect.OPENAI else message_stream(text, serial)


def chat_stream(text: str, serial: str = "1") -> list[bytes]:
    deltas: list[tuple[dict[str, object], str | None]] = [({"role": "assistant", "content": ""}, None)]
    deltas += [({"content": piece}, None) for piece in pieces_of(text)]
    return [*(chat_event(delta, finish, serial) for delta, finish in [*deltas, ({}, "stop")]), b"data: [DONE]\n\n"]


def chat_event(delta: dict[str, Any], finish: str | None = None, serial: str = "1", **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, **more}
    head = {"id": f"chat-{serial}", "object": "chat.completion.chunk", "created": int(serial), "model": f"m-{serial}"}
    return b"data: " + msgspec.json.encode({**head, "choices": [choice]}) + b"\n\n"


def message_stream(text: str, serial: str = "1") -> list[bytes]:
    return [
        message_event("message_start", message={"id": f"msg-{serial}", "usage": {"input_tokens": 9}}),
        message_event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        message_event("ping"),
        *(text_delta(piece) for piece in pieces_of(text)),
        message_event("content_block_stop", index=0),
        message_event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 60}),
        message_event("message_stop"),
    ]


def text_delta(text: str, index: int = 0) -> bytes:
    return message_event("content_block_delta", index=index, delta={"type": "text_delta", "text": text})


def message_event(kind: str, **members: object) -> bytes:
    return f"event: {kind}\ndata: ".encode() + msgspec.json.encode({"type": kind, **members}) + b"\n\n"


def so_far(shaped: Shaped, *events: bytes) -> SoFar | None:
    kept = delivered_for(shaped)
    assert kept is not None
    for event in events:
        kept.keep(event)
    return kept.so_far()


def a_past(shaped: Shaped, *events: bytes) -> SoFar:
    past = so_far(shaped, *events)
    assert past is not None
    return past


def delivered(shaped: Shaped) -> Delivered:
    kept = delivered_for(shaped)
    assert kept is not None
    return kept


def spliced(past: SoFar, events: list[bytes], *, prefill: bool = False) -> tuple[bytes, bool]:
    """What the caller gets of a second half, and whether it failed."""
    splice = past.splice(Continued(past.text) if prefill else Repeated(past.text))
    given = b"".join(splice.take(event) for event in events)
    return given, splice.failed


class Seen(NamedTuple):
    """What a caller has read: `end` is 'proper', 'error' or 'open'; `calls` are the names of tools."""

    text: str
    end: str
    calls: tuple[str, ...] = ()


def read(dialect: Dialect, stream: bytes) -> Seen:
    """Asserts that it is one well-formed answer of the dialect (or the beginning of one)."""
    assert stream == b"" or stream.endswith(b"\n\n")
    lines = [line for line in stream.split(b"\n") if line.startswith(b"data:")]
    said = [_said(line.removeprefix(b"data:").strip()) for line in lines]
    return _read_chat(said) if dialect is Dialect.OPENAI else _read_message(said)


def _said(data: bytes) -> Any:
    return None if data == b"[DONE]" else msgspec.json.decode(data)


def _read_chat(said: list[Any]) -> Seen:
    text, end, identities, calls = "", "open", set[str](), []
    finishes = 0
    for place, chunk in enumerate(said):
        assert end == "open", "nothing follows the end"
        if chunk is None:
            assert finishes == 1
            end = "proper"
        elif "error" in chunk:
            end = "error"
        else:
            identities.add(f"{chunk.get('id')} {chunk.get('created')} {chunk.get('model')}")
            for choice in chunk["choices"]:
                assert not finishes, "nothing is said after the finish"
                delta = choice["delta"]
                assert ("role" in delta) == (place == 0)
                text += delta.get("content") or ""
                calls += [call["function"]["name"] for call in delta.get("tool_calls") or ()]
                finishes += choice["finish_reason"] is not None
    assert len(identities) <= 1, "it is one completion"
    return Seen(text, end, tuple(calls))


def _read_message(said: list[Any]) -> Seen:
    text, end, calls = "", "open", []
    kinds = [it["type"] for it in said]
    assert kinds.count("message_start") == (1 if kinds and kinds[0] != "error" else 0)
    open_block: int | None = None
    blocks, told = 0, False
    for place, event in enumerate(said):
        assert end == "open", "nothing follows the end"
        kind = event["type"]
        if kind in ("content_block_start", "content_block_delta", "content_block_stop"):
            assert not told
            if kind == "content_block_start":
                assert (open_block, event["index"]) == (None, blocks)
                open_block = event["index"]
                blocks += 1
                block = event["content_block"]
                text += block.get("text", "")
                calls += [block["name"]] if block["type"] == "tool_use" else []
            assert open_block == event["index"]
            if kind == "content_block_delta":
                text += event["delta"].get("text", "")
            if kind == "content_block_stop":
                open_block = None
        elif kind == "message_delta":
            assert open_block is None
            told = event["delta"].get("stop_reason") is not None
        elif kind == "message_stop":
            assert told
            end = "proper"
        elif kind == "error":
            end = "error"
        else:
            assert kind == "ping" or place == 0
    return Seen(text, end, tuple(calls))
