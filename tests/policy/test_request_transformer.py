from typing import Any, cast

import pytest

from ai_gateway.domain.faults import RuleFailed
from ai_gateway.domain.rules import Facts, FactValue, OnError, RequestForm, RequestRule, RuleError, Tally
from ai_gateway.policy.request_transformer import applies, apply

FORM = cast(RequestForm, None)


class Nothing:
    def value(self, name: str) -> FactValue:
        return None


class Says:
    def __init__(self, verdict: bool | RuleError) -> None:
        self.verdict = verdict

    def holds(self, facts: Facts) -> bool:
        if isinstance(self.verdict, RuleError):
            raise self.verdict
        return self.verdict


def fails(form: RequestForm, facts: Facts, tally: Tally) -> None:
    raise RuleError("there is no number to cap")


def a_rule(**changes: Any) -> RequestRule:
    return RequestRule(**{"number": 2, "do": "cap", "act": fails} | changes)


@pytest.mark.parametrize(("when", "expected"), [(None, True), (Says(True), True), (Says(False), False)])
def test_a_rule_is_done_where_its_condition_holds(when: Says | None, expected: bool) -> None:
    assert applies(a_rule(when=when), Nothing(), Tally()) is expected


def test_a_rule_that_fails_refuses_the_request() -> None:
    with pytest.raises(RuleFailed) as failed:
        apply(a_rule(), FORM, Nothing(), Tally())
    assert failed.value.detail == "rule 2: there is no number to cap"
    assert failed.value.status == 500
    with pytest.raises(RuleFailed):
        applies(a_rule(when=Says(RuleError("no such number"))), Nothing(), Tally())


def test_or_is_skipped_and_says_so() -> None:
    tally = Tally()
    apply(a_rule(on_error=OnError.SKIP), FORM, Nothing(), tally)
    assert tally.notes() == ("rule 2: skipped, there is no number to cap",)
    skipped = a_rule(number=3, when=Says(RuleError("no such number")), on_error=OnError.SKIP)
    assert not applies(skipped, Nothing(), tally)
    assert tally.skipped_rules == (2, 3)
