"""Conversations of any dialect in the order and the roles that Anthropic takes."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    ToolResult,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.anthropic_families import Family
from ai_gateway.providers.translation.anthropic_turns import Written, call_id
from ai_gateway.providers.translation.losses import Losses

FAMILY = Family()
HELLO = Turn(Role.USER, (Text("hello"),))
SAID = {"role": "user", "content": "hello"}


def written(*turns: Turn, family: Family = FAMILY, losses: Losses | None = None) -> Written:
    return Written(turns, family, losses or Losses("Anthropic", drops=False))


def refused(*turns: Turn) -> str | None:
    with pytest.raises(InvalidRequest) as fault:
        written(*turns)
    return fault.value.param


def blocks(*parts: Part, role: Role = Role.USER) -> list[Any]:
    (message,) = written(Turn(role, parts)).messages
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def test_system_text_at_the_start_stands_apart() -> None:
    it = written(Turn(Role.SYSTEM, (Text("be kind"),)), HELLO)
    assert (it.system, it.messages) == ("be kind", [SAID])
    it = written(Turn(Role.SYSTEM, (Text("a", CacheTtl.HOUR),)), Turn(Role.DEVELOPER, (Text("b"),)), HELLO)
    marked = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert it.system == [marked, {"type": "text", "text": "b"}]


def test_system_text_with_a_member_of_tomorrow_stands_apart_and_another_block_does_not() -> None:
    text = Opaque("anthropic", "text", {"type": "text", "text": "a", "tone": "kind"})
    assert written(Turn(Role.SYSTEM, (text,)), HELLO).system == [text.value]
    addition = Opaque("anthropic", "tool_addition", {"type": "tool_addition", "tool": {}})
    it = written(Turn(Role.SYSTEM, (addition,)), HELLO, family=Family(system_later=True))
    assert it.messages == [{"role": "system", "content": [addition.value]}, SAID]


def test_a_later_system_turn_stays_where_it_is_or_is_refused() -> None:
    turns = (HELLO, Turn(Role.DEVELOPER, (Text("new rules"),)))
    assert written(*turns, family=Family(system_later=True)).messages == [
        SAID,
        {"role": "system", "content": "new rules"},
    ]
    assert refused(*turns) == "messages[1]"
    assert written(*turns, losses=Losses("x", drops=True)).messages == [SAID]


def test_turns_of_one_role_are_one_and_results_come_first() -> None:
    it = written(
        HELLO,
        Turn(Role.ASSISTANT, (Text("let me see"),)),
        Turn(Role.ASSISTANT, (ToolCall("c1", "f", "{}"), ToolCall("c2", "f", "{}"))),
        Turn(Role.USER, (ToolResult("c1", (Text("1"),)),)),
        Turn(Role.USER, (Text("and?"), ToolResult("c2", (Text("2"),), is_error=True, cache=CacheTtl.FIVE_MINUTES))),
    )
    assert [message["role"] for message in it.messages] == ["user", "assistant", "user"]
    assert [block["type"] for block in it.messages[1]["content"]] == ["text", "tool_use", "tool_use"]
    assert it.messages[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c1", "content": "1"},
        {
            "type": "tool_result",
            "tool_use_id": "c2",
            "content": "2",
            "is_error": True,
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "text", "text": "and?"},
    ]


def test_empty_texts_and_turns_say_nothing() -> None:
    it = written(HELLO, Turn(Role.ASSISTANT, (Text(""),)), Turn(Role.USER, (Text(""), Text("you there?"))))
    assert it.messages == [
        {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "text", "text": "you there?"}]}
    ]


def test_results_may_have_images_and_documents() -> None:
    image, document = Image(Source(url="https://a")), Document(text="words")
    (result,) = blocks(ToolResult("c", (Text("see"), image, document)))
    assert [block["type"] for block in result["content"]] == ["text", "image", "document"]


def test_thoughts_go_to_their_maker_only() -> None:
    losses = Losses("Anthropic", drops=False)
    own = Thinking("hm", "sig", maker=Maker.ANTHROPIC)
    foreign, unsigned = Thinking("hm", "s", maker=Maker.OPENAI), Thinking("hm", maker=Maker.ANTHROPIC)
    hidden = Thinking(encrypted="e", maker=Maker.ANTHROPIC)
    it = written(Turn(Role.ASSISTANT, (own, foreign, unsigned, hidden, Text("hi"))), losses=losses)
    assert [block["type"] for block in it.messages[0]["content"]] == ["thinking", "redacted_thinking", "text"]
    assert losses.dropped == ("thinking",)


def test_a_foreign_signature_of_a_call_and_foreign_citations_are_left_out_and_told() -> None:
    losses = Losses("Anthropic", drops=False)
    cited = Text(
        "it is", citations=(Citation(url="https://a"), Citation(url="https://b", extra={"encrypted_index": "e"}))
    )
    call = ToolCall("c", "f", "{}", signature="s", maker=Maker.GOOGLE)
    it = written(Turn(Role.ASSISTANT, (cited, call)), losses=losses)
    text, _ = it.messages[0]["content"]
    assert [citation["url"] for citation in text["citations"]] == ["https://b"]
    assert losses.dropped == ("citations", "thinking")


@pytest.mark.parametrize(
    ("turn", "param"),
    [
        (Turn(Role.USER, (Text("x"),), name="ada"), "messages[0].name"),
        (Turn(Role.USER, (Text("x"),), others={"phase": 1}), "messages[0].phase"),
        (Turn(Role.USER, (Text("x"), Opaque("responses", "k", {}))), "messages[0].content[1]"),
        (Turn(Role.USER, (Audio(Source(data="AAAA")),)), "messages[0].content[0]"),
        (Turn(Role.USER, (Image(Source(file_id="file-openai")),)), "messages[0].content[0]"),
        (Turn(Role.USER, (Image(Source(data="AAAA")),)), "messages[0].content[0]"),
        (Turn(Role.USER, (ToolResult("c", (Audio(Source(data="A")),)),)), "messages[0].content[0].content[0]"),
    ],
)
def test_what_cannot_be_said_is_refused_by_its_place(turn: Turn, param: str) -> None:
    assert refused(turn) == param


def test_what_is_nearly_the_same_is_said_and_told() -> None:
    losses = Losses("Anthropic", drops=False)
    spoken = Turn(Role.ASSISTANT, (Audio(Source(file_id="a"), "spoken"), Refusal("no")))
    it = written(Turn(Role.USER, (Image(Source(url="https://a"), "high"),)), spoken, losses=losses)
    assert it.messages[1]["content"] == [{"type": "text", "text": "spoken"}, {"type": "text", "text": "no"}]
    assert losses.dropped == ("detail", "audio")


def test_files_of_the_provider_are_noticed() -> None:
    assert not written(HELLO).names_files
    assert written(Turn(Role.USER, (Document(Source(file_id="file_1")),))).names_files
    upload = Opaque("anthropic", "container_upload", {"type": "container_upload", "file_id": "file_1"})
    assert written(Turn(Role.USER, (upload,))).names_files


@given(st.text(max_size=200))
def test_an_id_is_one_that_anthropic_takes_and_the_same_each_time(given_id: str) -> None:
    made = call_id(given_id)
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,128}", made)
    assert call_id(given_id) == made == call_id(made)


def test_an_id_that_is_fine_is_kept() -> None:
    assert call_id("call_Ab-1") == "call_Ab-1"
    assert call_id("call:1") != call_id("call:2")
