"""Every verb of a chat completion."""

import json
from typing import Any

import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import RuleError, Seat, SystemMode, Where
from providers.shaping.forms import Body, a_form, body_of

SAYS: Body = {"role": "user", "content": "Hello"}
PART: Body = {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}}
CALLS: Body = {
    "role": "assistant",
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
RESULT: Body = {"role": "tool", "tool_call_id": "c", "content": "42"}


def system(text: Any, role: str = "system") -> Body:
    return {"role": role, "content": text}


def tool(name: str) -> Body:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


@pytest.mark.parametrize(
    ("mode", "messages", "expected"),
    [
        (SystemMode.FORCE, [SAYS], [system("Rule."), SAYS]),
        (SystemMode.FORCE, [], [system("Rule.")]),
        (SystemMode.FORCE, [system("Old."), SAYS], [system("Rule."), SAYS]),
        (SystemMode.FORCE, [SAYS, system("Late."), SAYS], [system("Rule."), SAYS, SAYS]),
        (SystemMode.FORCE, [system("A", "developer"), SAYS, system("B")], [system("Rule.", "developer"), SAYS]),
        (SystemMode.FORCE, [system("Old.", "System"), SAYS], [system("Rule."), SAYS]),
        (SystemMode.FORCE, [system([PART]), system(None), SAYS], [system("Rule."), SAYS]),
        (SystemMode.PREPEND, [SAYS], [system("Rule."), SAYS]),
        (SystemMode.PREPEND, [system("Old."), SAYS], [system("Rule.\n\nOld."), SAYS]),
        (SystemMode.PREPEND, [system(""), SAYS], [system("Rule."), SAYS]),
        (SystemMode.PREPEND, [system(None), SAYS], [system("Rule."), SAYS]),
        (SystemMode.PREPEND, [system([PART])], [system([{"type": "text", "text": "Rule."}, PART])]),
        (SystemMode.PREPEND, [SAYS, system("Late.")], [system("Rule."), SAYS, system("Late.")]),
        (
            SystemMode.PREPEND,
            [SAYS, system("Late.", "developer")],
            [system("Rule.", "developer"), SAYS, system("Late.", "developer")],
        ),
        (SystemMode.APPEND, [SAYS], [system("Rule."), SAYS]),
        (SystemMode.APPEND, [system("Old."), SAYS], [system("Old.\n\nRule."), SAYS]),
        (SystemMode.APPEND, [system("A"), system("B"), SAYS], [system("A"), system("B\n\nRule."), SAYS]),
        (SystemMode.APPEND, [system([PART])], [system([PART, {"type": "text", "text": "Rule."}])]),
    ],
)
def test_the_system_prompt_is_every_message_of_the_system(
    mode: SystemMode, messages: list[Body], expected: list[Body]
) -> None:
    form = a_form(Operation.CHAT, {"model": "m", "messages": messages})
    assert form.system(mode, "Rule.")
    assert body_of(form) == {"model": "m", "messages": expected}


@pytest.mark.parametrize(
    ("where", "messages", "expected"),
    [
        (Where.START, [SAYS], [{"role": "user", "content": "Rule.\n\nHello"}]),
        (Where.END, [SAYS], [{"role": "user", "content": "Hello\n\nRule."}]),
        (Where.END, [SAYS, CALLS, RESULT], [{"role": "user", "content": "Hello\n\nRule."}, CALLS, RESULT]),
        (Where.END, [{"role": "user"}], [{"role": "user", "content": "Rule."}]),
        (
            Where.START,
            [{"role": "user", "content": [PART]}],
            [{"role": "user", "content": [{"type": "text", "text": "Rule."}, PART]}],
        ),
        (Where.END, [system("S")], [system("S"), {"role": "user", "content": "Rule."}]),
        (Where.END, [system("S"), CALLS], [system("S"), {"role": "user", "content": "Rule."}, CALLS]),
        (Where.START, [], [{"role": "user", "content": "Rule."}]),
    ],
)
def test_words_are_put_into_what_the_user_says_last(where: Where, messages: list[Body], expected: list[Body]) -> None:
    form = a_form(Operation.CHAT, {"messages": messages})
    assert form.inject(Seat.USER, where, "Rule.")
    assert body_of(form) == {"messages": expected}


def test_words_of_the_system_are_put_into_its_prompt() -> None:
    form = a_form(Operation.CHAT, {"messages": [system("Old."), SAYS]})
    assert form.inject(Seat.SYSTEM, Where.START, "First.")
    assert form.inject(Seat.SYSTEM, Where.END, "Last.")
    assert body_of(form)["messages"] == [system("First.\n\nOld.\n\nLast."), SAYS]


@pytest.mark.parametrize(
    "body",
    [{"messages": "Hello"}, {"messages": 3}, {"messages": [{"role": "system", "content": 3}]}, {"messages": {"a": 1}}],
)
def test_what_is_no_conversation_is_said_and_left_as_it_was(body: Body) -> None:
    form = a_form(Operation.CHAT, body)
    with pytest.raises(RuleError):
        form.system(SystemMode.PREPEND, "Rule.")
    assert body_of(form) == body


@pytest.mark.parametrize(
    ("body", "kept", "gone", "expected"),
    [
        ({"tools": [tool("a"), tool("b")]}, "a", ("b",), {"tools": [tool("a")]}),
        ({"tools": [tool("a")]}, "a", (), {"tools": [tool("a")]}),
        (
            {"tools": [tool("b")], "tool_choice": "auto", "parallel_tool_calls": False, "n": 1},
            "a",
            ("b",),
            {"n": 1},
        ),
        (
            {
                "tools": [tool("a"), {"type": "custom", "custom": {"name": "b"}}],
                "tool_choice": {"type": "custom", "custom": {"name": "b"}},
            },
            "a",
            ("b",),
            {"tools": [tool("a")]},
        ),
        (
            {"tools": [tool("a"), tool("b")], "tool_choice": {"type": "function", "function": {"name": "a"}}},
            "a",
            ("b",),
            {"tools": [tool("a")], "tool_choice": {"type": "function", "function": {"name": "a"}}},
        ),
        (
            {"functions": [{"name": "a"}, {"name": "b"}], "function_call": {"name": "b"}},
            "a",
            ("b",),
            {"functions": [{"name": "a"}]},
        ),
        ({"functions": [{"name": "b"}], "function_call": "auto"}, "a", ("b",), {}),
        ({"tools": [tool("a")], "web_search_options": {}}, "a", ("web_search",), {"tools": [tool("a")]}),
        ({"web_search_options": None}, "a", (), {"web_search_options": None}),
    ],
)
def test_tools_are_taken_out_by_name_and_the_choice_with_them(
    body: Body, kept: str, gone: tuple[str, ...], expected: Body
) -> None:
    form = a_form(Operation.CHAT, body)
    assert form.keep_tools(lambda name: name == kept) == gone
    assert body_of(form) == expected


def test_tools_of_all_kinds_have_names() -> None:
    body = {
        "tools": [tool("a"), {"type": "custom", "custom": {"name": "b"}}, {"type": "openrouter:web_search"}],
        "functions": [{"name": "c"}],
        "web_search_options": {"search_context_size": "low"},
    }
    assert a_form(Operation.CHAT, body).tool_names() == ("a", "b", "openrouter:web_search", "c", "web_search")
    assert a_form(Operation.CHAT, {"tools": "x"}).tool_names() == ()


@pytest.mark.parametrize("before", [{}, {"metadata": None}, {"metadata": {"team": "x", "mine": "1"}}])
def test_metadata_is_added_to_the_callers(before: Body) -> None:
    form = a_form(Operation.CHAT, before)
    assert form.add_metadata({"team": "red"})
    assert body_of(form) == {"metadata": {**(before.get("metadata") or {}), "team": "red"}}


def test_metadata_of_another_shape_is_in_the_way() -> None:
    with pytest.raises(RuleError):
        a_form(Operation.CHAT, {"metadata": "text"}).add_metadata({"team": "red"})


@pytest.mark.parametrize(
    ("body", "found", "put"),
    [
        ({"max_tokens": 9}, 9, {"max_tokens": 5}),
        ({"max_completion_tokens": 9}, 9, {"max_completion_tokens": 5}),
        ({"max_tokens": 8, "max_completion_tokens": 9}, 9, {"max_tokens": 5, "max_completion_tokens": 5}),
        ({"max_tokens": 8, "max_completion_tokens": None}, 8, {"max_tokens": 5, "max_completion_tokens": None}),
        ({}, None, {"max_completion_tokens": 5}),
    ],
)
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens"])
def test_the_length_of_an_answer_is_one_thing(name: str, body: Body, found: int | None, put: Body) -> None:
    form = a_form(Operation.CHAT, body)
    assert (form.get((name,)) or None) == found
    form.put((name,), 5)
    assert body_of(form) == put
    assert form.drop((name,))
    assert json.dumps(body_of(form)).count("5") == 0
