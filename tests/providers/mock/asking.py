"""Questions to the mock, with time and chance fixed."""

import json
from random import Random
from typing import Any

from ai_gateway.providers.mock import MockReply, answer

HELLO = [{"role": "user", "content": "Hello!"}]


def ask(path: str, body: object | bytes, method: str = "POST", **headers: str) -> MockReply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(method, path, named, data, rng=Random(7), now=1_700_000_000.5)


def chat(**members: object) -> MockReply:
    return ask("/v1/chat/completions", {"model": "gpt-4", "messages": HELLO, **members})


def messages(**members: object) -> MockReply:
    return ask("/v1/messages", {"model": "claude", "max_tokens": 1000, "messages": HELLO, **members})


def json_of(reply: MockReply) -> Any:
    return json.loads(b"".join(reply.chunks))


def events_of(reply: MockReply) -> list[Any]:
    """The JSON data of the events, without the sentinel."""
    datas = [chunk.decode().partition("data: ")[2] for chunk in reply.chunks]
    return [json.loads(data) for data in datas if data.strip() != "[DONE]"]
