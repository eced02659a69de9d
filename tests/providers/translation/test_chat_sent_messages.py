"""Turns as the messages that a provider gets."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import (
    Audio,
    Citation,
    Conversation,
    Image,
    Maker,
    Opaque,
    Part,
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
from ai_gateway.providers.translation.chat_sent_messages import write_messages
from ai_gateway.providers.translation.chat_ways import OPENAI, CallIds, ChatWays, ThoughtField
from ai_gateway.providers.translation.losses import Losses

PNG = Image(Source(url="https://a.example/b.png"))
SENT_PNG = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
A_CALL = ToolCall("c1", "f", "{}")
SENT_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
THOUGHT = Thinking("hm", "s", None, Maker.ANTHROPIC)


def written(
    *turns: Turn, ways: ChatWays = OPENAI, drops: bool = False, dialect: str = ""
) -> tuple[Any, tuple[str, ...]]:
    losses = Losses("x", drops=drops)
    return write_messages(Conversation(turns=turns, dialect=dialect), ways, losses), losses.dropped


def assistant(*parts: Part, ways: ChatWays = OPENAI, drops: bool = False) -> Any:
    (message,), _ = written(Turn(Role.ASSISTANT, parts), ways=ways, drops=drops)
    return message


def test_one_text_is_a_string_and_several_are_a_list_where_the_provider_takes_one() -> None:
    two = Turn(Role.SYSTEM, (Text("a"), Text("b")))
    assert written(Turn(Role.SYSTEM, (Text("a"),))) == ([{"role": "system", "content": "a"}], ())
    listed = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert written(two) == ([{"role": "system", "content": listed}], ())
    assert written(two, ways=ChatWays(content_lists=False)) == ([{"role": "system", "content": "a\n\nb"}], ())


def test_a_developer_is_the_system_where_the_provider_knows_one_only() -> None:
    turn = Turn(Role.DEVELOPER, (Text("a"),), "n")
    assert written(turn) == ([{"role": "developer", "content": "a", "name": "n"}], ())
    plain = ChatWays(developer_role=False, names=False)
    assert written(turn, ways=plain) == ([{"role": "system", "content": "a"}], ("name",))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((Text("a"), A_CALL, Text("b")),
         {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "tool_calls": [SENT_CALL]}),
        ((A_CALL,), {"content": None, "tool_calls": [SENT_CALL]}),
        ((ToolCall("", "f", ""),),
         {"content": None, "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": ""}}]}),
        ((ToolCall("c1", "f", "x", ToolKind.CUSTOM),),
         {"content": None, "tool_calls": [{"id": "c1", "type": "custom", "custom": {"name": "f", "input": "x"}}]}),
        ((Refusal("no"),), {"content": None, "refusal": "no"}),
        ((Audio(Source(file_id="a1")),), {"content": None, "audio": {"id": "a1"}}),
        ((), {"content": ""}),
    ],
)  # fmt: skip
def test_an_answer_of_before(parts: tuple[Part, ...], message: Any) -> None:
    assert assistant(*parts) == {"role": "assistant", **message}


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (ThoughtField.NONE, {"content": "a"}),
        (ThoughtField.REASONING, {"content": "a", "reasoning": "hm"}),
        (ThoughtField.REASONING_CONTENT, {"content": "a", "reasoning_content": "hm"}),
        (ThoughtField.CONTENT, {"content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}]}),
        (ThoughtField.DETAILS, {"content": "a", "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0}]}),
    ],
)  # fmt: skip
def test_a_thought_goes_where_its_provider_wants_it(field: ThoughtField, message: Any) -> None:
    ways = ChatWays(thought_field=field, thought_makers=frozenset({Maker.ANTHROPIC}))
    assert assistant(THOUGHT, Text("a"), ways=ways) == {"role": "assistant", **message}


@pytest.mark.parametrize(
    ("part", "told"),
    [
        (THOUGHT, "thinking"),
        (ToolCall("c1", "f", "{}", ToolKind.FUNCTION, "s", Maker.GOOGLE), "thinking"),
        (Text("a", citations=(Citation(url="u"),)), "citations"),
    ],
)
def test_what_means_nothing_to_the_provider_is_left_out_and_told(part: Part, told: str) -> None:
    _, dropped = written(Turn(Role.ASSISTANT, (part,)))
    assert dropped == (told,)


def test_a_hidden_thought_is_told_as_left_out_where_only_text_can_be_sent() -> None:
    ways = ChatWays(thought_field=ThoughtField.REASONING, thought_makers=frozenset(Maker))
    hidden = Turn(Role.ASSISTANT, (Thinking("", None, "e"), Text("a")))
    assert written(hidden, ways=ways) == ([{"role": "assistant", "content": "a"}], ("thinking",))


def results(*parts: Any, is_error: bool = False) -> Turn:
    return Turn(Role.USER, (ToolResult("c1", parts, is_error, "f"), Text("so?")))


def test_a_result_comes_before_what_the_user_says() -> None:
    turn = Turn(Role.USER, (Text("so?"), ToolResult("c1", (Text("1"),))))
    assert written(turn)[0] == [
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        {"role": "user", "content": "so?"},
    ]


def test_images_of_a_result_follow_in_a_message_that_says_whose_they_are() -> None:
    both = Turn(Role.USER, (ToolResult("c1", (Text("1"), PNG), name="f"), ToolResult("c2", (PNG,))))
    assert written(both) == (
        [
            {"role": "tool", "tool_call_id": "c1", "content": "1"},
            {"role": "tool", "tool_call_id": "c2", "content": "(See the next message.)"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What f returned for call c1:"},
                    SENT_PNG,
                    {"type": "text", "text": "What the tool returned for call c2:"},
                    SENT_PNG,
                ],
            },
        ],
        (),
    )
    kept = written(both, ways=ChatWays(images_in_tool_results=True, tool_names=True))[0]
    assert kept[0] == {
        "role": "tool",
        "tool_call_id": "c1",
        "name": "f",
        "content": [{"type": "text", "text": "1"}, SENT_PNG],
    }
    assert len(kept) == 2


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ((Text("no"),), "Error: no"),
        ((Text("Error: no"),), "Error: no"),
        ((Text("no"), Text("way")), [{"type": "text", "text": "Error: no"}, {"type": "text", "text": "way"}]),
        ((), "Error:"),
    ],
)
def test_an_error_says_so_in_its_text_where_there_is_no_flag(parts: Any, content: Any) -> None:
    sent, _ = written(results(*parts, is_error=True))
    assert sent[0] == {"role": "tool", "tool_call_id": "c1", "content": content}


def test_an_error_is_flagged_where_the_provider_knows_that() -> None:
    sent, _ = written(results(Text("no"), is_error=True), ways=ChatWays(is_error=True))
    assert sent[0] == {"role": "tool", "tool_call_id": "c1", "is_error": True, "content": "no"}


def test_ids_that_a_provider_refuses_are_others_and_the_same_in_call_and_result() -> None:
    calls = (ToolCall("toolu_01", "f", "{}"), ToolCall("abcDEF123", "f", "{}"))
    answers = (ToolResult("toolu_01", (Text("1"),)), ToolResult("abcDEF123", (Text("2"),)))
    turns = (Turn(Role.ASSISTANT, calls), Turn(Role.USER, answers))
    (called, first, second), _ = written(*turns, ways=ChatWays(call_ids=CallIds.MISTRAL))
    made, kept = (call["id"] for call in called["tool_calls"])
    assert len(made) == 9
    assert made.isalnum()
    assert kept == "abcDEF123"
    assert (first["tool_call_id"], second["tool_call_id"]) == (made, kept)


def test_members_of_a_message_go_to_a_provider_of_the_dialect_they_are_of() -> None:
    turn = Turn(Role.ASSISTANT, (Text("a"),), None, {"prefix": True})
    assert written(turn, dialect="chat") == ([{"role": "assistant", "content": "a", "prefix": True}], ())
    with pytest.raises(InvalidRequest) as refused:
        written(turn, dialect="anthropic")
    assert refused.value.param == "messages[0].prefix"
    labelled = Turn(Role.ASSISTANT, (Text("a"),), None, {"phase": "commentary"})
    assert written(labelled) == ([{"role": "assistant", "content": "a"}], ("phase",))


@pytest.mark.parametrize(
    ("turn", "ways"),
    [
        (Turn(Role.ASSISTANT, (ToolCall("c1", "f", "x", ToolKind.CUSTOM),)), ChatWays(custom_tools=False)),
        (Turn(Role.ASSISTANT, (Opaque("anthropic", "server_tool_use", {}),)), OPENAI),
        (Turn(Role.USER, (Opaque("anthropic", "server_tool_use", {}),)), OPENAI),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_place_or_left_out(turn: Turn, ways: ChatWays) -> None:
    with pytest.raises(InvalidRequest) as refused:
        written(turn, ways=ways)
    assert refused.value.param == "messages[0].content[0]"
    assert written(turn, ways=ways, drops=True) == (
        [{"role": turn.role.value, "content": ""}],
        ("messages[0].content[0]",),
    )
