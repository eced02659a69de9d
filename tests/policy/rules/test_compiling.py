from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.rules import OnError, PipeText, ReplaceNames
from ai_gateway.policy.rules import MOST_RULES, RuleRefused, canonical, compile_rules, join_rules, revision_of
from ai_gateway.policy.rules.kinds import KINDS
from policy.rules.doing import refused
from policy.rules.forms import Known

ADVISER: list[dict[str, Any]] = [
    {"on": "request", "do": "system_prompt", "mode": "force", "text": "You are a financial advisor of ${tenant_id}."},
    {"on": "request", "do": "inject", "as": "system", "where": "start", "text": "Company policy: ..."},
    {"on": "request", "do": "cap", "field": "temperature", "max": 0.8},
    {
        "on": "request",
        "do": "set",
        "field": "model",
        "value": "gpt-4o-mini",
        "when": "caller.team_id == 'trial' || budget.used_percent >= 80",
    },
    {
        "on": "response",
        "do": "replace_text",
        "from": "OpenAI",
        "to": "Company AI",
        "in": ["model", "content", "headers"],
    },
    {"on": "response", "do": "drop", "fields": ["system_fingerprint", "choices.logprobs"]},
    {"on": "response", "do": "add_metadata", "values": {"served_by": "Company AI"}},
    {"on": "response", "do": "append_text", "text": "\n\nThis is not financial advice."},
    {"on": "both", "do": "redact", "detect": ["email", "card", "api_key"], "with": "[redacted]"},
]
CAP: dict[str, Any] = {"on": "request", "do": "cap", "field": "n", "max": 1}


def test_what_a_platform_team_writes_works_as_written() -> None:
    rules = compile_rules(ADVISER)
    assert [(rule.number, rule.do) for rule in rules.request] == [
        (1, "system_prompt"),
        (2, "inject"),
        (3, "cap"),
        (4, "set"),
        (9, "redact"),
    ]
    assert [(rule.number, rule.do) for rule in rules.response] == [
        (5, "replace_text"),
        (5, "replace_text"),
        (6, "drop"),
        (7, "add_metadata"),
        (8, "append_text"),
        (9, "redact"),
    ]
    assert all(rule.on_error is OnError.FAIL for rule in (*rules.request, *rules.response))
    condition = rules.request[3].when
    assert condition is not None
    assert condition.holds(Known(caller__team_id="trial"))
    assert not condition.holds(Known(caller__team_id="paid"))
    assert rules.broken is None
    assert rules.hides_providers


def test_a_rule_on_both_sides_has_one_number_and_one_condition() -> None:
    rules = compile_rules([{"on": "both", "do": "drop", "field": "a", "when": "true", "on_error": "skip"}], first=7)
    ((asked,), (answered,)) = rules.request, rules.response
    assert asked.number == answered.number == 7
    assert asked.when is answered.when is not None
    assert asked.on_error is answered.on_error is OnError.SKIP


def test_what_a_rule_says_of_headers_hides_providers_and_nothing_else_does() -> None:
    def hides(places: list[str]) -> bool:
        return compile_rules(
            [{"on": "response", "do": "replace_text", "from": "a", "to": "b", "in": places}]
        ).hides_providers

    assert hides(["headers"])
    assert not hides(["model", "content"])
    assert not compile_rules([CAP]).hides_providers


def test_no_rules_are_no_rules() -> None:
    rules = compile_rules([])
    assert (rules.request, rules.response, rules.source) == ((), (), "[]")


def test_two_lists_become_one_that_says_what_both_say() -> None:
    before, behind = compile_rules(ADVISER[:2]), compile_rules(ADVISER[2:], first=3)
    joined = join_rules(before, behind)
    assert joined == compile_rules(ADVISER)
    assert joined.source == canonical(ADVISER)
    assert joined.revision == compile_rules(ADVISER).revision == revision_of(canonical(ADVISER))
    assert [rule.number for rule in joined.request] == [1, 2, 3, 4, 9]
    kinds = [type(rule.effect) for rule in joined.response]
    assert kinds == [type(rule.effect) for rule in compile_rules(ADVISER).response]
    assert kinds[:2] == [PipeText, ReplaceNames]


def test_a_revision_is_of_what_is_said_and_not_of_how() -> None:
    turned = dict(reversed(CAP.items()))
    assert compile_rules([CAP]) == compile_rules([turned])
    assert compile_rules([CAP]).revision == compile_rules([turned]).revision
    assert compile_rules([CAP]).revision != compile_rules([CAP | {"max": 2}]).revision
    assert len(compile_rules([CAP]).revision) == 16


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        (3, "rules[0]", "must be an object, such as"),
        (None, "rules[0]", "must be an object"),
        ([], "rules[0]", "must be an object"),
        ({}, "rules[0].do", "is missing; it is 'system_prompt' or 'inject'"),
        ({"do": "shout"}, "rules[0].do", "must be 'system_prompt' or 'inject'"),
        ({"do": ["cap"]}, "rules[0].do", "must be 'system_prompt'"),
        ({"do": "cap"}, "rules[0].on", "is missing; it is 'request'"),
        ({"do": "redact", "on": "always"}, "rules[0].on", "must be 'request' or 'response' or 'both'"),
        (CAP | {"when": "team == 'a'"}, "rules[0].when", "names 'team', which is not known"),
        (CAP | {"when": "caller.team_id ="}, "rules[0].when", "at character 16"),
        (CAP | {"max": float("nan")}, "rules[0].max", "no number"),
    ],
)
def test_what_is_written_wrong_is_refused(rule: Any, place: str, words: str) -> None:
    found = refused(rule)
    assert found[0] == place
    assert words in found[1]


def test_the_place_is_that_of_the_list_it_stands_in() -> None:
    with pytest.raises(RuleRefused) as found:
        compile_rules([CAP, CAP, CAP | {"when": "request.stream = true"}], "routes[3].rules")
    assert found.value.place == "routes[3].rules[2].when"
    assert "at character 16" in found.value.message


def test_lists_are_bounded() -> None:
    assert len(compile_rules([CAP] * MOST_RULES).request) == MOST_RULES
    with pytest.raises(RuleRefused, match="rules: has more than 100 rules"):
        compile_rules([CAP] * (MOST_RULES + 1))
    long = {"on": "request", "do": "system_prompt", "mode": "append", "text": "x" * 16_000}
    with pytest.raises(RuleRefused, match="longer than 1024 KiB together"):
        compile_rules([long] * 70)
    with pytest.raises(RuleRefused, match="rules: must be a list"):
        compile_rules({"do": "cap"})  # type: ignore[arg-type]


ANY_TEXT = st.text(max_size=20) | st.sampled_from(
    ["${tenant_id}", "${x}", "a.b", "*", "request.stream", "email", "fail"]
)
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
MEMBERS = sorted({name for kind in KINDS.values() for name in kind.members} - {"on"})


@st.composite
def nearly_rules(draw: st.DrawFn) -> dict[str, Any]:
    """Of a kind that is known, with members that are or might be its own."""
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    names = draw(st.lists(st.sampled_from([*kind.members, *MEMBERS]), max_size=6, unique=True))
    said = {name: draw(ANYTHING) for name in names}
    return said | {"do": kind.name, "on": draw(st.sampled_from(["request", "response", "both"]))}


@given(st.lists(nearly_rules() | ANYTHING, max_size=3) | ANYTHING)
def test_no_json_raises_anything_but_a_refusal(said: Any) -> None:
    place = "rules"
    try:
        source = compile_rules(said).source
    except RuleRefused as found:
        place, source = found.place, canonical(said)
    assert place.startswith("rules")
    assert source == canonical(said)
