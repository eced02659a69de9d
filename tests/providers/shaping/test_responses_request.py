"""Every verb of the Responses API."""

from typing import Any

import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import RuleError, Seat, SystemMode, Where
from providers.shaping.forms import Body, a_form, body_of

SAYS: Body = {"role": "user", "content": "Hello"}
PART: Body = {"type": "input_text", "text": "Hello"}
RULE: Body = {"type": "input_text", "text": "Rule."}
CALL: Body = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
RESULT: Body = {"type": "function_call_output", "call_id": "c", "output": "42"}
TOLD: Body = {"type": "message", "role": "developer", "content": "Old."}
ADDED: Body = {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "f"}]}


@pytest.mark.parametrize(
    ("mode", "body", "expected"),
    [
        (SystemMode.FORCE, {"input": "Hello"}, {"input": "Hello", "instructions": "Rule."}),
        (SystemMode.FORCE, {"instructions": "Old."}, {"instructions": "Rule."}),
        (SystemMode.FORCE, {"instructions": 3}, {"instructions": "Rule."}),
        (
            SystemMode.FORCE,
            {"input": [TOLD, SAYS, CALL, {"role": "system", "content": [PART]}, RESULT]},
            {"input": [SAYS, CALL, RESULT], "instructions": "Rule."},
        ),
        (SystemMode.FORCE, {"input": [ADDED, SAYS]}, {"input": [ADDED, SAYS], "instructions": "Rule."}),
        (SystemMode.PREPEND, {"input": [TOLD]}, {"input": [TOLD], "instructions": "Rule."}),
        (SystemMode.PREPEND, {"instructions": "Old."}, {"instructions": "Rule.\n\nOld."}),
        (SystemMode.APPEND, {"instructions": "Old."}, {"instructions": "Old.\n\nRule."}),
        (
            SystemMode.APPEND,
            {"instructions": "A", "input": [TOLD, SAYS]},
            {"instructions": "A", "input": [{**TOLD, "content": "Old.\n\nRule."}, SAYS]},
        ),
        (
            SystemMode.APPEND,
            {"input": [{"role": "system", "content": [PART]}, SAYS]},
            {"input": [{"role": "system", "content": [PART, RULE]}, SAYS]},
        ),
        (SystemMode.APPEND, {"input": [SAYS, TOLD]}, {"input": [SAYS, TOLD], "instructions": "Rule."}),
    ],
)
def test_the_system_prompt_is_instructions_and_items(mode: SystemMode, body: Body, expected: Body) -> None:
    form = a_form(Operation.RESPONSES, body)
    assert form.system(mode, "Rule.")
    assert body_of(form) == expected


@pytest.mark.parametrize("body", [{"instructions": 3}, {"input": 3}])
def test_words_cannot_be_added_to_what_is_no_prompt(body: Body) -> None:
    with pytest.raises(RuleError):
        a_form(Operation.RESPONSES, body).system(SystemMode.APPEND, "Rule.")


@pytest.mark.parametrize(
    ("where", "given", "expected"),
    [
        (Where.START, "Hello", "Rule.\n\nHello"),
        (Where.END, "Hello", "Hello\n\nRule."),
        (Where.END, None, "Rule."),
        (Where.END, [SAYS, CALL, RESULT], [{"role": "user", "content": "Hello\n\nRule."}, CALL, RESULT]),
        (
            Where.START,
            [{"role": "user", "content": [PART]}],
            [{"role": "user", "content": [RULE, PART]}],
        ),
        (
            Where.END,
            [TOLD, CALL],
            [TOLD, {"type": "message", "role": "user", "content": [RULE]}, CALL],
        ),
    ],
)
def test_words_are_put_into_what_the_user_says_last(where: Where, given: Any, expected: Any) -> None:
    form = a_form(Operation.RESPONSES, {} if given is None else {"input": given})
    assert form.inject(Seat.USER, where, "Rule.")
    assert body_of(form) == {"input": expected}


def test_words_of_the_system_are_put_into_its_prompt() -> None:
    form = a_form(Operation.RESPONSES, {"instructions": "Old.", "input": "Hello"})
    form.inject(Seat.SYSTEM, Where.START, "First.")
    form.inject(Seat.SYSTEM, Where.END, "Last.")
    assert body_of(form) == {"instructions": "First.\n\nOld.\n\nLast.", "input": "Hello"}


MINE: Body = {"type": "function", "name": "mine"}
SEARCH: Body = {"type": "web_search"}
SERVER: Body = {"type": "mcp", "server_label": "x", "server_url": "https://tools.example"}
ROOM: Body = {"type": "namespace", "name": "room", "tools": [MINE, {"type": "function", "name": "other"}]}


@pytest.mark.parametrize(
    ("body", "gone", "expected"),
    [
        ({"tools": [MINE, SEARCH, SERVER]}, ("web_search", "mcp"), {"tools": [MINE]}),
        ({"tools": [SEARCH], "tool_choice": "auto", "parallel_tool_calls": True}, ("web_search",), {}),
        ({"tools": [ROOM]}, ("other",), {"tools": [{**ROOM, "tools": [MINE]}]}),
        ({"tools": [MINE, {**ROOM, "tools": [SEARCH]}]}, ("web_search",), {"tools": [MINE]}),
        ({"tools": [MINE, SEARCH], "tool_choice": {"type": "web_search"}}, ("web_search",), {"tools": [MINE]}),
        (
            {
                "tools": [MINE, SEARCH],
                "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [MINE, SEARCH]},
            },
            ("web_search",),
            {"tools": [MINE], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [MINE]}},
        ),
        (
            {"tools": [MINE, SEARCH], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [SEARCH]}},
            ("web_search",),
            {"tools": [MINE]},
        ),
        (
            {"tools": [MINE], "input": [ADDED, SAYS]},
            ("f",),
            {"tools": [MINE], "input": [{**ADDED, "tools": []}, SAYS]},
        ),
        ({"input": "Hello"}, (), {"input": "Hello"}),
    ],
)
def test_tools_are_taken_out_by_name_and_the_choice_with_them(
    body: Body, gone: tuple[str, ...], expected: Body
) -> None:
    form = a_form(Operation.RESPONSES, body)
    assert form.keep_tools(lambda name: name == "mine") == gone
    assert body_of(form) == expected


def test_tools_of_all_kinds_have_names() -> None:
    body = {"tools": [MINE, SEARCH, SERVER, ROOM], "input": [ADDED]}
    assert a_form(Operation.RESPONSES, body).tool_names() == ("mine", "web_search", "mcp", "mine", "other", "f")


def test_metadata_is_added_to_the_callers() -> None:
    form = a_form(Operation.RESPONSES, {"metadata": {"mine": "1"}})
    assert form.add_metadata({"team": "red"})
    assert body_of(form) == {"metadata": {"mine": "1", "team": "red"}}


SCHEMA: Body = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"type": "object"}}}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("max_tokens", 5, {"max_output_tokens": 5}),
        ("max_output_tokens", 5, {"max_output_tokens": 5}),
        ("user", "u", {"user": "u"}),
        ("reasoning_effort", "low", {"reasoning": {"effort": "low"}}),
        ("verbosity", "low", {"text": {"verbosity": "low"}}),
        (
            "response_format",
            SCHEMA,
            {"text": {"format": {"type": "json_schema", **SCHEMA["json_schema"]}}},
        ),
        ("response_format", {"type": "json_object"}, {"text": {"format": {"type": "json_object"}}}),
        ("tool_choice", "required", {"tool_choice": "required"}),
        (
            "tool_choice",
            {"type": "function", "function": {"name": "f"}},
            {"tool_choice": {"type": "function", "name": "f"}},
        ),
        ("metadata.team", "red", {"metadata": {"team": "red"}}),
    ],
)
def test_fields_go_where_the_dialect_has_them_and_are_found_there(name: str, value: Any, expected: Body) -> None:
    form = a_form(Operation.RESPONSES, {})
    path = tuple(name.split("."))
    form.put(path, value)
    assert body_of(form) == expected
    assert form.get(path) == value
    assert form.drop(path)


def test_the_end_user_is_put_where_the_caller_named_one() -> None:
    form = a_form(Operation.RESPONSES, {"safety_identifier": "a"})
    assert form.get(("user",)) == "a"
    form.put(("user",), "b")
    assert body_of(form) == {"safety_identifier": "b"}


@pytest.mark.parametrize("name", ["stop", "n", "seed", "top_k"])
def test_what_the_dialect_does_not_have_is_put_nowhere(name: str) -> None:
    form = a_form(Operation.RESPONSES, {"model": "m"})
    form.put((name,), 1)
    assert body_of(form) == {"model": "m"}
