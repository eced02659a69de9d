"""Turns as Google's contents."""

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.conversation import (
    Audio,
    CacheTtl,
    Citation,
    Conversation,
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
from ai_gateway.providers.translation.google_families import family_of
from ai_gateway.providers.translation.google_turns import UNSIGNED, contents_of
from ai_gateway.providers.translation.losses import Losses

FLASH, NEW = "gemini-2.5-flash", "gemini-3-flash"
PNG = Image(Source(data="AAAA", media_type="image/png"))
INLINE = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
CALL = ToolCall("c1", "f", '{"a": 1}')


def user(*parts: Part) -> Turn:
    return Turn(Role.USER, parts)


def model(*parts: Part) -> Turn:
    return Turn(Role.ASSISTANT, parts)


def written(*turns: Turn, name: str = FLASH, losses: Losses | None = None) -> list[dict[str, Any]]:
    contents = contents_of(Conversation(turns=turns), family_of(name), losses or Losses("Gemini", drops=False))
    return msgspec.json.decode(msgspec.json.encode(contents.turns))


def parts_of(*parts: Part, name: str = FLASH, losses: Losses | None = None) -> list[dict[str, Any]]:
    (turn,) = written(user(*parts), name=name, losses=losses)
    return turn["parts"]


def dropped_by(*turns: Turn, name: str = FLASH) -> tuple[str, ...]:
    losses = Losses("Gemini", drops=True)
    written(*turns, name=name, losses=losses)
    return losses.dropped


def test_a_systems_words_stand_apart_and_turns_of_one_speaker_are_one() -> None:
    turns = (
        Turn(Role.SYSTEM, (Text("Be kind."),)),
        Turn(Role.DEVELOPER, (Text("Be brief."),)),
        user(Text("a")),
        user(Text("b")),
        model(Text("c")),
    )
    contents = contents_of(Conversation(turns=turns), family_of(FLASH), Losses("Gemini", drops=False))
    assert contents.system == [{"text": "Be kind."}, {"text": "Be brief."}]
    assert contents.turns == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}]},
    ]


def test_a_system_that_speaks_later_is_told_by_its_place() -> None:
    with pytest.raises(InvalidRequest) as refused:
        written(user(Text("a")), Turn(Role.SYSTEM, (Text("now"),)))
    assert refused.value.param == "messages[1]"
    assert dropped_by(user(Text("a")), Turn(Role.SYSTEM, (Text("now"),))) == ("messages[1]",)


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (PNG, INLINE),
        (
            Image(Source(url="https://a.example/b.JPG?x=1")),
            {"fileData": {"fileUri": "https://a.example/b.JPG?x=1", "mimeType": "image/jpeg"}},
        ),
        (Image(Source(url="https://a.example/b")), {"fileData": {"fileUri": "https://a.example/b"}}),
        (
            Document(Source(file_id="files/abc", media_type="application/pdf")),
            {"fileData": {"fileUri": "files/abc", "mimeType": "application/pdf"}},
        ),
        (Document(text="plain"), {"text": "plain"}),
        (Audio(Source(data="UklG", media_type="audio/wav")), {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}}),
        (Audio(Source(file_id="audio_1"), transcript="said"), {"text": "said"}),
        (Refusal("I will not."), {"text": "I will not."}),
        (Opaque("google", "executableCode", {"executableCode": {"code": "1"}}), {"executableCode": {"code": "1"}}),
    ],
)
def test_parts_of_every_kind(part: Part, expected: dict[str, Any]) -> None:
    assert parts_of(part) == [expected]


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Image(Source(file_id="file-abc")), "messages[0].content[0]"),
        (Document(PNG.source, cites=True), "messages[0].content[0].citations"),
        (Opaque("anthropic", "server_tool_use", {}), "messages[0].content[0]"),
        (ToolCall("1", "f", "text", ToolKind.CUSTOM), "messages[0].content[0]"),
        (ToolCall("1", "f", "not json"), "messages[0].content[0].arguments"),
    ],
)
def test_what_cannot_be_said_is_told_by_its_place(part: Part, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        written(user(part))
    assert refused.value.param == field
    assert dropped_by(user(part)) == (field,)


def test_what_changes_no_answer_is_left_out_and_told() -> None:
    turn = Turn(
        Role.USER,
        (
            Text("a", cache=CacheTtl.HOUR, citations=(Citation(url="u"),)),
            Image(PNG.source, detail="high"),
            Document(PNG.source, title="T", origin="https://a.example"),
        ),
        name="bob",
    )
    losses = Losses("Gemini", drops=False)
    written(turn, losses=losses)
    assert losses.dropped == (
        "messages[0].name",
        "cache_control",
        "messages[0].content[0].citations",
        "messages[0].content[1].detail",
        "messages[0].content[2].title",
        "messages[0].content[2].origin",
    )


def test_members_that_only_another_dialect_has_are_told() -> None:
    assert dropped_by(Turn(Role.USER, (Text("a"),), others={"phase": 1})) == ("messages[0].phase",)


def test_googles_own_signatures_go_back_to_where_they_were() -> None:
    signed = Thinking("", "S", maker=Maker.GOOGLE)
    (turn,) = written(
        model(
            Thinking("hm", "T", maker=Maker.GOOGLE),
            signed,
            Text("a"),
            signed,
            ToolCall("c", "f", "{}", signature="C", maker=Maker.GOOGLE),
            signed,
        )
    )
    assert turn["parts"] == [
        {"text": "hm", "thought": True, "thoughtSignature": "T"},
        {"text": "a", "thoughtSignature": "S"},
        {"text": "", "thoughtSignature": "S"},
        {"functionCall": {"name": "f", "args": {}, "id": "c"}, "thoughtSignature": "C"},
        {"text": "", "thoughtSignature": "S"},
    ]


@pytest.mark.parametrize(
    "thought", [Thinking("hm", "S", maker=Maker.ANTHROPIC), Thinking("hm", maker=Maker.GOOGLE), Thinking(encrypted="x")]
)
def test_thoughts_of_others_and_unsigned_ones_stay_here(thought: Thinking) -> None:
    losses = Losses("Gemini", drops=False)
    assert parts_of(Text("a"), thought, losses=losses) == [{"text": "a"}]
    assert losses.dropped == ("thinking",)


def test_a_model_that_checks_signatures_is_told_that_there_is_none() -> None:
    foreign = ToolCall("1", "f", "{}", signature="X", maker=Maker.OPENAI)
    turns = (model(foreign, CALL), user(ToolResult("1", (Text("r"),)), ToolResult("c1", (Text("r"),))))
    first, second = written(*turns, name=NEW)[0]["parts"]
    assert first["thoughtSignature"] == UNSIGNED
    assert "thoughtSignature" not in second
    assert "thoughtSignature" not in written(*turns)[0]["parts"][0]


@pytest.mark.parametrize(
    ("result", "response"),
    [
        (ToolResult("c1", (Text('{"t": 1.50}'),)), {"t": 1.5}),
        (ToolResult("c1", (Text("sunny"),)), {"result": "sunny"}),
        (ToolResult("c1", (Text("[1]"),)), {"result": "[1]"}),
        (ToolResult("c1", (Text('{"cut": '),)), {"result": '{"cut": '}),
        (ToolResult("c1", (Text("a"), Text("b"))), {"result": "a\nb"}),
        (ToolResult("c1"), {"result": ""}),
        (ToolResult("c1", (Text('{"why":"gone"}'),), is_error=True), {"error": '{"why":"gone"}'}),
    ],
)
def test_a_result_is_an_object(result: ToolResult, response: dict[str, Any]) -> None:
    _, turn = written(model(CALL), user(result))
    assert turn == {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": response, "id": "c1"}}]}


def test_results_hold_images_or_are_followed_by_them() -> None:
    turns = (model(CALL), user(ToolResult("c1", (Text("look"), PNG))))
    said = {"name": "f", "response": {"result": "look"}, "id": "c1"}
    assert written(*turns)[1]["parts"] == [{"functionResponse": said}, INLINE]
    assert written(*turns, name=NEW)[1]["parts"] == [{"functionResponse": {**said, "parts": [INLINE]}}]


def test_results_of_one_turns_calls_stand_together() -> None:
    turns = (model(CALL, ToolCall("c2", "g", "")), user(ToolResult("c1")), user(ToolResult("c2")), user(Text("and?")))
    assert [next(iter(it)) for it in written(*turns)[1]["parts"]] == ["functionResponse", "functionResponse", "text"]


def test_a_result_without_a_call_has_to_have_a_name() -> None:
    with pytest.raises(InvalidRequest) as refused:
        written(user(ToolResult("x")))
    assert (refused.value.code, refused.value.param) == ("invalid_tool_result", "messages[0].content[0]")
    assert written(user(ToolResult("x", name="f")))[0]["parts"][0]["functionResponse"]["name"] == "f"
