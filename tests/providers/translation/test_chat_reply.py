"""A whole answer as callers of the chat dialect read it."""

import json
from typing import Any

import pytest
from hypothesis import given
from openai.types.chat import ChatCompletion

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Audio, Citation, Maker, Opaque, Refusal, Source, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Choice, Reply, Stop
from ai_gateway.providers.translation.chat_reply import tier_of, write_reply, write_usage
from tests.providers.translation.chat_made import replies


@given(replies())
def test_openais_sdk_finds_all_that_it_checks(reply: Reply) -> None:
    ChatCompletion.model_validate_json(write_reply(reply))


def message_of(*parts: Any) -> Any:
    return json.loads(write_reply(Reply(choices=(Choice(parts=parts),))))["choices"][0]["message"]


def choice_of(**members: Any) -> Any:
    return json.loads(write_reply(Reply(choices=(Choice(**members),))))["choices"][0]


def test_an_answer_has_what_the_sdk_wants_of_it() -> None:
    reply = Reply(
        id="r1",
        model="m1",
        created=7,
        choices=(Choice(parts=(Text("hi"),), stop=Stop.END),),
        usage=Usage(1, 2),
        service_tier="standard",
        fingerprint="fp",
        others={"provider": "p", "unheard_of": 1},
    )
    assert json.loads(write_reply(reply)) == {
        "id": "r1",
        "object": "chat.completion",
        "created": 7,
        "model": "m1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": write_usage(Usage(1, 2)),
        "service_tier": "default",
        "system_fingerprint": "fp",
        "provider": "p",
    }


def test_thoughts_are_text_and_details_and_calls_leave_no_content() -> None:
    message = message_of(Thinking("hm", "s", None, Maker.ANTHROPIC), ToolCall("c1", "f", "{}"))
    assert message == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "reasoning_content": "hm",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0}
        ],
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }


def test_texts_are_one_and_their_sources_count_from_its_beginning() -> None:
    message = message_of(Text("ab"), Text("cde", citations=(Citation(url="u", answer_start=1, answer_end=2),)))
    assert message["content"] == "abcde"
    assert message["annotations"] == [
        {"type": "url_citation", "url_citation": {"url": "u", "title": "", "start_index": 3, "end_index": 4}}
    ]


def test_what_no_caller_of_this_dialect_knows_is_not_told() -> None:
    assert message_of(Text("a"), Opaque("anthropic", "server_tool_use", {}))["content"] == "a"


def test_a_spoken_answer() -> None:
    assert message_of(Audio(Source(data="AA=="), "ah"))["audio"] == {
        "id": "",
        "data": "AA==",
        "expires_at": 0,
        "transcript": "ah",
    }


@pytest.mark.parametrize(
    ("members", "end"),
    [
        ({"stop": Stop.STOP_SEQUENCE, "stop_sequence": "X"},
         {"finish_reason": "stop", "native_finish_reason": "stop_sequence", "stop_reason": "X"}),
        ({"stop": Stop.REFUSAL}, {"finish_reason": "content_filter", "native_finish_reason": "refusal"}),
        ({"stop": Stop.REFUSAL, "parts": (Refusal("no"),)}, {"finish_reason": "stop"}),
        ({"stop": Stop.CONTEXT}, {"finish_reason": "length", "native_finish_reason": "model_context_window_exceeded"}),
        ({"stop": None}, {"finish_reason": "stop"}),
        ({"stop": Stop.END, "others": {"content_filter_results": {}, "unheard_of": 1}},
         {"finish_reason": "stop", "content_filter_results": {}}),
    ],
)  # fmt: skip
def test_why_it_ended(members: Any, end: Any) -> None:
    choice = choice_of(**members)
    assert {name: value for name, value in choice.items() if name not in ("index", "message", "logprobs")} == end


def test_lanes_are_parts_of_totals() -> None:
    usage = Usage(
        input_tokens=100,
        output_tokens=50,
        cache_read_tokens=10,
        cache_write_5m_tokens=20,
        cache_write_1h_tokens=30,
        reasoning_tokens=5,
        audio_input_tokens=1,
        audio_output_tokens=2,
        image_input_tokens=3,
    )
    assert write_usage(usage) == {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {
            "cached_tokens": 10,
            "cache_write_tokens": 20 + 30,
            "cache_write_1h_tokens": 30,
            "audio_tokens": 1,
            "image_tokens": 3,
        },
        "completion_tokens_details": {"reasoning_tokens": 5, "audio_tokens": 2},
    }


@pytest.mark.parametrize(
    ("told", "tier"),
    [("flex", "flex"), ("standard", "default"), ("on_demand", "default"), ("batch", None), (None, None)],
)
def test_service_is_told_in_words_that_clients_know(told: str | None, tier: str | None) -> None:
    assert tier_of(told) == tier
