"""Answers in odd forms, as the dialect's own provider would have given them; requests stay the caller's own."""

import json
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation, Usage
from ai_gateway.domain.config import ProviderType
from ai_gateway.providers import Codec
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.translation.normal import normal_codec
from providers.calls import a_shaped

WHOLE = a_shaped(body='{"model":"asked","messages":[],"odd":[1]}')
STREAM = a_shaped(body='{"model":"asked","messages":[],"stream":true,"odd":[1]}')
COUNTED = a_shaped(body='{"model":"asked","messages":[],"stream":true,"stream_options":{"include_usage":true}}')
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
CHUNK = {"id", "object", "created", "model", "choices"}


def normal(provider: ProviderType, operation: Operation = Operation.CHAT) -> Codec:
    codec = normal_codec(KINDS[provider], operation)
    assert codec is not None
    return codec


def reply(provider: ProviderType, body: dict[str, Any]) -> dict[str, Any]:
    reading = normal(provider).read_reply_to(WHOLE, msgspec.json.encode(body))
    assert reading.body is not None
    return msgspec.json.decode(reading.body)


def stream(provider: ProviderType, *chunks: dict[str, Any] | bytes, shaped: Any = STREAM) -> list[dict[str, Any]]:
    """The chunks that the caller gets of a stream that has to be whole."""
    watch = normal(provider).watch(shaped)
    events = [it if isinstance(it, bytes) else b"data: " + msgspec.json.encode(it) + b"\n\n" for it in chunks]
    given = b"".join(map(watch.feed, events))
    end = watch.end()
    assert end.complete
    lines = (given + end.tail).removesuffix(b"data: [DONE]\n\n")
    assert lines != given + end.tail
    return [json.loads(line.removeprefix(b"data: ")) for line in lines.split(b"\n\n") if line]


def delta(content: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": [choice], **more}


def text_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


def assert_openais(chunks: list[dict[str, Any]], text: str = "hi") -> None:
    assert text_of(chunks) == text
    assert {name for chunk in chunks for name in chunk} <= CHUNK | {"usage", "service_tier", "system_fingerprint"}
    assert all(set(chunk) >= CHUNK for chunk in chunks)
    assert all(
        set(choice) == {"index", "delta", "finish_reason", "logprobs"}
        for chunk in chunks
        for choice in chunk["choices"]
    )
    assert [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]][-1] == "stop"


def test_azure_s_first_chunk_says_what_filters_thought_and_is_left_out() -> None:
    first = {"id": "", "object": "", "created": 0, "model": "", "choices": [], "prompt_filter_results": [{"index": 0}]}
    filtered = delta("hi")
    filtered["choices"][0]["content_filter_results"] = {"hate": {"filtered": False}}
    assert_openais(stream(ProviderType.AZURE_OPENAI, first, filtered, delta("", "stop")))


def test_mistral_s_lists_become_text() -> None:
    said = [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]
    assert_openais(stream(ProviderType.MISTRAL, delta(said), delta("", "stop", usage=USAGE)))
    message = {"role": "assistant", "content": said}
    got = reply(
        ProviderType.MISTRAL, {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    )
    assert got["choices"][0]["message"]["content"] == "hi"


def test_groq_s_own_members_and_tiers_are_not_told() -> None:
    chunks = stream(
        ProviderType.GROQ,
        delta("hi", x_groq={"id": "x"}, service_tier="on_demand"),
        delta("", "stop", x_groq={"usage": USAGE}),
    )
    assert_openais(chunks)
    assert {chunk.get("service_tier") for chunk in chunks} <= {None, "default"}


def test_what_z_ai_leaves_out_is_there() -> None:
    chunk = delta("hi")
    del chunk["object"]
    assert_openais(stream(ProviderType.OPENAI_COMPATIBLE, chunk, delta("", "stop")))
    got = reply(ProviderType.OPENAI_COMPATIBLE, {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})
    assert (got["object"], got["model"], got["created"]) == ("chat.completion", "asked", 0)
    assert got["choices"][0] == got["choices"][0] | {"index": 0, "finish_reason": "stop"}


def test_perplexity_s_last_object_is_no_message() -> None:
    first = delta("hi", citations=["https://a.b"], search_results=[{"url": "https://a.b", "title": "t"}])
    first["choices"][0]["message"] = {"role": "assistant", "content": "hi"}
    last = delta("", "stop", object="chat.completion.done", usage=USAGE)
    last["choices"][0]["message"] = {"role": "assistant", "content": "hi"}
    assert_openais(stream(ProviderType.PERPLEXITY, first, last))


def test_cerebras_says_no_goodbye_and_its_answer_has_one() -> None:
    chunks = stream(ProviderType.CEREBRAS, delta("hi", time_info={"total_time": 1}), delta("", "stop", usage=USAGE))
    assert_openais(chunks)


def test_usage_is_told_to_who_asked_for_it_and_in_a_chunk_of_its_own() -> None:
    events = delta("hi"), delta("", "stop", usage=USAGE)
    assert not any("usage" in chunk for chunk in stream(ProviderType.CEREBRAS, *events))
    last = stream(ProviderType.CEREBRAS, *events, shaped=COUNTED)[-1]
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 5


@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.RESPONSES])
def test_requests_and_errors_are_the_native_codec_s(operation: Operation) -> None:
    codec = normal(ProviderType.MOCK, operation)
    native = KINDS[ProviderType.MOCK].codecs[Dialect.OPENAI]
    shaped = a_shaped(operation, '{"model":"asked","input":"x","messages":[],"odd":[1]}')
    assert codec.encode(shaped, "m") == native.encode(shaped, "m")
    error = b'{"error":{"message":"busy"}}'
    assert codec.read_error(503, {}, error) == native.read_error(503, {}, error)
    assert codec.read_reply(operation, error) == native.read_reply(operation, error)
    assert (codec.dialect, codec.operations, codec.translates) == (native.dialect, native.operations, native.translates)


def test_what_is_booked_is_what_the_native_codec_reads() -> None:
    body = msgspec.json.encode({"id": "1", "choices": [{"message": {"content": "hi"}}], "x_groq": {"usage": USAGE}})
    assert normal(ProviderType.GROQ).read_reply_to(WHOLE, body).usage == Usage(input_tokens=3, output_tokens=2)


def test_what_the_middle_cannot_read_goes_as_it_came() -> None:
    reading = normal(ProviderType.OPENROUTER).read_reply_to(WHOLE, b'{"choices":[{"error":{"message":"busy"}}]}')
    assert (reading.body, reading.error) == (None, None)


def test_anthropic_s_messages_and_responses_of_others_have_a_form_too() -> None:
    shaped = a_shaped(Operation.MESSAGES, '{"model":"asked","messages":[],"max_tokens":5}')
    message = {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "text", "text": "hi"}]}
    reading = normal(ProviderType.ANTHROPIC, Operation.MESSAGES).read_reply_to(shaped, msgspec.json.encode(message))
    assert msgspec.json.decode(reading.body or b"")["model"] == "asked"
    assert normal_codec(KINDS[ProviderType.XAI], Operation.RESPONSES) is not None
    assert normal_codec(KINDS[ProviderType.MOCK], Operation.MESSAGES) is not None


@pytest.mark.parametrize(
    ("provider", "operation"),
    [
        (ProviderType.OPENAI, Operation.RESPONSES),
        (ProviderType.GROQ, Operation.RESPONSES),
        (ProviderType.OPENAI, Operation.MESSAGES),
        (ProviderType.OPENAI, Operation.EMBEDDINGS),
        (ProviderType.BEDROCK, Operation.CHAT),
    ],
)
def test_what_is_translated_or_has_no_other_form_is_left_alone(provider: ProviderType, operation: Operation) -> None:
    assert normal_codec(KINDS[provider], operation) is None
