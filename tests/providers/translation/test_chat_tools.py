"""Tools and what has to be called."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import CacheTtl, ChoiceMode, ServerTool, Tool, ToolChoice, ToolKind
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.chat_tools import (
    is_of_tool,
    put_back,
    read_choice,
    read_functions,
    read_grammar,
    read_tools,
    write_choice,
    write_grammar,
)

SCHEMA = {"type": "object", "properties": {}}
GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /a/"}}


@pytest.mark.parametrize(
    ("tool", "read"),
    [
        ({"type": "function", "function": {"name": "f"}}, Tool("f")),
        ({"function": {"name": "f", "description": None}}, Tool("f")),
        ({"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
          "cache_control": {"type": "ephemeral", "ttl": "1h"}}, Tool("f", "d", SCHEMA, True, cache=CacheTtl.HOUR)),
        ({"type": "custom", "custom": {"name": "f", "format": GRAMMAR}},
         Tool("f", kind=ToolKind.CUSTOM, format={"type": "grammar", "syntax": "lark", "definition": "start: /a/"})),
        ({"type": "web_search", "x": 1}, ServerTool("chat", "web_search", {"type": "web_search", "x": 1})),
    ],
)  # fmt: skip
def test_a_tool_is_read(tool: Any, read: Any) -> None:
    others: dict[str, Any] = {}
    assert read_tools([tool], others, others) == (read,)
    assert others == {}


def test_what_a_tool_has_besides_keeps_its_place() -> None:
    tools = [
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "function": {"name": "g", "input_examples": [1]}, "eager_input_streaming": True, "x": 2},
    ]
    others: dict[str, Any] = {}
    hints: dict[str, Any] = {}
    read_tools(tools, others, hints)
    assert others == {"tools[1].function.input_examples": [1], "tools[1].x": 2}
    assert hints == {"tools[1].eager_input_streaming": True}
    written: list[Any] = [None, {"type": "function", "function": {"name": "g"}}]
    for name, value in (others | hints | {"tools[0].left_out": 1, "verbosity": "low"}).items():
        put_back(written, name, value)
    assert written == [None, tools[1]]
    assert [is_of_tool(name) for name in ("tools[1].x", "tools", "tool_choice")] == [True, False, False]


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        (7, "tools"),
        ([7], "tools[0]"),
        ([{"type": 7}], "tools[0].type"),
        ([{"type": "function"}], "tools[0].function"),
        ([{"type": "custom", "custom": {}}], "tools[0].custom.name"),
        ([{"function": {"name": "f", "description": 7}}], "tools[0].function.description"),
        ([{"function": {"name": "f", "parameters": 7}}], "tools[0].function.parameters"),
        ([{"function": {"name": "f", "strict": 7}}], "tools[0].function.strict"),
    ],
)
def test_what_is_no_tool_is_refused_by_its_place(tools: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_tools(tools, {}, {})
    assert refused.value.param == param


def test_legacy_functions_are_tools() -> None:
    assert read_functions(None) == read_tools(None, {}, {}) == ()
    assert read_functions([{"name": "f", "parameters": SCHEMA}]) == (Tool("f", None, SCHEMA),)
    with pytest.raises(InvalidRequest):
        read_functions([7])


@pytest.mark.parametrize(
    ("said", "choice", "written"),
    [
        ("auto", ToolChoice(ChoiceMode.AUTO), "auto"),
        ("none", ToolChoice(ChoiceMode.NONE), "none"),
        ("required", ToolChoice(ChoiceMode.REQUIRED), "any"),
        ("any", ToolChoice(ChoiceMode.REQUIRED), "any"),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(ChoiceMode.NAMED, "f"), None),
        ({"type": "custom", "custom": {"name": "f"}}, ToolChoice(ChoiceMode.NAMED, "f", ToolKind.CUSTOM), None),
        (
            {"type": "tool", "name": "f"},
            ToolChoice(ChoiceMode.NAMED, "f"),
            {"type": "function", "function": {"name": "f"}},
        ),
        ({"name": "f"}, ToolChoice(ChoiceMode.NAMED, "f"), {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_what_has_to_be_called(said: Any, choice: ToolChoice, written: Any) -> None:
    assert read_choice(said) == choice
    assert write_choice(choice, "any") == (written or said)


@pytest.mark.parametrize("said", [None, 7, "sometimes", {"type": "allowed_tools", "allowed_tools": {"mode": "auto"}}])
def test_what_only_this_dialect_has_is_no_choice_of_ours(said: Any) -> None:
    assert read_choice(said) is None


@pytest.mark.parametrize("form", [None, {"type": "text"}, GRAMMAR])
def test_a_grammar_is_written_as_it_was_read(form: Any) -> None:
    assert write_grammar(read_grammar(form)) == form
