"""Messages of a request as turns."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import (
    Audio,
    CacheTtl,
    Citation,
    Image,
    Maker,
    Refusal,
    Role,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.chat_messages import read_messages

A_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("message", "turn"),
    [
        ({"role": "system", "content": "a"}, Turn(Role.SYSTEM, (Text("a"),))),
        ({"role": "developer", "content": "a", "name": "n"}, Turn(Role.DEVELOPER, (Text("a"),), "n")),
        ({"role": "user", "content": "a", "tool_calls": None, "x": []}, Turn(Role.USER, (Text("a"),))),
        ({"role": "user", "content": "a", "prefix": True}, Turn(Role.USER, (Text("a"),), None, {"prefix": True})),
        ({"role": "user", "content": "a", "cache_control": {"type": "ephemeral"}},
         Turn(Role.USER, (Text("a", CacheTtl.FIVE_MINUTES),))),
        ({"role": "assistant", "content": None, "tool_calls": [A_CALL]},
         Turn(Role.ASSISTANT, (ToolCall("c1", "f", "{}"),))),
        ({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]},
         Turn(Role.ASSISTANT, (ToolCall("", "f", ""),))),
        ({"role": "assistant", "content": "", "tool_calls": [{**A_CALL, "index": 0}]},
         Turn(Role.ASSISTANT, (Text(""), ToolCall("c1", "f", "{}")))),
        ({"role": "assistant", "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "f", "input": "x"}}]},
         Turn(Role.ASSISTANT, (ToolCall("c1", "f", "x", ToolKind.CUSTOM),))),
        ({"role": "assistant", "tool_calls": [{**A_CALL, "extra_content": {"google": {"thought_signature": "s"}}}]},
         Turn(Role.ASSISTANT, (ToolCall("c1", "f", "{}", ToolKind.FUNCTION, "s", Maker.GOOGLE),))),
        ({"role": "assistant", "content": "a", "reasoning_content": "hm"},
         Turn(Role.ASSISTANT, (Thinking("hm"), Text("a")))),
        ({"role": "assistant", "content": "a", "reasoning": "hm"}, Turn(Role.ASSISTANT, (Thinking("hm"), Text("a")))),
        ({"role": "assistant", "content": "a", "reasoning": "hm", "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0}]},
         Turn(Role.ASSISTANT, (Thinking("hm", "s", None, Maker.ANTHROPIC), Text("a")))),
        ({"role": "assistant", "content": None, "refusal": "no"}, Turn(Role.ASSISTANT, (Refusal("no"),))),
        ({"role": "assistant", "audio": {"id": "a1"}}, Turn(Role.ASSISTANT, (Audio(Source(file_id="a1")),))),
        ({"role": "assistant", "content": "ab", "annotations": [
            {"type": "url_citation", "url_citation": {"url": "u", "start_index": 0, "end_index": 2}}]},
         Turn(Role.ASSISTANT, (Text("ab", citations=(Citation(url="u", answer_start=0, answer_end=2),)),))),
    ],
)  # fmt: skip
def test_a_message_is_a_turn(message: Any, turn: Turn) -> None:
    assert read_messages([message]) == (turn,)


def test_results_that_stand_together_are_one_turn_and_know_their_tool() -> None:
    calls = [A_CALL, {"id": "c2", "type": "custom", "custom": {"name": "g", "input": ""}}]
    turns = read_messages(
        [
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c1", "content": "1", "is_error": True},
            {
                "role": "tool",
                "tool_call_id": "c2",
                "name": "h",
                "content": [{"type": "image_url", "image_url": {"url": "https://a.example"}}],
                "cache_control": {"type": "ephemeral"},
            },
            {"role": "user", "content": "so?"},
        ]
    )
    an_image = Image(Source(url="https://a.example"))
    assert turns[1:] == (
        Turn(
            Role.USER,
            (
                ToolResult("c1", (Text("1"),), is_error=True, name="f"),
                ToolResult("c2", (an_image,), name="h", kind=ToolKind.CUSTOM, cache=CacheTtl.FIVE_MINUTES),
            ),
        ),
        Turn(Role.USER, (Text("so?"),)),
    )


def test_legacy_calls_and_results_find_each_other() -> None:
    called = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    turns = read_messages(
        [
            called,
            {"role": "function", "name": "f", "content": "1"},
            called,
            {"role": "function", "name": "f", "content": "2"},
        ]
    )
    assert turns == (
        Turn(Role.ASSISTANT, (ToolCall("call_of_0", "f", "{}"),)),
        Turn(Role.USER, (ToolResult("call_of_0", (Text("1"),), name="f"),)),
        Turn(Role.ASSISTANT, (ToolCall("call_of_2", "f", "{}"),)),
        Turn(Role.USER, (ToolResult("call_of_2", (Text("2"),), name="f"),)),
    )


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ([], "messages"),
        ("hello", "messages"),
        ([7], "messages[0]"),
        ([{"content": "a"}], "messages[0].role"),
        ([{"role": "robot", "content": "a"}], "messages[0].role"),
        ([{"role": "user", "content": "a", "name": 7}], "messages[0].name"),
        ([{"role": "user", "content": "a"}, {"role": "user", "content": 7}], "messages[1].content"),
        ([{"role": "assistant", "tool_calls": 7}], "messages[0].tool_calls"),
        ([{"role": "assistant", "tool_calls": [7]}], "messages[0].tool_calls[0]"),
        ([{"role": "assistant", "tool_calls": [{"type": "robot"}]}], "messages[0].tool_calls[0].type"),
        ([{"role": "assistant", "tool_calls": [{"id": 7}]}], "messages[0].tool_calls[0].id"),
        ([{"role": "assistant", "tool_calls": [{"function": {}}]}], "messages[0].tool_calls[0].function.name"),
        ([{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}],
         "messages[0].tool_calls[0].function.arguments"),
        ([{"role": "tool", "tool_call_id": 7, "content": "a"}], "messages[0].tool_call_id"),
        ([{"role": "tool", "tool_call_id": "c", "name": 7, "content": "a"}], "messages[0].name"),
        ([{"role": "tool", "tool_call_id": "c", "content": [{"type": "video"}]}], "messages[0].content[0]"),
        ([{"role": "tool", "tool_call_id": "c", "content": "a", "colour": 1}], "messages[0].colour"),
    ],
)  # fmt: skip
def test_what_nobody_would_take_is_refused_by_its_place(messages: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_messages(messages)
    assert refused.value.param == param
