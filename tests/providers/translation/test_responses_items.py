from typing import Any

import pytest

from ai_gateway.domain.conversation import (
    Maker,
    Opaque,
    Part,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.responses_items import model_part, read_input

CALL = {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": "sunny"}
SAID = {"role": "assistant", "content": "a", "phase": "commentary"}


def test_a_text_is_what_the_user_says() -> None:
    assert read_input("hi") == (Turn(Role.USER, (Text("hi"),)),)


def test_what_the_model_did_is_one_turn_and_what_came_of_its_calls_another() -> None:
    second = CALL | {"call_id": "c2"}
    thought = {"type": "reasoning", "id": "rs", "summary": [{"text": "a"}, {"text": "b"}], "encrypted_content": "e"}
    turns = read_input(
        [{"role": "user", "content": "q"}, thought, SAID, CALL, second, OUTPUT, OUTPUT | {"call_id": "c2"}, SAID]
    )
    assert turns == (
        Turn(Role.USER, (Text("q"),)),
        Turn(
            Role.ASSISTANT,
            (
                Thinking("a\n\nb", None, "e", Maker.OPENAI, "rs"),
                Text("a"),
                ToolCall("c1", "f", "{}"),
                ToolCall("c2", "f", "{}"),
            ),
            others={"phase": "commentary"},
        ),
        Turn(
            Role.USER,
            (ToolResult("c1", (Text("sunny"),), name="f"), ToolResult("c2", (Text("sunny"),), name="f")),
        ),
        Turn(Role.ASSISTANT, (Text("a"),), others={"phase": "commentary"}),
    )


def test_each_message_and_each_thought_behind_one_begins_a_turn() -> None:
    turns = read_input([SAID, SAID, {"type": "reasoning", "summary": []}, SAID])
    assert [len(turn.parts) for turn in turns] == [1, 1, 2]
    assert [len(read_input([{"role": "user", "content": "a"}] * 2))] == [2]


def test_items_that_only_this_api_knows_keep_their_place() -> None:
    search, found = {"type": "tool_search_call", "id": "1"}, {"type": "tool_search_output", "tools": []}
    turns = read_input([{"role": "developer", "content": "d"}, search, found])
    assert turns[1:] == (
        Turn(Role.ASSISTANT, (Opaque("responses", "tool_search_call", search),)),
        Turn(Role.USER, (Opaque("responses", "tool_search_output", found),)),
    )


def test_the_signature_of_a_call_comes_back_to_it_wherever_it_stands() -> None:
    seal = {"type": "reasoning", "summary": [], "encrypted_content": "gateway-call:google:c1:sig"}
    signed = Turn(Role.ASSISTANT, (ToolCall("c1", "f", "{}", signature="sig", maker=Maker.GOOGLE),))
    assert read_input([CALL, seal]) == (signed,)
    assert read_input([seal, CALL]) == (signed,)


@pytest.mark.parametrize(
    ("item", "part"),
    [
        (CALL | {"namespace": "n"}, ToolCall("c1", "n__f", "{}")),
        (CALL | {"namespace": "mcp__n__"}, ToolCall("c1", "mcp__n__f", "{}")),
        (CALL | {"namespace": "f"}, ToolCall("c1", "f", "{}")),
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "g", "input": "x"},
            ToolCall("c", "g", "x", ToolKind.CUSTOM),
        ),
        (
            {"type": "reasoning", "summary": [], "content": [{"text": "raw"}]},
            Thinking("raw", maker=Maker.XAI),
        ),
        ({"type": "web_search_call"}, Opaque("responses", "web_search_call", {"type": "web_search_call"})),
    ],
)
def test_what_the_model_did(item: dict[str, Any], part: Part) -> None:
    assert model_part(item, Maker.XAI) == part


@pytest.mark.parametrize(
    ("given", "param"),
    [
        (7, "input"),
        ([{"role": "tool", "content": "x"}], "input[0].role"),
        ([{"role": "user", "content": [{"type": "input_image"}]}], "input[0].content[0]"),
        ([{"type": 7}], "input[0].type"),
        ([{"type": "function_call_output", "call_id": "c", "output": 7}], "input[0].output"),
    ],
)
def test_what_nobody_takes_is_refused_by_its_name(given: object, param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read_input(given)
    assert refusal.value.param == param
