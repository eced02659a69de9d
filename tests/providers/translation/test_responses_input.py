from typing import Any

import pytest

from ai_gateway.domain.conversation import (
    CacheTtl,
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
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.responses_input import InputWriter

WEB = Opaque("anthropic", "server_tool_use", {})


def written(*turns: Turn, drops: bool = False) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    losses = Losses("OpenAI", drops=drops)
    items = list(InputWriter(Maker.OPENAI, losses, breakpoints=False).items(turns))
    return items, losses.dropped


@pytest.mark.parametrize(
    ("result", "output"),
    [
        (ToolResult("c", (Text("a"),)), "a"),
        (ToolResult("c", (Text("a"),), is_error=True), "Error: a"),
        (ToolResult("c", (Text("Error: a"),), is_error=True), "Error: a"),
        (ToolResult("c", (), is_error=True), "Error."),
        (
            ToolResult("c", (Text("a"), Image(Source(url="u")))),
            [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "u"}],
        ),
    ],
)
def test_what_came_of_a_call(result: ToolResult, output: object) -> None:
    assert written(Turn(Role.USER, (result,)))[0] == [
        {"type": "function_call_output", "call_id": "c", "output": output}
    ]


def test_results_and_words_of_one_turn_are_items_in_their_order() -> None:
    items, _ = written(Turn(Role.USER, (ToolResult("c", (Text("a"),)), Text("b"), ToolResult("d", (Text("e"),)))))
    assert [item["type"] for item in items] == ["function_call_output", "message", "function_call_output"]


@pytest.mark.parametrize(
    ("thought", "is_said"),
    [
        (Thinking("t", None, "e", Maker.OPENAI, "rs"), True),
        (Thinking("t", None, None, Maker.OPENAI, "rs"), False),
        (Thinking("t", "s", None, Maker.ANTHROPIC, "rs"), False),
    ],
)
def test_a_thought_is_said_sealed_and_to_its_maker_only(thought: Thinking, *, is_said: bool) -> None:
    items, dropped = written(Turn(Role.ASSISTANT, (thought, Text("a"))))
    assert [item["type"] for item in items] == (["reasoning", "message"] if is_said else ["message"])
    assert not any("id" in item for item in items)
    assert dropped == (() if is_said else ("thinking",))


def test_what_was_said_around_a_call_keeps_its_place() -> None:
    turn = Turn(Role.ASSISTANT, (Text("a"), Refusal("b"), ToolCall("c", "f", "{}", signature="s"), Text("d")))
    items, dropped = written(turn)
    assert [item["type"] for item in items] == ["message", "function_call", "message"]
    assert [part["type"] for part in items[0]["content"]] == ["output_text", "refusal"]
    assert dropped == ("thinking",)


@pytest.mark.parametrize(
    ("turn", "field"),
    [
        (Turn(Role.USER, (WEB,)), "messages[0]"),
        (Turn(Role.ASSISTANT, (WEB,)), "messages[0]"),
        (Turn(Role.USER, (Thinking("t"),)), "messages[0]"),
        (Turn(Role.ASSISTANT, (Image(Source(url="u")),)), "messages[0]"),
    ],
)
def test_what_it_cannot_say_it_refuses_or_leaves_out(turn: Turn, field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        written(turn)
    assert refusal.value.param == field
    items, dropped = written(turn, drops=True)
    assert dropped == (field,)
    assert not any(item.get("content") for item in items)


@pytest.mark.parametrize(
    ("part", "dropped"),
    [
        (Text("a", CacheTtl.HOUR), ("cache_control",)),
        (ToolResult("c", (Text("a", CacheTtl.HOUR),)), ("cache_control",)),
        (Document(text="d", cites=True, context="x"), ("citations", "context")),
    ],
)
def test_hints_are_forgiven(part: Part, dropped: tuple[str, ...]) -> None:
    assert written(Turn(Role.USER, (part,)))[1] == dropped


def test_a_speakers_name_is_forgiven_and_a_phase_is_kept() -> None:
    items, dropped = written(Turn(Role.ASSISTANT, (Text("a"),), "bot", {"phase": "final_answer"}))
    assert (items[0]["phase"], dropped) == ("final_answer", ("name",))
