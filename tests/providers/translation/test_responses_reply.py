import json
from typing import Any

import pytest

from ai_gateway.domain.chat import ProviderError, ServiceTier, Usage
from ai_gateway.domain.conversation import Image, Maker, Opaque, Refusal, Source, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Choice, Reply, Stop
from ai_gateway.providers.translation.responses_reply import read_reply

SAID = {"type": "message", "content": [{"type": "output_text", "text": "a", "logprobs": [{"token": "a"}]}]}


def read(*output: Any, **members: Any) -> Reply | ProviderError:
    return read_reply(json.dumps({"id": "resp_1", "model": "m", "output": output} | members).encode(), Maker.OPENAI)


def test_a_whole_answer() -> None:
    reply = read(
        {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "e"},
        SAID,
        {"type": "web_search_call"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "image_generation_call", "result": "AA==", "output_format": "webp"},
        {"type": "image_generation_call", "result": "https://a/b"},
        created_at=7.0,
        usage={"input_tokens": 1, "output_tokens": 2},
        service_tier="flex",
        status="completed",
    )
    assert reply == Reply(
        id="resp_1",
        model="m",
        created=7,
        choices=(
            Choice(
                parts=(
                    Thinking("", None, "e", Maker.OPENAI, "rs"),
                    Text("a"),
                    Opaque("responses", "web_search_call", {"type": "web_search_call"}),
                    ToolCall("c", "f", "{}"),
                    Image(Source(data="AA==", media_type="image/webp")),
                    Image(Source(url="https://a/b")),
                ),
                stop=Stop.TOOL_CALLS,
                logprobs={"content": [{"token": "a"}]},
            ),
        ),
        usage=Usage(1, 2, service_tier=ServiceTier.FLEX),
        service_tier="flex",
    )


def test_a_refusal_in_words() -> None:
    reply = read({"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}, status="completed")
    assert isinstance(reply, Reply)
    assert (reply.choices[0].parts, reply.choices[0].stop) == ((Refusal("no"),), Stop.REFUSAL)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no content"),
        (b"[]", "no content"),
        (b'{"output":[],"status":"failed"}', "no content"),
        (b'{"output":[],"error":{"message":"boom","code":"server_error"}}', "boom"),
    ],
)
def test_what_is_no_answer_is_an_error(body: bytes, words: str) -> None:
    error = read_reply(body, Maker.OPENAI)
    assert isinstance(error, ProviderError)
    assert words in error.message
