"""Every verb of Anthropic's messages."""

from typing import Any

import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import RuleError, Seat, SystemMode, Where
from providers.shaping.forms import Body, a_form, body_of

SAYS: Body = {"role": "user", "content": "Hello"}
BLOCK: Body = {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}
RULE: Body = {"type": "text", "text": "Rule."}
CALLS: Body = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}
RESULT: Body = {"type": "tool_result", "tool_use_id": "t", "content": "42"}
ADDITION: Body = {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "f"}}


@pytest.mark.parametrize(
    ("mode", "body", "expected"),
    [
        (SystemMode.FORCE, {}, {"system": "Rule."}),
        (SystemMode.FORCE, {"system": "Old."}, {"system": "Rule."}),
        (SystemMode.FORCE, {"system": [BLOCK]}, {"system": "Rule."}),
        (SystemMode.FORCE, {"system": 7}, {"system": "Rule."}),
        (
            SystemMode.FORCE,
            {"messages": [SAYS, {"role": "system", "content": "Late."}]},
            {"messages": [SAYS], "system": "Rule."},
        ),
        (
            SystemMode.FORCE,
            {"messages": [SAYS, {"role": "system", "content": [BLOCK, ADDITION]}]},
            {"messages": [SAYS, {"role": "system", "content": [ADDITION]}], "system": "Rule."},
        ),
        (SystemMode.PREPEND, {}, {"system": "Rule."}),
        (SystemMode.PREPEND, {"system": None}, {"system": "Rule."}),
        (SystemMode.PREPEND, {"system": "Old."}, {"system": "Rule.\n\nOld."}),
        (SystemMode.PREPEND, {"system": [BLOCK]}, {"system": [RULE, BLOCK]}),
        (SystemMode.APPEND, {"system": "Old."}, {"system": "Old.\n\nRule."}),
        (SystemMode.APPEND, {"system": [BLOCK]}, {"system": [BLOCK, RULE]}),
    ],
)
@pytest.mark.parametrize("operation", [Operation.MESSAGES, Operation.COUNT_TOKENS])
def test_the_system_prompt_is_a_member_and_turns(
    operation: Operation, mode: SystemMode, body: Body, expected: Body
) -> None:
    form = a_form(operation, body)
    assert form.system(mode, "Rule.")
    assert body_of(form) == expected


def test_blocks_keep_their_bytes_beside_new_ones() -> None:
    form = a_form(Operation.MESSAGES, '{"system":[ {"text":"a\\u0041", "type":"text", "n":1.50} ]}')
    form.system(SystemMode.APPEND, "Rule.")
    form.system(SystemMode.PREPEND, "Rule.")
    assert b'{"text":"a\\u0041", "type":"text", "n":1.50}' in bytes(form.fields()["system"])


@pytest.mark.parametrize("body", [{"system": 7}, {"system": {"type": "text"}}])
def test_words_cannot_be_added_to_what_is_no_prompt(body: Body) -> None:
    with pytest.raises(RuleError):
        a_form(Operation.MESSAGES, body).system(SystemMode.APPEND, "Rule.")


@pytest.mark.parametrize(
    ("where", "messages", "expected"),
    [
        (Where.START, [SAYS], [{"role": "user", "content": "Rule.\n\nHello"}]),
        (Where.END, [SAYS], [{"role": "user", "content": "Hello\n\nRule."}]),
        (Where.END, [{"role": "user", "content": [BLOCK]}], [{"role": "user", "content": [BLOCK, RULE]}]),
        (
            Where.START,
            [{"role": "user", "content": [RESULT, BLOCK]}],
            [{"role": "user", "content": [RESULT, RULE, BLOCK]}],
        ),
        (
            Where.END,
            [SAYS, CALLS, {"role": "user", "content": [RESULT]}],
            [{"role": "user", "content": "Hello\n\nRule."}, CALLS, {"role": "user", "content": [RESULT]}],
        ),
        (
            Where.START,
            [CALLS, {"role": "user", "content": [RESULT]}],
            [CALLS, {"role": "user", "content": [RESULT, RULE]}],
        ),
        (Where.START, [], [{"role": "user", "content": "Rule."}]),
        (Where.START, [CALLS], [{"role": "user", "content": "Rule."}, CALLS]),
    ],
)
def test_words_are_put_into_what_the_user_says_last(where: Where, messages: list[Body], expected: list[Body]) -> None:
    form = a_form(Operation.MESSAGES, {"messages": messages})
    assert form.inject(Seat.USER, where, "Rule.")
    assert body_of(form) == {"messages": expected}


def test_words_of_the_system_are_put_into_its_prompt() -> None:
    form = a_form(Operation.MESSAGES, {"system": "Old."})
    form.inject(Seat.SYSTEM, Where.START, "First.")
    form.inject(Seat.SYSTEM, Where.END, "Last.")
    assert body_of(form) == {"system": "First.\n\nOld.\n\nLast."}


SEARCH: Body = {"type": "web_search_20250305", "name": "web_search"}
MINE: Body = {"name": "mine", "input_schema": {}}
SERVER: Body = {"type": "url", "url": "https://tools.example", "name": "x"}


@pytest.mark.parametrize(
    ("body", "gone", "expected"),
    [
        ({"tools": [MINE, SEARCH]}, ("web_search",), {"tools": [MINE]}),
        ({"tools": [SEARCH], "tool_choice": {"type": "any"}}, ("web_search",), {}),
        (
            {"tools": [MINE, SEARCH], "tool_choice": {"type": "tool", "name": "web_search"}},
            ("web_search",),
            {"tools": [MINE]},
        ),
        (
            {
                "tools": [MINE, SEARCH],
                "tool_choice": {"type": "tool", "name": "web_search", "disable_parallel_tool_use": True},
            },
            ("web_search",),
            {"tools": [MINE], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        ({"tools": [MINE], "mcp_servers": [SERVER]}, ("mcp",), {"tools": [MINE]}),
        (
            {"tools": [MINE, {"type": "mcp_toolset", "mcp_server_name": "x"}], "mcp_servers": [SERVER]},
            ("mcp",),
            {"tools": [MINE]},
        ),
        ({"tools": [MINE], "mcp_servers": []}, (), {"tools": [MINE], "mcp_servers": []}),
        ({"messages": []}, (), {"messages": []}),
    ],
)
def test_tools_are_taken_out_by_name_and_the_choice_with_them(
    body: Body, gone: tuple[str, ...], expected: Body
) -> None:
    form = a_form(Operation.MESSAGES, body)
    assert form.keep_tools(lambda name: name == "mine") == gone
    assert body_of(form) == expected


def test_tools_of_all_kinds_have_names() -> None:
    body = {"tools": [MINE, SEARCH, {"type": "custom", "name": "own"}], "mcp_servers": [SERVER]}
    assert a_form(Operation.MESSAGES, body).tool_names() == ("mine", "web_search", "own", "mcp")


def test_metadata_is_who_the_end_user_is_and_nothing_else() -> None:
    form = a_form(Operation.MESSAGES, {})
    assert not form.add_metadata({"team": "red"})
    assert not form.add_metadata({"team": "red", "user_id": "u"})
    assert body_of(form) == {}
    assert form.add_metadata({"user_id": "u"})
    assert body_of(form) == {"metadata": {"user_id": "u"}}
    assert not a_form(Operation.COUNT_TOKENS, {}).add_metadata({"user_id": "u"})


SCHEMA: Body = {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("max_tokens", 5, {"max_tokens": 5}),
        ("max_completion_tokens", 5, {"max_tokens": 5}),
        ("temperature", 0.5, {"temperature": 0.5}),
        ("stop", ["x"], {"stop_sequences": ["x"]}),
        ("user", "u", {"metadata": {"user_id": "u"}}),
        ("metadata.user_id", "u", {"metadata": {"user_id": "u"}}),
        ("reasoning_effort", "low", {"output_config": {"effort": "low"}}),
        ("tool_choice", "none", {"tool_choice": {"type": "none"}}),
        ("tool_choice", "required", {"tool_choice": {"type": "any"}}),
        (
            "tool_choice",
            {"type": "function", "function": {"name": "f"}},
            {"tool_choice": {"type": "tool", "name": "f"}},
        ),
        ("brand_new.member", [1], {"brand_new": {"member": [1]}}),
    ],
)
def test_fields_go_where_the_dialect_has_them_and_are_found_there(name: str, value: Any, expected: Body) -> None:
    form = a_form(Operation.MESSAGES, {})
    path = tuple(name.split("."))
    form.put(path, value)
    assert body_of(form) == expected
    assert form.get(path) == value
    assert form.drop(path)
    assert value not in body_of(form).values()


def test_a_form_of_answers_has_a_schema_and_nothing_else() -> None:
    form = a_form(Operation.MESSAGES, {"output_config": {"effort": "low"}})
    asked = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": SCHEMA}}
    form.put(("response_format",), asked)
    form.put(("response_format",), {"type": "json_object"})
    assert body_of(form) == {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}}
    assert form.get(("response_format", "json_schema", "schema", "type")) == "object"
    form.put(("response_format", "json_schema", "schema", "type"), "array")
    assert form.get(("response_format", "json_schema", "schema", "type")) == "array"


@pytest.mark.parametrize(
    ("body", "value", "expected"),
    [
        ({}, False, {}),
        ({"tools": []}, True, {"tools": []}),
        (
            {"tools": []},
            False,
            {"tools": [], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
        ),
        (
            {"tools": [], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
            True,
            {"tools": [], "tool_choice": {"type": "any", "disable_parallel_tool_use": False}},
        ),
        ({"tools": [], "tool_choice": {"type": "none"}}, False, {"tools": [], "tool_choice": {"type": "none"}}),
    ],
)
def test_whether_calls_are_parallel_is_said_with_the_choice(body: Body, value: bool, expected: Body) -> None:
    form = a_form(Operation.MESSAGES, body)
    form.put(("parallel_tool_calls",), value)
    assert body_of(form) == expected


def test_a_new_choice_leaves_calls_one_at_a_time() -> None:
    form = a_form(Operation.MESSAGES, {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}})
    assert form.get(("parallel_tool_calls",)) is False
    form.put(("tool_choice",), "auto")
    assert body_of(form) == {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}


@pytest.mark.parametrize("name", ["n", "seed", "logprobs", "frequency_penalty", "metadata.team"])
def test_what_the_dialect_does_not_have_is_put_nowhere(name: str) -> None:
    form = a_form(Operation.MESSAGES, {"model": "m"})
    form.put(tuple(name.split(".")), 1)
    assert body_of(form) == {"model": "m"}


@pytest.mark.parametrize("name", ["max_tokens", "temperature", "stop", "user", "service_tier", "n"])
def test_what_is_counted_only_is_not_told_how_to_be_answered(name: str) -> None:
    form = a_form(Operation.COUNT_TOKENS, {"model": "m"})
    form.put((name,), 1)
    assert body_of(form) == {"model": "m"}
