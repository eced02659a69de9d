"""Turns become messages of two alternating roles, and nothing that a model wrote is changed or lost without a word."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.conversation import (
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
from ai_gateway.providers.translation.bedrock_models import Family
from ai_gateway.providers.translation.bedrock_turns import TurnWriter, redacted_in_text, redacted_on_the_wire
from ai_gateway.providers.translation.losses import Losses

PNG = Image(Source(data="iVBORw0KGgo=", media_type="image/png"))


def writer(family: Family = Family.CLAUDE, *, drops: bool = False) -> tuple[TurnWriter, Losses]:
    losses = Losses("Bedrock", drops=drops)
    return TurnWriter(family, losses), losses


def blocks_of(*parts: Part, role: Role = Role.USER, family: Family = Family.CLAUDE) -> tuple[object, tuple[str, ...]]:
    turns, losses = writer(family)
    turns.write((Turn(role, parts),))
    plain = msgspec.json.decode(msgspec.json.encode(turns.messages))
    return (plain[0]["content"] if plain else []), losses.dropped


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (Text("hi"), {"text": "hi"}),
        (Refusal("no"), {"text": "no"}),
        (PNG, {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}),
        (
            Thinking("hm", "sig", maker=Maker.ANTHROPIC),
            {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        ),
        (Thinking(encrypted="data", maker=Maker.ANTHROPIC), {"reasoningContent": {"redactedContent": "ZGF0YQ=="}}),
        (ToolCall("t1", "f", '{"a": 1.0}'), {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"a": 1.0}}}),
        (ToolCall("t1", "f", ""), {"toolUse": {"toolUseId": "t1", "name": "f", "input": {}}}),
        (
            ToolCall("t1", "f", "print(1)", ToolKind.CUSTOM),
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"input": "print(1)"}}},
        ),
        (
            ToolResult("t1", (Text("21"), PNG)),
            {
                "toolResult": {
                    "toolUseId": "t1",
                    "content": [{"text": "21"}, {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}}],
                }
            },
        ),
        (
            ToolResult("t1", (Text("broke"),), is_error=True),
            {"toolResult": {"toolUseId": "t1", "content": [{"text": "broke"}], "status": "error"}},
        ),
        (
            Opaque("bedrock", "guardContent", {"guardContent": {"text": {"text": "x"}}}),
            {"guardContent": {"text": {"text": "x"}}},
        ),
        (
            Text("cited", citations=(Citation(url="https://x.test"),)),
            {
                "citationsContent": {
                    "content": [{"text": "cited"}],
                    "citations": [{"location": {"web": {"url": "https://x.test"}}}],
                }
            },
        ),
    ],
)
def test_each_part_is_a_block(part: Part, block: object) -> None:
    assert blocks_of(part) == ([block], ())


@pytest.mark.parametrize(
    ("part", "family", "told"),
    [
        (Thinking("hm", "sig", maker=Maker.GOOGLE), Family.CLAUDE, "thinking"),
        (Thinking("hm", maker=Maker.ANTHROPIC), Family.CLAUDE, "thinking"),
        (Thinking("hm", "sig", maker=Maker.ANTHROPIC), Family.NOVA, "thinking"),
    ],
)
def test_a_thought_that_cannot_be_checked_is_left_out_and_told(part: Part, family: Family, told: str) -> None:
    assert blocks_of(Text("hi"), part, role=Role.ASSISTANT, family=family) == ([{"text": "hi"}], (told,))


def test_a_mark_is_a_block_behind_what_it_marks_where_prompts_are_kept() -> None:
    parts = (Text("a", CacheTtl.FIVE_MINUTES), Text("b", CacheTtl.HOUR))
    five, hour = {"cachePoint": {"type": "default"}}, {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert blocks_of(*parts) == ([{"text": "a"}, five, {"text": "b"}, hour], ())
    assert blocks_of(*parts, family=Family.OTHER) == ([{"text": "a"}, {"text": "b"}], ("cache_control",))


def test_turns_of_one_role_are_one_message_and_the_first_system_turns_the_system() -> None:
    turns, _ = writer()
    turns.write(
        (
            Turn(Role.SYSTEM, (Text("be brief"),)),
            Turn(Role.DEVELOPER, (Text("be kind"),)),
            Turn(Role.USER, (Text("a"),)),
            Turn(Role.USER, (Text("b"),)),
            Turn(Role.ASSISTANT, (Text("c"),)),
            Turn(Role.ASSISTANT, (Text(""),)),
            Turn(Role.SYSTEM, (Text("now be loud"),)),
        )
    )
    assert turns.system == [{"text": "be brief"}, {"text": "be kind"}]
    assert turns.messages == [
        {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
        {"role": "assistant", "content": [{"text": "c"}]},
        {"role": "system", "content": [{"text": "now be loud"}]},
    ]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Image(Source(url="https://x.test/a.png")), "messages[0].content[1]"),
        (Opaque("responses", "web_search_call", {}), "messages[0].content[1]"),
        (ToolResult("t", (Text("x"), Image(Source(file_id="f")))), "messages[0].content[1].content[1]"),
    ],
)
def test_what_has_no_place_is_refused_by_its_place_or_dropped(part: Part, field: str) -> None:
    turn = Turn(Role.USER, (Text("a"), part))
    with pytest.raises(InvalidRequest) as refused:
        writer()[0].write((turn,))
    assert refused.value.param == field
    turns, losses = writer(drops=True)
    turns.write((turn,))
    assert losses.dropped == (field,)


def test_arguments_that_are_no_object_are_kept_in_one_and_told() -> None:
    content, told = blocks_of(ToolCall("t1", "f", "[1"), role=Role.ASSISTANT)
    assert content == [{"toolUse": {"toolUseId": "t1", "name": "f", "input": {"arguments": "[1"}}}]
    assert told == ("tool_calls.arguments",)


def test_arguments_are_sent_as_the_text_that_the_model_wrote() -> None:
    turns, _ = writer()
    turns.write((Turn(Role.ASSISTANT, (ToolCall("t1", "f", '{"n":1.50,"big":123456789012345678901234567890}'),)),))
    assert b'{"n":1.50,"big":123456789012345678901234567890}' in msgspec.json.encode(turns.messages)


def test_a_call_and_its_result_keep_finding_each_other() -> None:
    turns, _ = writer()
    turns.write(
        (
            Turn(Role.ASSISTANT, (ToolCall("call|1", "f", "{}"),)),
            Turn(Role.USER, (ToolResult("call|1", (Text("x"),)),)),
        )
    )
    call, result = (message["content"][0] for message in turns.messages)  # type: ignore[index]
    assert call["toolUse"]["toolUseId"] == result["toolResult"]["toolUseId"] != "call|1"
    assert turns.has_tools


def test_documents_of_a_whole_request_have_different_names() -> None:
    turns, _ = writer()
    document = Document(text="x", title="notes")
    turns.write((Turn(Role.USER, (document, ToolResult("t", (document,)))),))
    assert b'"notes"' in msgspec.json.encode(turns.messages)
    assert b'"notes (2)"' in msgspec.json.encode(turns.messages)


def test_the_conversation_itself_can_be_marked() -> None:
    turns, _ = writer()
    turns.mark(CacheTtl.HOUR)
    turns.write((Turn(Role.USER, (Text("a"),)),))
    turns.mark(CacheTtl.HOUR)
    assert turns.messages[0]["content"] == [{"text": "a"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]


def test_names_of_speakers_are_dropped_only_where_the_route_says_so() -> None:
    turn = Turn(Role.USER, (Text("a"),), name="Ann", others={"phase": "x"})
    turns, losses = writer(drops=True)
    turns.write((turn,))
    assert losses.dropped == ("messages[0].name", "messages[0].phase")
    with pytest.raises(InvalidRequest):
        writer()[0].write((turn,))


def test_a_later_word_of_the_system_is_refused_where_the_model_takes_none() -> None:
    losses = Losses("Bedrock", drops=False)
    with pytest.raises(InvalidRequest) as refused:
        TurnWriter(Family.CLAUDE, losses, takes_later_system=False).write(
            (Turn(Role.USER, (Text("a"),)), Turn(Role.SYSTEM, (Text("b"),)))
        )
    assert refused.value.param == "messages[1]"


@given(st.text(st.characters(exclude_categories=["Cs"])) | st.just("bedrock:x"))
def test_a_redacted_thought_is_the_text_that_anthropics_api_shows(text: str) -> None:
    import base64

    assert redacted_in_text(base64.b64decode(redacted_on_the_wire(redacted_in_text(text.encode())))) == (
        redacted_in_text(text.encode())
    )


@given(st.binary())
def test_a_redacted_thought_of_any_bytes_goes_back_as_it_came(data: bytes) -> None:
    import base64

    assert base64.b64decode(redacted_on_the_wire(redacted_in_text(data))) == data
