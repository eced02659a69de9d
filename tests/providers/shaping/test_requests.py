"""Which form a body has, and what holds for all of them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import RequestForm, RuleError, Seat, SystemMode, Where
from ai_gateway.providers.shaping.requests import FORMS, form_of
from providers.shaping.forms import Same, a_form, members
from providers.shaping.test_texts import BODIES, JSON

OPERATIONS = st.sampled_from(sorted(FORMS))
BODY = '{"model":"m", "x" : 1.50 ,"messages":[ {"role":"user","content":"a\\u0041"} ],"input":"b","metadata":{"a" :1}}'
VERBS: list[Any] = [
    lambda form: form.system(SystemMode.FORCE, "Rule."),
    lambda form: form.system(SystemMode.PREPEND, "Rule."),
    lambda form: form.system(SystemMode.APPEND, "Rule."),
    lambda form: form.inject(Seat.SYSTEM, Where.END, "Rule."),
    lambda form: form.inject(Seat.USER, Where.START, "Rule."),
    lambda form: form.inject(Seat.USER, Where.END, "Rule."),
    lambda form: form.tool_names(),
    lambda form: form.keep_tools(lambda _: False),
    lambda form: form.keep_tools(lambda name: name > "m"),
    lambda form: form.add_metadata({"team": "red"}),
    lambda form: form.rewrite(Same),
    lambda form: form.texts(),
    lambda form: form.get(("max_tokens",)),
    lambda form: form.get(("response_format", "json_schema", "schema")),
    lambda form: form.put(("max_tokens",), 5),
    lambda form: form.put(("user",), "u"),
    lambda form: form.put(("parallel_tool_calls",), False),
    lambda form: form.put(("tool_choice",), "none"),
    lambda form: form.put(("response_format", "type"), "json_object"),
    lambda form: form.put(("metadata", "a", "b"), 1),
    lambda form: form.drop(("metadata", "a")),
    lambda form: form.rename(("metadata", "a"), "b"),
    lambda form: form.rename(("x",), "y"),
]


def why_not(verb: Callable[[RequestForm], object], form: RequestForm) -> str:
    """Why a verb could not be done; nothing where it was."""
    try:
        verb(form)
    except RuleError as error:
        return str(error) or "somebody forgot to say"
    return ""


@pytest.mark.parametrize("operation", sorted(FORMS))
def test_what_no_verb_touched_keeps_its_bytes(operation: Operation) -> None:
    given = members(BODY)
    told = form_of(operation, given).fields()
    assert list(told) == list(given)
    assert [bytes(raw) for raw in told.values()] == [bytes(raw) for raw in given.values()]


@pytest.mark.parametrize("operation", sorted(FORMS))
def test_a_verb_touches_what_it_is_about(operation: Operation) -> None:
    given = members(BODY)
    form = form_of(operation, given)
    form.put(("temperature",), 1)
    form.put(("brand_new",), 1)
    told = form.fields()
    assert [bytes(told[name]) for name in given] == [bytes(raw) for raw in given.values()]
    assert "brand_new" not in given, "what the caller sent is not changed itself"


def test_every_operation_that_asks_a_model_has_a_form() -> None:
    others = {Operation.STORED_RESPONSES, Operation.MODELS, Operation.REQUESTS}
    assert set(FORMS) == set(Operation) - others


@given(OPERATIONS, BODIES, st.sampled_from(VERBS), st.sampled_from(VERBS))
def test_whatever_stands_in_a_body_a_verb_is_done_or_says_why_not(
    operation: Operation, body: dict[str, Any], first: Any, second: Any
) -> None:
    form = a_form(operation, body)
    for verb in (first, second):
        before = form.fields()
        if why_not(verb, form):
            assert form.fields() == before, "a rule that is skipped has done nothing"
    json.dumps({name: json.loads(bytes(raw)) for name, raw in form.fields().items()})


@given(
    st.sampled_from([Operation.CHAT, Operation.MESSAGES, Operation.RESPONSES]),
    st.sampled_from(["messages", "input", "system", "instructions", "tools", "tool_choice"]),
    JSON,
    st.sampled_from(VERBS),
)
def test_hostile_members_raise_nothing_else(operation: Operation, name: str, value: Any, verb: Any) -> None:
    form: RequestForm = a_form(operation, {name: value, "messages": [value, {"role": value, "content": value}]})
    why_not(verb, form)
