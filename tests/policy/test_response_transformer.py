from collections.abc import Callable
from typing import Any

import pytest

from ai_gateway.domain.faults import RuleFailed
from ai_gateway.domain.rules import (
    AddMetadata,
    AnswerRules,
    AppendText,
    AskHook,
    DropFields,
    Facts,
    FactValue,
    Hook,
    Normalize,
    OnError,
    PipeText,
    PutField,
    ReplaceNames,
    ResponseRule,
    RuleError,
    Tally,
    TextPipe,
)
from ai_gateway.policy.response_transformer import Answering, answer_rules

ASKED = Answering("req_1", 1_700_000_000, None)


class Known:
    def value(self, name: str) -> FactValue:
        return name


class Named:
    def fill(self, facts: Facts) -> str:
        return f"<{facts.value('caller.tenant_id')}>"


class Never:
    def holds(self, facts: Facts) -> bool:
        return False


class Unknown:
    def holds(self, facts: Facts) -> bool:
        raise RuleError("null cannot be compared")


def a_pipe(tally: Tally) -> TextPipe:
    raise NotImplementedError


def rules_of(*effects: Any, **changes: Any) -> AnswerRules | None:
    rules = tuple(ResponseRule(number, "any", effect, **changes) for number, effect in enumerate(effects, 1))
    return answer_rules(rules, Known(), Tally(), ASKED)


def test_every_effect_finds_its_place_in_the_order_of_the_rules() -> None:
    upper: Callable[[str], str] = str.upper
    lower: Callable[[str], str] = str.lower
    hook = Hook("https://guard.example", 0.5, OnError.FAIL, 200)
    said = rules_of(
        PipeText(a_pipe),
        ReplaceNames(upper, in_names=True, in_headers=False),
        ReplaceNames(lower, in_names=False, in_headers=True),
        DropFields((("usage",),)),
        DropFields((("choices", "logprobs"),)),
        PutField(("model",), Named()),
        PutField(("tier",), 3),
        AddMetadata({"by": Named()}),
        AppendText(Named()),
        AppendText(Named()),
        Normalize(),
        AskHook(hook),
    )
    assert said is not None
    assert said.pipes == (a_pipe,)
    assert said.names == (upper,)
    assert said.drop == (("usage",), ("choices", "logprobs"))
    assert said.put == ((("model",), "<caller.tenant_id>"), (("tier",), 3))
    assert said.metadata == {"by": "<caller.tenant_id>"}
    assert said.appended == "<caller.tenant_id><caller.tenant_id>"
    assert said.normalizes
    assert said.hooks == ((12, hook),)
    assert (said.request_id, said.created) == ("req_1", 1_700_000_000)


def test_nothing_to_do_is_nothing() -> None:
    assert rules_of() is None
    assert rules_of(AppendText(Named()), when=Never()) is None


def test_hiding_providers_needs_no_rule() -> None:
    said = answer_rules((), Known(), Tally(), Answering("req_1", 1, "house-model"))
    assert said is not None
    assert said.hidden_as == "house-model"


def test_a_condition_that_fails_follows_the_mode_of_its_rule() -> None:
    with pytest.raises(RuleFailed):
        rules_of(Normalize(), when=Unknown())
    tally = Tally()
    rule = ResponseRule(4, "normalize", Normalize(), Unknown(), OnError.SKIP)
    assert answer_rules((rule,), Known(), tally, ASKED) is None
    assert tally.skipped_rules == (4,)
