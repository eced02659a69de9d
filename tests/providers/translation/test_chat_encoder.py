"""Chunks of a chat completion, as callers read them."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import (
    Citation,
    Image,
    Maker,
    Opaque,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
)
from ai_gateway.domain.reply import (
    Alive,
    Began,
    Cited,
    Counted,
    Ended,
    Event,
    PartBegan,
    PartEnded,
    PartKind,
    PartWhole,
    Piece,
    Reply,
    Signed,
    Stop,
    Stopped,
    Weighed,
)
from ai_gateway.providers.translation.chat_encoder import ChatEncoder
from tests.providers.translation.chat_made import replies
from tests.providers.translation.replies_told import told

BEGAN = Began("r1", "m1", 7, Usage(3, 0), "standard", "fp")
SIGNED = {"google": {"thought_signature": "s"}}
ROLE = {"role": "assistant", "content": "", "refusal": None}


def written(*events: Event, wants_usage: bool = False) -> list[Any]:
    """The chunks; the last one is what follows `data: [DONE]`, which is nothing."""
    encoder = ChatEncoder(5, wants_usage=wants_usage)
    stream = b"".join(encoder.write(event) for event in events) + encoder.end()
    assert stream.endswith(b"data: [DONE]\n\n")
    frames = stream.removesuffix(b"data: [DONE]\n\n").split(b"\n\n")[:-1]
    return [json.loads(frame.removeprefix(b"data: ")) if frame[:1] == b"d" else frame for frame in frames]


def deltas(*events: Event) -> list[Any]:
    """Of the first choice, without the role before and the end behind."""
    first, *between, last = written(BEGAN, *events)
    assert first["choices"][0]["delta"] == ROLE
    assert last["choices"][0]["delta"] == {}
    return [chunk["choices"][0]["delta"] for chunk in between]


@given(replies(), st.randoms(use_true_random=False))
def test_openais_sdk_finds_all_that_it_checks(reply: Reply, rng: Random) -> None:
    """It knows no custom tools in streams, though OpenAI sends them."""
    for chunk in written(*(event for event in told(reply, rng) if event != Alive()), wants_usage=True):
        for choice in chunk["choices"]:
            for call in choice["delta"].get("tool_calls", []):
                call.pop("type", None)
        ChatCompletionChunk.model_validate(chunk)


def test_a_stream_is_a_role_then_pieces_then_its_end() -> None:
    events = (BEGAN, PartBegan(0, 0, PartKind.TEXT), Piece(0, 0, 'a"\n'), Stopped(0, Stop.LENGTH), Ended())
    head = {
        "id": "r1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "m1",
        "system_fingerprint": "fp",
        "service_tier": "default",
    }
    rest: dict[str, Any] = {"logprobs": None, "finish_reason": None}
    assert written(*events) == [
        {**head, "choices": [{"index": 0, "delta": ROLE, **rest}]},
        {**head, "choices": [{"index": 0, "delta": {"content": 'a"\n'}, **rest}]},
        {**head, "choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "length"}]},
    ]


def test_usage_is_told_to_who_asked_for_it_last_and_without_choices() -> None:
    events = (BEGAN, Piece(0, 0, "a"), Stopped(0, Stop.END), Counted(Usage(3, 4)), Ended())
    assert written(*events, wants_usage=True)[-1]["choices"] == []
    assert written(*events, wants_usage=True)[-1]["usage"]["total_tokens"] == 3 + 4
    assert not any("usage" in chunk for chunk in written(*events))
    assert "usage" not in written(Began("r1"), Piece(0, 0, "a"), wants_usage=True)[-1]


def test_calls_that_come_mixed_are_numbered_and_text_may_follow_them() -> None:
    assert deltas(
        PartBegan(0, 0, PartKind.TOOL_CALL, "c1", "f"),
        PartBegan(0, 1, PartKind.TOOL_CALL, "c2", "g", ToolKind.CUSTOM),
        Piece(0, 1, "x"),
        Piece(0, 0, "{}"),
        Signed(0, 0, "s"),
        PartBegan(0, 2, PartKind.TEXT),
        Piece(0, 2, "after"),
    ) == [
        {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
        {"tool_calls": [{"index": 1, "id": "c2", "type": "custom", "custom": {"name": "g", "input": ""}}]},
        {"tool_calls": [{"index": 1, "custom": {"input": "x"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ""}, "extra_content": SIGNED}]},
        {"content": "after"},
    ]


def test_a_thought_is_told_as_text_and_with_its_signature_as_details() -> None:
    same = {"format": "anthropic-claude-v1", "index": 0}
    assert deltas(
        PartBegan(0, 0, PartKind.THINKING, maker=Maker.ANTHROPIC, thought_id="t1"),
        Piece(0, 0, "hm"),
        Signed(0, 0, "sig"),
        PartBegan(0, 1, PartKind.THINKING, maker=Maker.OPENAI),
        Piece(0, 1, "so"),
        Signed(0, 1, "e", is_encrypted=True),
    ) == [
        {"reasoning_details": [{"type": "reasoning.text", "text": "", **same, "id": "t1"}]},
        {"reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", **same}]},
        {"reasoning_details": [{"type": "reasoning.text", "signature": "sig", **same}]},
        {
            "reasoning_details": [
                {"type": "reasoning.summary", "summary": "", "format": "openai-responses-v1", "index": 1}
            ]
        },
        {
            "reasoning_content": "so",
            "reasoning_details": [
                {"type": "reasoning.summary", "summary": "so", "format": "openai-responses-v1", "index": 1}
            ],
        },
        {
            "reasoning_details": [
                {"type": "reasoning.encrypted", "data": "e", "format": "openai-responses-v1", "index": 1}
            ]
        },
    ]


def test_sources_are_told_when_their_text_is_over_with_its_place_in_the_answer() -> None:
    said = deltas(
        Piece(0, 0, "ab"),
        PartEnded(0, 0),
        PartBegan(0, 1, PartKind.TEXT),
        Cited(0, 1, Citation(url="u", title="t")),
        Piece(0, 1, "cde"),
        PartEnded(0, 1),
        Piece(0, 0, ""),
    )
    place = {"url": "u", "title": "t", "start_index": 2, "end_index": 5}
    assert said == [
        {"content": "ab"},
        {"content": "cde"},
        {"annotations": [{"type": "url_citation", "url_citation": place}]},
        {"content": ""},
    ]


def test_sources_of_a_text_whose_end_nobody_told_come_before_the_end() -> None:
    assert "annotations" in deltas(Piece(0, 0, "ab"), Cited(0, 0, Citation(url="u")))[-1]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Text("a"), [{"content": "a"}]),
        (Refusal("no"), [{"refusal": "no"}]),
        (ToolCall("c1", "f", "{}"), [
            {"tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        ]),
        (Image(Source(url="https://a.example/b.png")),
         [{"images": [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]}]),
        (Opaque("chat", "audio", {"id": "a1"}), [{"audio": {"id": "a1"}}]),
        (Opaque("anthropic", "server_tool_use", {"id": "a1"}), []),
    ],
)  # fmt: skip
def test_a_part_that_comes_at_once(value: Any, told: Any) -> None:
    assert deltas(PartWhole(0, 0, value)) == told


def test_a_thought_that_comes_at_once_loses_nothing() -> None:
    said = deltas(PartWhole(0, 0, Thinking("hm", "s", "e", Maker.GOOGLE, "t")))
    assert [list(delta) for delta in said] == [
        ["reasoning_details"], ["reasoning_content", "reasoning_details"], ["reasoning_details"], ["reasoning_details"],
    ]  # fmt: skip


def test_each_choice_has_its_role_and_its_end() -> None:
    chunks = written(BEGAN, Piece(1, 0, "b"), Piece(0, 0, "a"), Stopped(1, Stop.LENGTH), Stopped(0, Stop.TOOL_CALLS))
    assert [(chunk["choices"][0]["index"], chunk["choices"][0]["finish_reason"]) for chunk in chunks] == [
        (1, None), (1, None), (0, None), (0, None), (1, "length"), (0, "tool_calls"),
    ]  # fmt: skip


def test_probabilities_stand_beside_the_delta() -> None:
    (_, weighed, _) = written(BEGAN, Weighed(0, {"content": []}))
    assert weighed["choices"][0] == {"index": 0, "delta": {}, "logprobs": {"content": []}, "finish_reason": None}


def test_who_is_still_there_is_told_as_a_comment_and_an_empty_answer_has_an_end() -> None:
    assert written(BEGAN, Alive())[0] == b": alive"
    role, end = written(BEGAN)
    assert (role["choices"][0]["delta"], end["choices"][0]["finish_reason"]) == (ROLE, "stop")


def test_a_provider_that_tells_no_time_has_the_callers() -> None:
    assert written(Began("r1"))[0]["created"] == 5
