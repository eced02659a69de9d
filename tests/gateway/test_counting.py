"""Tokens are counted for every model that a conversation can be held with."""

import msgspec

from support.builders import CLAUDE, MODEL
from support.line import a_line

COUNT = "/v1/messages/count_tokens"


def asked(model: str, **more: object) -> bytes:
    return msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": "hello there"}], **more})


async def test_a_model_whose_provider_cannot_count_is_estimated() -> None:
    line = await a_line()
    short = await line.post(COUNT, asked(MODEL))
    long = await line.post(COUNT, asked(MODEL, system="Be brief. " * 100))
    assert (short.status, short.headers["x-gateway-estimated"]) == (200, "input_tokens")
    assert 0 < short.json()["input_tokens"] < long.json()["input_tokens"]
    assert line.upstream.sent == []
    assert line.receipts == []
    line.assert_at_rest()


async def test_who_can_count_is_asked() -> None:
    line = await a_line()
    line.upstream.will_answer(b'{"input_tokens": 14}')
    answered = await line.post(COUNT, asked(CLAUDE))
    assert answered.json() == {"input_tokens": 14}
    assert "x-gateway-estimated" not in answered.headers


async def test_a_conversation_that_nobody_would_take_is_refused() -> None:
    line = await a_line()
    answered = await line.post(COUNT, msgspec.json.encode({"model": MODEL, "messages": "hello"}))
    assert answered.status == 400
