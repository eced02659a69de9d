from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.rules import VARIABLES, FactValue
from ai_gateway.policy.rules.refused import RuleRefused
from ai_gateway.policy.rules.templates import PlainText, compile_template, compile_value, fill_value, is_template
from policy.rules.forms import KNOWN, Known


def filled(text: str, **facts: FactValue) -> str:
    return compile_template(text, "text").fill(Known(**facts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("Be brief.", "Be brief."),
        ("You work for ${tenant_id}.", "You work for ten_1."),
        ("${tenant_id}${tenant_id}", "ten_1ten_1"),
        ("[${team_id}] ${date} ${route}/${request_id}", "[trial] 2026-11-26 bot/req_7"),
        ("It costs $5, or $$5.", "It costs $5, or $5."),
        ("$${tenant_id}", "${tenant_id}"),
        ("$$${tenant_id}", "$ten_1"),
        ("<${department_id}>", "<>"),
        ("{tenant_id} $", "{tenant_id} $"),
    ],
)
def test_variables_are_filled_in_and_two_dollars_are_one(text: str, expected: str) -> None:
    assert filled(text) == expected


@pytest.mark.parametrize("name", VARIABLES)
def test_every_variable_has_its_fact(name: str) -> None:
    value = KNOWN[VARIABLES[name]]
    assert filled(f"<${{{name}}}>") == f"<{'' if value is None else value}>"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${tenant}", "not known (at character 1); there are: ${tenant_id}, ${user_id}"),
        ("ab ${}", "not known (at character 4)"),
        ("${ tenant_id }", "not known (at character 1)"),
        ("${tenant_id", "never closed (at character 1); a dollar is written '$$'"),
        ("${a${tenant_id}", "never closed (at character 1)"),
        ("${" + "x" * 65 + "}", "never closed"),
    ],
)
def test_a_variable_that_nobody_knows_is_refused(text: str, words: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        compile_template(text, "rules[0].text")
    assert refused.value.place == "rules[0].text"
    assert words in refused.value.message


@given(st.text())
def test_what_is_filled_in_is_not_read_again(text: str) -> None:
    assert filled("${key_name}", caller__key_name=text) == text


@given(st.text().filter(lambda text: "$" not in text))
def test_a_text_without_dollars_is_plain_and_stays_what_it_is(text: str) -> None:
    template = compile_template(text, "text")
    assert isinstance(template, PlainText)
    assert template.fill(Known()) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (None, None),
        ("plain $$", "plain $"),
        ("${tenant_id}", "ten_1"),
        ({"team": "${team_id}", "n": [1, "${route}"], "d": "$$"}, {"team": "trial", "n": [1, "bot"], "d": "$"}),
    ],
)
def test_texts_anywhere_in_a_value_are_templates(value: Any, expected: Any) -> None:
    assert fill_value(compile_value(value, "value"), Known()) == expected


def test_a_value_that_can_be_changed_is_made_anew_each_time() -> None:
    value = compile_value({"tags": []}, "value")
    assert is_template(value)
    first = fill_value(value, Known())
    first["tags"].append("mine")
    assert fill_value(value, Known()) == {"tags": []}


def test_a_fault_within_a_value_has_its_place() -> None:
    with pytest.raises(RuleRefused) as refused:
        compile_value({"a": ["x", "${b}"]}, "rules[0].value")
    assert refused.value.place == "rules[0].value.a[1]"
