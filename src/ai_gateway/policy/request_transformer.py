"""A route's rules, done on what a caller sent, one after the other. A route without rules never comes here: the fields
of its callers go on by reference, so an empty rule set costs nothing and cannot change a byte."""

from ai_gateway.domain.faults import RuleFailed
from ai_gateway.domain.rules import Facts, OnError, RequestForm, RequestRule, ResponseRule, RuleError, Tally


def applies(rule: RequestRule | ResponseRule, facts: Facts, tally: Tally) -> bool:
    """Whether its condition holds. Raises RuleFailed."""
    if rule.when is None:
        return True
    try:
        return rule.when.holds(facts)
    except RuleError as error:
        give_way(rule.number, rule.on_error, error, tally)
        return False


def apply(rule: RequestRule, form: RequestForm, facts: Facts, tally: Tally) -> None:
    """Do it; its condition was asked already. Raises Fault: Blocked, RuleFailed."""
    assert rule.act is not None, "what an external guardrail says is asked for elsewhere"
    try:
        rule.act(form, facts, tally)
    except RuleError as error:
        give_way(rule.number, rule.on_error, error, tally)


def give_way(number: int, on_error: OnError, error: RuleError, tally: Tally) -> None:
    """A rule could not be done: go on without it, visibly, or raise RuleFailed."""
    if on_error is OnError.FAIL:
        raise RuleFailed(detail=f"rule {number}: {error}") from None
    tally.skipped(number, str(error))
