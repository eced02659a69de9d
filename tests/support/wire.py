"""What providers send, in both dialects: small, true to shape, and with numbers that tests can add up."""

from collections.abc import Sequence
from random import Random

import msgspec

CHAT_BODY = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hi"}]}'
CHAT_STREAM_BODY = b'{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"hi"}]}'
MESSAGES_BODY = b'{"model":"claude-haiku-4-5","max_tokens":50,"messages":[{"role":"user","content":"hi"}]}'
MESSAGES_STREAM_BODY = (
    b'{"model":"claude-haiku-4-5","max_tokens":50,"stream":true,"messages":[{"role":"user","content":"hi"}]}'
)

CHAT_REPLY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":'
    b'{"role":"assistant","content":"Hello!"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15}}'
)
MESSAGES_REPLY = (
    b'{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"Hello!"}],'
    b'"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}}'
)


def chat_events(*words: str, usage: bool = True) -> list[bytes]:
    """A chat stream, an event an item: the words, the finish, the usage chunk (12 in, 3 out) and the end."""
    events = [_chunk([{"index": 0, "delta": {"content": word}, "finish_reason": None}]) for word in words]
    events.append(_chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    if usage:
        events.append(USAGE_CHUNK)
    return [*events, DONE]


def _chunk(choices: Sequence[object], **more: object) -> bytes:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": choices, **more}
    return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


USAGE_CHUNK = _chunk([], usage={"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15})
DONE = b"data: [DONE]\n\n"
CHAT_ERROR_EVENT = b'data: {"error":{"message":"overloaded, try later","type":"server_is_overloaded"}}\n\n'


def message_events(*words: str) -> list[bytes]:
    """A messages stream: 12 tokens in, 3 out."""
    start = {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 12, "output_tokens": 1}}}
    deltas = [{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": it}} for it in words]
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}
    return [_event(it) for it in (start, *deltas, end, {"type": "message_stop"})]


MESSAGES_ERROR_EVENT = (
    b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
)


def _event(said: dict[str, object]) -> bytes:
    return f"event: {said['type']}\n".encode() + b"data: " + msgspec.json.encode(said) + b"\n\n"


def cut_anywhere(data: bytes, rng: Random, pieces: int) -> list[bytes]:
    """The same bytes as the network may bring them."""
    places = sorted(rng.randrange(1, len(data)) for _ in range(pieces - 1))
    return [it for it in (data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)) if it]
