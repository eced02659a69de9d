"""Whole answers of Converse."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError, ServiceTier, Usage
from ai_gateway.domain.conversation import Image, Maker, Opaque, Source, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Reply, Stop
from ai_gateway.providers.translation.bedrock_reply import STOPS, Aftermath, read_reply, stop_of
from providers.translation.aws_wire import unary
from providers.translation.bedrock_answers import ANSWERS

CONVERSES_STOPS = (
    "end_turn",
    "tool_use",
    "max_tokens",
    "stop_sequence",
    "guardrail_intervened",
    "content_filtered",
    "malformed_model_output",
    "malformed_tool_use",
    "model_context_window_exceeded",
)


def answered(*content: Any, stop: str = "end_turn", **beside: Any) -> Reply:
    message = {"role": "assistant", "content": list(content)}
    reply = read_reply(json.dumps({"output": {"message": message}, "stopReason": stop} | beside).encode())
    assert isinstance(reply, Reply)
    return reply


@given(ANSWERS)
def test_an_answer_has_the_parts_that_were_sent(answer: Any) -> None:
    choice, stop, beside = answer
    reply = read_reply(unary(choice, stop, beside))
    assert isinstance(reply, Reply)
    assert reply.choices[0].parts == choice.parts


def test_every_block_has_its_part() -> None:
    reply = answered(
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "ZGF0YQ=="}},
        {"text": "hello"},
        {"text": ""},
        {"image": {"format": "png", "source": {"bytes": "eA=="}}},
        {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}},
        {"toolResult": {"toolUseId": "s", "content": []}},
        {"futureBlock": {"x": 1}},
        {},
        7,
    )
    assert reply.choices[0].parts == (
        Thinking("hm", "s", maker=Maker.ANTHROPIC),
        Thinking(encrypted="data", maker=Maker.ANTHROPIC),
        Text("hello"),
        Image(Source(data="eA==", media_type="image/png")),
        ToolCall("t", "f", '{"a": 1}'),
        Opaque("bedrock", "toolResult", {"toolResult": {"toolUseId": "s", "content": []}}),
        Opaque("bedrock", "futureBlock", {"futureBlock": {"x": 1}}),
    )
    assert reply.choices[0].stop is Stop.TOOL_CALLS  # although it said end_turn


def test_cached_input_is_beside_the_fresh_one_and_an_hour_is_told_apart() -> None:
    usage = {
        "inputTokens": 10,
        "outputTokens": 4,
        "totalTokens": 314,
        "cacheReadInputTokens": 100,
        "cacheWriteInputTokens": 200,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 150}, {"ttl": "5m", "inputTokens": 50}],
    }
    reply = answered({"text": "x"}, usage=usage, serviceTier={"type": "flex"})
    # 10 fresh + 100 read + 200 written = 310
    assert reply.usage == Usage(310, 4, 100, 50, 150, service_tier=ServiceTier.FLEX)
    assert reply.service_tier == "flex"


@pytest.mark.parametrize("usage", [None, {}, {"inputTokens": -1}, {"inputTokens": "7"}, [], {"outputTokens": True}])
def test_usage_that_is_none_is_not_told(usage: object) -> None:
    assert answered({"text": "x"}, usage=usage).usage is None


def test_what_only_bedrock_knows_rides_along() -> None:
    reply = answered({"text": "x"}, stop="guardrail_intervened", trace={"guardrail": {}}, performanceConfig={"a": 1})
    assert reply.choices[0].stop is Stop.CONTENT_FILTER
    assert reply.choices[0].others == {"trace": {"guardrail": {}}, "performanceConfig": {"a": 1}}


def test_the_sequence_that_stopped_it_is_told() -> None:
    reply = answered({"text": "x"}, stop="stop_sequence", additionalModelResponseFields={"stop_sequence": "END"})
    assert (reply.choices[0].stop, reply.choices[0].stop_sequence) == (Stop.STOP_SEQUENCE, "END")


def test_every_stop_of_the_api_has_ours_and_new_ones_are_unknown() -> None:
    assert set(CONVERSES_STOPS) <= set(STOPS)
    assert stop_of("something_new", Aftermath(), has_calls=False) == (Stop.UNKNOWN, None)
    assert stop_of(None, Aftermath(), has_calls=True) == (Stop.UNKNOWN, None)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"<html>", b'{"message":"no"}', b'{"output":{}}', b'{"output":{"message":{"content":7}}}', b"[1]"],
)
def test_an_answer_without_a_message_is_none(body: bytes) -> None:
    read = read_reply(body)
    assert isinstance(read, ProviderError)
    assert read.message


@given(
    st.binary() | st.recursive(st.none() | st.text(), lambda it: st.lists(it)).map(lambda it: json.dumps(it).encode())
)
def test_nothing_makes_it_raise(body: bytes) -> None:
    assert isinstance(read_reply(body), (Reply, ProviderError))
