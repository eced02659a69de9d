"""One rule, compiled and done, for the tests of its kind."""

from typing import Any

import pytest

from ai_gateway.domain.rules import RequestRule, ResponseRule, Tally
from ai_gateway.policy.request_transformer import applies, apply
from ai_gateway.policy.rules import RuleRefused, compile_rules
from policy.rules.forms import Known, PlainForm


def request_rule(**said: Any) -> RequestRule:
    (rule,) = compile_rules([{"on": "request", **said}]).request
    return rule


def response_rules(**said: Any) -> tuple[ResponseRule, ...]:
    return compile_rules([{"on": "response", **said}]).response


def done(body: dict[str, Any], facts: Known | None = None, tally: Tally | None = None, **said: Any) -> PlainForm:
    """The form after the rule, whose condition is asked."""
    form, known, notes = PlainForm(body), facts or Known(), tally or Tally()
    rule = request_rule(**said)
    if applies(rule, known, notes):
        apply(rule, form, known, notes)
    return form


def refused(rule: Any) -> tuple[str, str]:
    """The place and the words."""
    with pytest.raises(RuleRefused) as found:
        compile_rules([rule])
    return found.value.place, found.value.message
