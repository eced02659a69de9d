"""Whole answers, read from a provider and written to a caller whose client believes them."""

import json
from typing import Any

import anthropic.types
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.conversation import Maker, Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Choice, Reply, Stop
from ai_gateway.providers.translation.anthropic_reply import read_message, write_message
from tests.providers.translation.anthropic_streams import Message, whole
from tests.providers.translation.test_anthropic_encoder import PARTS

USAGE = {"input_tokens": 5, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 1, "output_tokens": 3}


def a_message(*content: Message, **changes: Any) -> Message:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": USAGE,
    } | changes


def test_an_answer_is_read() -> None:
    message = a_message(
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1.0}, "caller": {"type": "direct"}},
        stop_reason="tool_use",
        container={"id": "c"},
        usage=USAGE | {"service_tier": "standard", "server_tool_use": {"web_search_requests": 1}},
    )
    assert read_message(whole(message)) == Reply(
        id="msg_1",
        model="claude",
        choices=(
            Choice(
                parts=(
                    Thinking("hm", "sig", maker=Maker.ANTHROPIC),
                    Text("hi"),
                    ToolCall("t1", "f", '{"a": 1.0}'),  # as it came
                ),
                stop=Stop.TOOL_CALLS,
                others={"container": {"id": "c"}, "usage": {"server_tool_use": {"web_search_requests": 1}}},
            ),
        ),
        usage=Usage(8, 3, 2, 1),
        service_tier="standard",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>busy</html>",
        b"[]",
        b'{"type":"error","error":{"type":"overloaded_error","message":"busy"}}',
        b'{"type":"message"}',
        b'{"type":"message","content":"hi"}',
        b'{"type":"completion","completion":"hi"}',
    ],
)
def test_what_is_no_answer_is_an_error(body: bytes) -> None:
    error = read_message(body)
    assert isinstance(error, ProviderError)
    assert error.message


@given(st.binary(max_size=200))
def test_no_bytes_raise(body: bytes) -> None:
    read_message(body)


@given(st.lists(PARTS, max_size=5), st.sampled_from([None, "standard", "flex", "default"]))
def test_an_answer_is_read_as_it_was_written(parts: list[Any], tier: str | None) -> None:
    calls = any(isinstance(part, ToolCall) for part in parts)
    stop = Stop.TOOL_CALLS if calls else Stop.END
    choice = Choice(parts=tuple(parts), stop=stop)
    reply = Reply(id="m", model="x", choices=(choice,), usage=Usage(9, 3, 2, 1, 1), service_tier=tier)
    assert read_message(write_message(reply)) == reply


@given(st.lists(PARTS, max_size=5))
def test_anthropics_client_reads_every_answer(parts: list[Any]) -> None:
    choice = Choice(parts=tuple(parts))
    reply = Reply(id="m", model="x", choices=(choice,), usage=Usage(9, 3, 2, 1, 1), service_tier="on_demand")
    message = anthropic.types.Message.model_validate_json(write_message(reply))
    usage = message.usage
    read, made = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
    assert (usage.input_tokens + read + made, usage.output_tokens) == (9, 3)


def test_arguments_that_are_no_json_are_still_an_answer() -> None:
    reply = Reply(id="m", model="x", choices=(Choice(parts=(ToolCall("t", "f", '{"a": '),)),))
    message = anthropic.types.Message.model_validate_json(write_message(reply))
    (block,) = message.content
    assert isinstance(block, anthropic.types.ToolUseBlock)
    assert block.input == {"gateway:arguments": '{"a": '}
    assert message.stop_reason == "tool_use"


def test_a_refusal_is_a_text_with_its_reason() -> None:
    reply = Reply(choices=(Choice(parts=(Refusal("I will not"),), stop=Stop.END),))
    said = json.loads(write_message(reply))
    assert (said["content"], said["stop_reason"]) == ([{"type": "text", "text": "I will not"}], "refusal")
    assert said["id"].startswith("msg_")


def test_a_provider_that_gave_no_choice_gets_an_empty_answer() -> None:
    message = anthropic.types.Message.model_validate_json(write_message(Reply(id="m", model="x")))
    assert (message.content, message.stop_reason) == ([], "end_turn")
    assert msgspec.json.decode(write_message(Reply()))["usage"]["input_tokens"] == 0
