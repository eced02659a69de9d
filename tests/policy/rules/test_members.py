from typing import Any

import pytest

from ai_gateway.domain.rules import DropFields, PutField, Template
from policy.rules.doing import done, refused, request_rule, response_rules
from policy.rules.forms import Known


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ({"do": "set", "field": "model", "value": "gpt-4o-mini"}, {"model": "o1"}, {"model": "gpt-4o-mini"}),
        ({"do": "set", "field": "user", "value": "${user_id}"}, {}, {"user": "usr_1"}),
        ({"do": "set", "field": "seed", "value": None}, {"seed": 3}, {"seed": None}),
        (
            {"do": "set", "field": "metadata.team", "value": "${team_id}"},
            {"metadata": {"a": 1}},
            {"metadata": {"a": 1, "team": "trial"}},
        ),
        ({"do": "set", "field": "stop", "value": ["${route}", "$$"]}, {}, {"stop": ["bot", "$"]}),
        ({"do": "default", "field": "temperature", "value": 0.3}, {}, {"temperature": 0.3}),
        ({"do": "default", "field": "temperature", "value": 0.3}, {"temperature": None}, {"temperature": 0.3}),
        ({"do": "default", "field": "temperature", "value": 0.3}, {"temperature": 0}, {"temperature": 0}),
        ({"do": "default", "field": "user", "value": "${key_name}"}, {"user": ""}, {"user": ""}),
        ({"do": "drop", "fields": ["logit_bias", "seed"]}, {"seed": 1, "n": 2}, {"n": 2}),
        ({"do": "drop", "field": "tools"}, {"tools": ["a"], "n": 2}, {"n": 2}),
        ({"do": "drop", "field": "metadata.a"}, {"metadata": {"a": 1, "b": 2}}, {"metadata": {"b": 2}}),
        ({"do": "rename", "field": "user", "to": "end_user"}, {"user": "u"}, {"end_user": "u"}),
        ({"do": "rename", "field": "metadata.a", "to": "b"}, {"metadata": {"a": 1}}, {"metadata": {"b": 1}}),
        ({"do": "rename", "field": "user", "to": "end_user"}, {}, {}),
    ],
)
def test_single_fields_change(rule: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    assert done(before, **rule).body == after


def test_two_requests_do_not_share_what_a_rule_put_into_them() -> None:
    rule = request_rule(do="set", field="metadata", value={"tags": ["a"]})
    assert rule.act is not None
    bodies = []
    for _ in range(2):
        form = done({}, do="set", field="metadata", value={"tags": ["a"]})
        form.body["metadata"]["tags"].append("mine")
        bodies.append(form.body)
    assert bodies[0] == bodies[1] == {"metadata": {"tags": ["a", "mine"]}}


def test_an_answer_has_a_field_put_into_it_or_taken_away() -> None:
    (put,) = response_rules(do="set", field="model", value="${route}")
    assert isinstance(put.effect, PutField)
    template: Template = put.effect.value
    assert (put.effect.path, template.fill(Known())) == (("model",), "bot")
    (plain,) = response_rules(do="set", field="service_tier", value=None)
    assert plain.effect == PutField(("service_tier",), None)
    (dropped,) = response_rules(do="drop", fields=["system_fingerprint", "choices.logprobs"])
    assert dropped.effect == DropFields((("system_fingerprint",), ("choices", "logprobs")))


def test_a_field_can_be_taken_away_on_both_sides() -> None:
    rule = {"on": "both", "do": "drop", "field": "metadata.trace"}
    (asked,) = response_rules(**rule)
    assert asked.effect == DropFields((("metadata", "trace"),))
    assert done({"metadata": {"trace": 1}}, **rule).body == {"metadata": {}}


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        ({"do": "set", "field": "temperature"}, "rules[0].value", "is missing"),
        ({"do": "set", "value": 1}, "rules[0].field", "is missing"),
        ({"do": "set", "field": "temperature", "value": "hot"}, "rules[0].value", "must be a number"),
        ({"do": "set", "field": "model", "value": ""}, "rules[0].value", "must name a model"),
        ({"do": "set", "field": "model", "value": None}, "rules[0].value", "must name a model"),
        ({"do": "set", "field": "model", "value": 3}, "rules[0].value", "must be text"),
        ({"do": "set", "field": "model", "value": "${team}"}, "rules[0].value", "not known (at character 1)"),
        ({"do": "set", "field": "metadata", "value": {"a": "${b}"}}, "rules[0].value.a", "not known"),
        ({"do": "set", "field": "stream", "value": False}, "rules[0].field", "caller's choice"),
        ({"do": "set", "field": "messages", "value": []}, "rules[0].field", "use 'inject'"),
        ({"do": "set", "field": "", "value": 1}, "rules[0].field", "must not be empty"),
        ({"do": "set", "on": "both", "field": "user", "value": 1}, "rules[0].on", "must be 'request' or 'response'"),
        ({"do": "set", "on": "response", "field": "choices", "value": 1}, "rules[0].field", "what the answer says"),
        ({"do": "default", "field": "model", "value": "a"}, "rules[0].field", "every request names a 'model'"),
        ({"do": "default", "field": "max_tokens", "value": 0}, "rules[0].value", "at least 1"),
        ({"do": "default", "field": "system", "value": "a"}, "rules[0].field", "use 'system_prompt'"),
        ({"do": "drop"}, "rules[0].fields", "give either 'fields' or one 'field'"),
        ({"do": "drop", "field": "a", "fields": ["b"]}, "rules[0].fields", "give either 'fields' or one 'field'"),
        ({"do": "drop", "fields": []}, "rules[0].fields", "at least one field"),
        ({"do": "drop", "fields": "seed"}, "rules[0].fields", "must be a list, not text"),
        ({"do": "drop", "fields": ["seed", 3]}, "rules[0].fields[1]", "must be text"),
        ({"do": "drop", "fields": ["seed", "model"]}, "rules[0].fields[1]", "cannot be taken away"),
        ({"do": "drop", "field": "messages"}, "rules[0].field", "use 'inject'"),
        ({"do": "drop", "on": "response", "field": "id"}, "rules[0].field", "without it the answer"),
        ({"do": "drop", "on": "both", "fields": ["seed", "object"]}, "rules[0].fields[1]", "without it the answer"),
        ({"do": "drop", "on": "both", "field": "input"}, "rules[0].field", "use 'inject'"),
        ({"do": "rename", "field": "user"}, "rules[0].to", "is missing"),
        ({"do": "rename", "field": "user", "to": "a.b"}, "rules[0].to", "must be one name"),
        ({"do": "rename", "field": "user", "to": "messages"}, "rules[0].to", "the gateway itself reads"),
        ({"do": "rename", "field": "tools", "to": "kit"}, "rules[0].field", "use 'tools'"),
        ({"do": "rename", "field": "model", "to": "m"}, "rules[0].field", "cannot be taken away"),
        ({"do": "rename", "on": "response", "field": "a", "to": "b"}, "rules[0].on", "must be 'request'"),
    ],
)
def test_what_is_written_wrong_is_refused(rule: dict[str, Any], place: str, words: str) -> None:
    found = refused({"on": "request"} | rule)
    assert found[0] == place
    assert words in found[1]
