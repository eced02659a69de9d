"""Callers of other dialects in front of Google's models: a conversation with tools keeps what Google wants back."""

import json
from typing import Any

import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.providers import Codec
from ai_gateway.providers.translation.anthropic_front import AnthropicFront
from ai_gateway.providers.translation.chat_front import ChatFront
from ai_gateway.providers.translation.codec import TranslatingCodec
from ai_gateway.providers.translation.google_back import GeminiBack
from ai_gateway.providers.translation.google_vertex import vertex_back
from tests.providers.calls import a_shaped
from tests.providers.translation.google_streams import Answer

CHAT = TranslatingCodec(Dialect.OPENAI, Operation.CHAT, ChatFront(), GeminiBack(), "the Gemini API")
MESSAGES = TranslatingCodec(Dialect.ANTHROPIC, Operation.MESSAGES, AnthropicFront(), GeminiBack(), "the Gemini API")
ON_VERTEX = TranslatingCodec(Dialect.OPENAI, Operation.CHAT, ChatFront(), vertex_back(), "Vertex AI")

CALLING = Answer(
    (
        (
            {"text": "Let me see.", "thought": True},
            {"text": "Looking.", "thoughtSignature": "VEVYVA=="},
            {
                "functionCall": {"name": "weather", "args": {"city": "Paris"}, "id": "fc_1"},
                "thoughtSignature": "Q0FMTA==",
            },
        ),
    )
)
SPOKEN: list[dict[str, Any]] = [
    {"text": "Looking.", "thoughtSignature": "VEVYVA=="},
    {"functionCall": {"name": "weather", "args": {"city": "Paris"}, "id": "fc_1"}, "thoughtSignature": "Q0FMTA=="},
]
TOLD = {"functionResponse": {"name": "weather", "response": {"sky": "blue"}, "id": "fc_1"}}


def sent_body(
    codec: Codec, operation: Operation, body: dict[str, Any], model: str = "gemini-3-flash"
) -> dict[str, Any]:
    sent = codec.encode(a_shaped(operation, json.dumps({"model": "m", **body})), model)
    assert isinstance(sent.body, bytes)
    return json.loads(sent.body)


def answered(codec: Codec, operation: Operation, answer: Answer) -> dict[str, Any]:
    reading = codec.read_reply(operation, answer.whole())
    assert reading.body is not None
    assert (reading.usage and reading.usage.input_tokens) == 5
    return json.loads(reading.body)


def test_a_chat_caller_gives_back_what_google_signed() -> None:
    message = answered(CHAT, Operation.CHAT, CALLING)["choices"][0]["message"]
    assert message["content"] == "Looking."
    assert message["tool_calls"][0]["function"] == {"name": "weather", "arguments": '{"city":"Paris"}'}
    result = {"role": "tool", "tool_call_id": "fc_1", "content": '{"sky": "blue"}'}
    body = sent_body(CHAT, Operation.CHAT, {"messages": [{"role": "user", "content": "?"}, message, result]})
    assert [turn["parts"] for turn in body["contents"]] == [[{"text": "?"}], SPOKEN, [TOLD]]


def test_an_anthropic_caller_gives_back_what_google_signed() -> None:
    message = answered(MESSAGES, Operation.MESSAGES, CALLING)
    result = {"type": "tool_result", "tool_use_id": "fc_1", "content": '{"sky": "blue"}'}
    turns = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": message["content"]},
        {"role": "user", "content": [result]},
    ]
    body = sent_body(MESSAGES, Operation.MESSAGES, {"max_tokens": 9, "messages": turns})
    assert [turn["parts"] for turn in body["contents"]] == [[{"text": "?"}], SPOKEN, [TOLD]]


@pytest.mark.parametrize(("codec", "operation"), [(CHAT, Operation.CHAT), (MESSAGES, Operation.MESSAGES)])
def test_a_stream_is_told_in_the_callers_dialect_to_its_end(codec: Codec, operation: Operation) -> None:
    body = {"model": "m", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "?"}]}
    watch = codec.watch(a_shaped(operation, json.dumps(body)))
    told = watch.feed(CALLING.stream(size=100))
    end = watch.end()
    assert (watch.started, end.complete, watch.error) == (True, True, None)
    written = told + end.tail
    assert b"Looking." in written
    assert b"weather" in written
    assert b"Q0FMTA==" in written
    assert watch.usage is not None
    assert watch.usage.output_tokens == 7


def test_claude_on_vertex_is_spoken_to_in_its_own_words() -> None:
    body = sent_body(ON_VERTEX, Operation.CHAT, {"messages": [{"role": "user", "content": "?"}]}, "claude-sonnet-4-5@1")
    assert body["anthropic_version"] == "vertex-2023-10-16"
    shaped = a_shaped(Operation.CHAT, '{"model":"m","messages":[{"role":"user","content":"?"}]}')
    assert (
        ON_VERTEX.encode(shaped, "claude-sonnet-4-5@1").path
        == "/publishers/anthropic/models/claude-sonnet-4-5@1:rawPredict"
    )
    said = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 5, "output_tokens": 1},
    }
    reading = ON_VERTEX.read_reply(Operation.CHAT, json.dumps(said).encode())
    assert reading.body is not None
    assert json.loads(reading.body)["choices"][0]["message"]["content"] == "Hi"
