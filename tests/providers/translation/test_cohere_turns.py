"""Turns become Cohere's messages."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import (
    Audio,
    CacheTtl,
    Citation,
    Document,
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
from ai_gateway.providers.translation.cohere_turns import PLAN, TurnWriter
from ai_gateway.providers.translation.losses import Losses
from providers.translation.cohere_wire import a_cited_text

PNG = Image(Source(data="iVBO", media_type="image/png"), detail="low")
PNG_BLOCK = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}}


def written(*turns: Turn, drops: bool = False) -> tuple[list[Any], TurnWriter, tuple[str, ...]]:
    losses = Losses("Cohere", drops=drops)
    writer = TurnWriter(losses)
    writer.write(turns)
    return writer.messages, writer, losses.dropped


def test_every_role_is_a_message_in_its_place() -> None:
    messages, _, dropped = written(
        Turn(Role.DEVELOPER, (Text("be brief"),)),
        Turn(Role.USER, (Text("a"), PNG)),
        Turn(Role.ASSISTANT, (Text("b"),)),
        Turn(Role.SYSTEM, (Text("now be loud"),)),
    )
    assert messages == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, PNG_BLOCK]},
        {"role": "assistant", "content": "b"},
        {"role": "system", "content": "now be loud"},
    ]
    assert dropped == ()


def test_an_answer_has_its_thoughts_its_plan_its_calls_and_its_citations() -> None:
    cited = a_cited_text(1, "hello", ["doc:0"])
    messages, _, _ = written(
        Turn(
            Role.ASSISTANT,
            (
                Thinking("hm", maker=Maker.COHERE),
                cited,
                Thinking("I will look", maker=Maker.COHERE, id=PLAN),
                ToolCall("c1", "f", '{"a":1}'),
                ToolCall("c2", "g", ""),
            ),
        )
    )
    assert messages == [
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "hello"}],
            "tool_plan": "I will look",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
                {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
            ],
            "citations": [cited.citations[0].extra["cohere"]],
        }
    ]


def test_a_result_is_a_message_and_its_pictures_follow_in_the_users_words() -> None:
    messages, _, _ = written(Turn(Role.USER, (ToolResult("c1", (Text("21"), PNG)), Text("and now?"))))
    assert messages == [
        {"role": "tool", "tool_call_id": "c1", "content": "21"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Images in the result of the tool call c1:"},
                PNG_BLOCK,
                {"type": "text", "text": "and now?"},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("parts", "content"),
    [
        ((Text("it broke"),), "Error: it broke"),
        ((Text("Error: it broke"),), "Error: it broke"),
        ((), "Error:"),
        (
            (Document(text="x", title="t"),),
            [
                {"type": "text", "text": "Error:"},
                {"type": "document", "document": {"data": {"text": "x", "title": "t"}}},
            ],
        ),
    ],
)
def test_an_error_says_so(parts: Any, content: object) -> None:
    messages, _, _ = written(Turn(Role.USER, (ToolResult("c1", parts, is_error=True),)))
    assert messages[0]["content"] == content


def test_documents_stand_beside_the_messages() -> None:
    messages, writer, _ = written(
        Turn(Role.USER, (Document(text="x", title="t", context="Q3"), Text("a"))),
        Turn(Role.USER, (Document(text="y", cites=True),)),
    )
    assert messages == [{"role": "user", "content": "a"}]
    assert writer.documents == [
        {"id": "doc:0", "data": {"text": "x", "title": "t", "context": "Q3"}},
        {"id": "doc:1", "data": {"text": "y"}},
    ]
    assert writer.cites


@pytest.mark.parametrize(
    ("role", "part", "field"),
    [
        (Role.USER, Audio(Source(data="eA==")), "messages[0].content[0]"),
        (Role.USER, Opaque("google", "x", {}), "messages[0].content[0]"),
        (Role.USER, Image(Source(file_id="f")), "messages[0].content[0]"),
        (Role.USER, Document(Source(data="eA==", media_type="application/pdf")), "messages[0].content[0]"),
        (Role.USER, ToolResult("c", (Audio(Source(data="eA==")),)), "messages[0].content[0].content[0]"),
        (Role.ASSISTANT, PNG, "messages[0].content[0]"),
        (Role.ASSISTANT, ToolCall("c", "f", "x", ToolKind.CUSTOM), "messages[0].tool_calls[0]"),
    ],
)
def test_what_has_no_place_is_refused_by_its_place_or_dropped(role: Role, part: Part, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        written(Turn(role, (part,)))
    assert refused.value.param == field
    assert written(Turn(role, (part,)), drops=True)[2] == (field,)


@pytest.mark.parametrize(
    ("role", "part", "told"),
    [
        (Role.ASSISTANT, Thinking("hm", "sig", maker=Maker.ANTHROPIC), "thinking"),
        (Role.USER, Text("a", CacheTtl.HOUR), "cache_control"),
        (Role.ASSISTANT, Text("a", citations=(Citation(url="https://x.test"),)), "citations"),
        (Role.ASSISTANT, ToolCall("c", "f", "{}", signature="s"), "thinking"),
    ],
)
def test_what_means_nothing_to_cohere_is_left_out_and_told(role: Role, part: Part, told: str) -> None:
    assert written(Turn(role, (part,)))[2] == (told,)


def test_a_refusal_is_an_answers_text_and_nothing_is_no_message() -> None:
    messages, _, dropped = written(
        Turn(Role.ASSISTANT, (Refusal("no"),), name="bot", others={"phase": 1}),
        Turn(Role.ASSISTANT, (Text(""),)),
        drops=True,
    )
    assert messages == [{"role": "assistant", "content": "no"}]
    assert dropped == ("messages[0].name", "messages[0].phase")
