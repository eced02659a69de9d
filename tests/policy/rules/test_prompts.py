from typing import Any

import pytest

from ai_gateway.domain.rules import AppendText, Seat, SystemMode, Where
from policy.rules.doing import done, refused, response_rules
from policy.rules.forms import Known

PROMPT = {"do": "system_prompt", "mode": "force", "text": "Be brief."}
INJECT = {"do": "inject", "as": "user", "where": "end", "text": "In French."}


@pytest.mark.parametrize("mode", SystemMode)
def test_a_system_prompt_is_given(mode: SystemMode) -> None:
    form = done({}, do="system_prompt", mode=mode.value, text="You advise ${tenant_id}.")
    assert form.done == [("system", mode, "You advise ten_1.")]


@pytest.mark.parametrize("seat", Seat)
@pytest.mark.parametrize("where", Where)
def test_words_are_put_before_or_behind_those_of_system_or_user(seat: Seat, where: Where) -> None:
    form = done({}, **{"do": "inject", "as": seat.value, "where": where.value, "text": "It is ${date}."})
    assert form.done == [("inject", seat, where, "It is 2026-11-26.")]


def test_a_text_that_turns_out_empty_adds_nothing_but_can_take_a_prompt_away() -> None:
    nobody = Known(caller__team_id=None)
    assert done({}, nobody, **INJECT | {"text": "${team_id}"}).done == []
    assert done({}, nobody, **PROMPT | {"mode": "append", "text": "${team_id}"}).done == []
    assert done({}, nobody, **PROMPT | {"text": "${team_id}"}).done == [("system", SystemMode.FORCE, "")]


def test_a_text_is_appended_to_an_answer() -> None:
    (rule,) = response_rules(do="append_text", text="\n\nFor ${team_id} only.")
    assert isinstance(rule.effect, AppendText)
    assert rule.effect.text.fill(Known()) == "\n\nFor trial only."


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        (PROMPT | {"mode": "replace"}, "rules[0].mode", "must be 'force' or 'prepend' or 'append'"),
        (PROMPT | {"mode": None}, "rules[0].mode", "must be 'force' or 'prepend' or 'append'"),
        (PROMPT | {"text": ""}, "rules[0].text", "must not be empty"),
        (PROMPT | {"text": ["a"]}, "rules[0].text", "must be text, not a list"),
        (PROMPT | {"text": "x" * 16_385}, "rules[0].text", "longer than 16 KiB"),
        (PROMPT | {"text": "${secret}"}, "rules[0].text", "there are: ${tenant_id}"),
        (PROMPT | {"where": "start"}, "rules[0].where", "is no member of 'system_prompt'"),
        (PROMPT | {"on": "response"}, "rules[0].on", "must be 'request'"),
        (INJECT | {"as": "assistant"}, "rules[0].as", "must be 'system' or 'user'"),
        (INJECT | {"where": "middle"}, "rules[0].where", "must be 'start' or 'end'"),
        (INJECT | {"text": "${}"}, "rules[0].text", "not known"),
        (INJECT | {"seat": "user"}, "rules[0].seat", "is no member of 'inject', which has: do, when, on_error, name"),
        (INJECT | {"on": "both"}, "rules[0].on", "must be 'request'"),
        ({"do": "append_text", "text": "a"}, "rules[0].on", "must be 'response'"),
        ({"do": "append_text", "on": "response"}, "rules[0].text", "is missing"),
        ({"do": "append_text", "on": "response", "text": "${x}"}, "rules[0].text", "not known"),
    ],
)
def test_what_is_written_wrong_is_refused(rule: dict[str, Any], place: str, words: str) -> None:
    found = refused({"on": "request"} | rule)
    assert found[0] == place
    assert words in found[1]


@pytest.mark.parametrize("member", ["mode", "text"])
def test_what_is_missing_is_named(member: str) -> None:
    rule = {name: value for name, value in PROMPT.items() if name != member}
    assert refused({"on": "request"} | rule) == (f"rules[0].{member}", "is missing")
