from typing import Any

import pytest

from ai_gateway.domain.rules import AskHook, Hook, Normalize, OnError
from ai_gateway.domain.secret import Secret
from ai_gateway.policy.rules import RuleRefused, compile_rules
from policy.rules.doing import refused, response_rules

URL = "https://guard.example/check"
RULE: dict[str, Any] = {"on": "both", "do": "guardrail", "url": URL}


def test_an_external_guardrail_is_asked_on_both_sides() -> None:
    rules = compile_rules([RULE | {"timeout_ms": 250, "window": 400, "on_error": "skip"}])
    hook = Hook(URL, 0.25, OnError.SKIP, 400)
    assert [rule.hook for rule in rules.request] == [hook]
    assert rules.request[0].act is None
    assert [rule.effect for rule in rules.response] == [AskHook(hook)]


def test_what_is_not_said_is_a_second_a_thousand_characters_and_fail() -> None:
    rules = compile_rules([RULE | {"on": "request"}])
    assert rules.request[0].hook == Hook(URL, 1.0, OnError.FAIL, 1_000)
    assert rules.response == ()


def test_its_key_is_a_stored_secret() -> None:
    keys = {"guard": Secret("sk-1")}
    rules = compile_rules([RULE | {"secret_name": "guard"}], secret=keys.get)
    assert rules.request[0].hook is not None
    assert rules.request[0].hook.key == Secret("sk-1")
    with pytest.raises(RuleRefused) as found:
        compile_rules([RULE, RULE | {"secret_name": "other"}], secret=keys.get)
    assert (found.value.place, found.value.message) == ("rules[1].secret_name", "there is no such secret")


def test_an_answer_is_put_into_its_own_form() -> None:
    (rule,) = response_rules(do="normalize")
    assert rule.effect == Normalize()


@pytest.mark.parametrize(
    ("said", "place", "words"),
    [
        ({"url": "ftp://guard.example"}, "rules[0].url", "such as https://"),
        ({"url": "guard.example"}, "rules[0].url", "such as https://"),
        ({"url": "https://"}, "rules[0].url", "such as https://"),
        ({"url": "https://ö.example"}, "rules[0].url", "such as https://"),
        ({"url": "https://guard.example:99999"}, "rules[0].url", "is no address"),
        ({"url": "https://[::1"}, "rules[0].url", "is no address"),
        ({"url": "https://me:word@guard.example"}, "rules[0].url", "has a password in it"),
        ({"url": "https://guard.example/" + "x" * 2048}, "rules[0].url", "at most 2048 characters"),
        ({"url": 3}, "rules[0].url", "must be text"),
        ({"timeout_ms": 0}, "rules[0].timeout_ms", "must be at least 10"),
        ({"timeout_ms": 10_001}, "rules[0].timeout_ms", "must be at most 10000"),
        ({"timeout_ms": 1.5}, "rules[0].timeout_ms", "must be a whole number"),
        ({"window": 99}, "rules[0].window", "must be at least 100"),
        ({"window": 8_001}, "rules[0].window", "must be at most 8000"),
        ({"secret_name": ""}, "rules[0].secret_name", "must not be empty"),
        ({"on_error": "open"}, "rules[0].on_error", "must be 'fail' or 'skip'"),
        ({"do": "normalize"}, "rules[0].on", "must be 'response'"),
        ({"do": "normalize", "on": "response"}, "rules[0].url", "is no member of 'normalize'"),
    ],
)
def test_what_is_written_wrong_is_refused(said: dict[str, Any], place: str, words: str) -> None:
    found = refused(RULE | said)
    assert found[0] == place
    assert words in found[1]
