"""What rules would do, told without a request."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import (
    AddMetadata,
    AnswerRules,
    AskHook,
    DropFields,
    Facts,
    FactValue,
    Hook,
    Normalize,
    OnError,
    PipeText,
    RequestForm,
    RequestRule,
    ResponseRule,
    RuleError,
    RuleSet,
    Seat,
    SystemMode,
    Tally,
    Where,
)
from ai_gateway.policy.json_changes import UNSET, Change
from ai_gateway.policy.response_transformer import Answering
from ai_gateway.policy.rule_preview import Step, preview_answer, preview_request
from ai_gateway.providers.shaping.requests import form_of

BODY = b'{"model":"m","temperature":1.5,"messages":[{"role":"user","content":"Hello"}]}'
HOOK = Hook("https://guard.example", 1.0, OnError.FAIL, 100)
ANSWERING = Answering("req_1", 0, None)


class Known:
    def value(self, name: str) -> FactValue:
        return "trial"


class When:
    def __init__(self, answer: bool | RuleError) -> None:
        self._answer = answer

    def holds(self, facts: Facts) -> bool:
        if isinstance(self._answer, RuleError):
            raise self._answer
        return self._answer


class Text:
    def fill(self, facts: Facts) -> str:
        return str(facts.value("caller.team_id"))


Act = Callable[[RequestForm, Facts, Tally], None]


def system(form: RequestForm, facts: Facts, tally: Tally) -> None:
    form.system(SystemMode.FORCE, str(facts.value("caller.team_id")))


def cool(form: RequestForm, facts: Facts, tally: Tally) -> None:
    if form.get(("temperature",)) != 0.8:
        form.put(("temperature",), 0.8)


def inject(form: RequestForm, facts: Facts, tally: Tally) -> None:
    form.inject(Seat.USER, Where.END, "!")


def label(form: RequestForm, facts: Facts, tally: Tally) -> None:
    form.add_metadata({"team": "red"})


def find(form: RequestForm, facts: Facts, tally: Tally) -> None:
    tally.found(4, "blocked email")
    raise Blocked


def fail(form: RequestForm, facts: Facts, tally: Tally) -> None:
    raise RuleError("'messages' is no list")


def a_rule(number: int, act: Act | None, when: Any = None, on_error: OnError = OnError.FAIL) -> RequestRule:
    hook = HOOK if act is None else None
    return RequestRule(number, "kind", when, on_error, act=act, hook=hook)


def steps_of(*rules: RequestRule, operation: Operation = Operation.CHAT, body: bytes = BODY) -> tuple[Step, ...]:
    return preview_request(rules, form_of(operation, members(body)), Known()).steps


def members(body: bytes) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(body, type=dict[str, msgspec.Raw])


def test_every_rule_says_what_it_changed_of_what_the_former_left() -> None:
    told = preview_request(
        (a_rule(1, system), a_rule(2, cool), a_rule(3, cool)), form_of(Operation.CHAT, members(BODY)), Known()
    )
    first, second, third = told.steps
    assert first.changes == (Change("messages[0]", UNSET, {"role": "system", "content": "trial"}),)
    assert (first.applied, first.why, first.on) == (True, None, "request")
    assert second.changes == (Change("temperature", 1.5, 0.8),)
    assert (third.applied, third.why, third.changes) == (True, "Nothing here had to change.", ())
    assert not told.is_ended
    assert bytes(told.fields["temperature"]) == b"0.8"


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (a_rule(1, cool, When(False)), "Its condition is false"),
        (a_rule(1, None), "An external guardrail"),
        (a_rule(1, fail, on_error=OnError.SKIP), "It cannot be done and is skipped: 'messages' is no list."),
        (a_rule(1, cool, When(RuleError("no number")), OnError.SKIP), "It cannot be done and is skipped: no number."),
    ],
)
def test_a_rule_that_does_nothing_says_why_and_the_next_one_is_done(rule: RequestRule, why: str) -> None:
    first, second = steps_of(rule, a_rule(2, cool))
    assert not first.applied
    assert (first.why or "").startswith(why)
    assert first.ends is None
    assert second.applied


@pytest.mark.parametrize(
    ("rule", "ends", "why"),
    [
        (a_rule(4, find), "blocked", Blocked.default_message),
        (a_rule(4, fail), "failed", "It cannot be done: 'messages' is no list."),
        (a_rule(4, cool, When(RuleError("no number"))), "failed", "It cannot be done: no number."),
    ],
)
def test_a_rule_that_ends_the_request_says_so_and_none_comes_behind_it(rule: RequestRule, ends: str, why: str) -> None:
    first, second = steps_of(rule, a_rule(5, cool))
    assert (first.ends, first.why) == (ends, why)
    assert (second.applied, second.why) == (False, "A rule before it ends the request.")


def test_what_was_found_is_told_as_a_decision_record_does() -> None:
    assert steps_of(a_rule(4, find))[0].found == ("rule 4: blocked email, once",)


@pytest.mark.parametrize("act", [system, inject, label])
def test_an_operation_without_such_a_thing_is_said(act: Act) -> None:
    (step,) = steps_of(a_rule(1, act), operation=Operation.EMBEDDINGS, body=b'{"model":"m","input":"a"}')
    assert (step.applied, step.why) == (False, "This operation has no such thing.")


ANSWER = b'{"id":"x","system_fingerprint":"fp"}'


def shape(body: bytes, answer: AnswerRules) -> bytes:
    """A small shaper: fields dropped and metadata."""
    told = {name: value for name, value in json.loads(body).items() if (name,) not in answer.drop}
    if any(pipe is refuse for pipe in answer.pipes):
        raise Blocked
    return json.dumps(told | ({"metadata": dict(answer.metadata)} if answer.metadata else {})).encode()


def refuse(tally: Tally) -> Any:
    raise AssertionError("never made here")


def answered(*rules: ResponseRule, body: bytes | None = ANSWER) -> tuple[tuple[Step, ...], Any]:
    told = preview_answer(RuleSet("[]", "", (), rules), Known(), ANSWERING, shape, body)
    return told.steps, None if told.body is None else json.loads(told.body)


DROP = ResponseRule(1, "drop", DropFields((("system_fingerprint",),)))
ADD = ResponseRule(2, "add_metadata", AddMetadata({"by": Text()}))


def test_rules_of_answers_say_what_each_adds_to_those_before_it() -> None:
    (first, second), body = answered(DROP, ADD)
    assert first.changes == (Change("system_fingerprint", "fp", UNSET),)
    assert second.changes == (Change("metadata", UNSET, {"by": "trial"}),)
    assert (first.on, second.applied) == ("response", True)
    assert body == {"id": "x", "metadata": {"by": "trial"}}


@pytest.mark.parametrize(
    ("rule", "applied", "why"),
    [
        (msgspec.structs.replace(DROP, when=When(False)), False, "Its condition is false"),
        (msgspec.structs.replace(DROP, when=When(RuleError("x")), on_error=OnError.SKIP), False, "It cannot be"),
        (ResponseRule(3, "guardrail", AskHook(HOOK)), False, "An external guardrail"),
        (ResponseRule(3, "normalize", Normalize()), True, "An answer of another form"),
        (ResponseRule(3, "drop", DropFields((("none",),))), True, "Nothing here had to change."),
    ],
)  # fmt: skip
def test_a_rule_that_changes_no_answer_says_why(rule: ResponseRule, applied: bool, why: str) -> None:
    (first, second), body = answered(rule, ADD)
    assert (first.applied, first.ends) == (applied, None)
    assert (first.why or "").startswith(why)
    assert second.changes
    assert body["metadata"] == {"by": "trial"}


def test_a_rule_that_blocks_an_answer_leaves_none() -> None:
    (first, second, third), body = answered(DROP, ResponseRule(2, "block", PipeText(refuse)), ADD)
    assert first.changes
    assert (second.ends, second.why) == ("blocked", Blocked.default_message)
    assert third.why == "A rule before it ends the request."
    assert body is None


def test_a_rule_that_fails_ends_the_answer() -> None:
    (step,), body = answered(msgspec.structs.replace(DROP, when=When(RuleError("x"))))
    assert (step.ends, step.why) == ("failed", "It cannot be done: x.")
    assert body is None


def test_without_an_answer_it_is_said_which_rules_would_be_done() -> None:
    (first, second), body = answered(DROP, msgspec.structs.replace(ADD, when=When(False)), body=None)
    assert (first.applied, first.why) == (True, "It would be done to the answer; give one as 'response' to see it.")
    assert not second.applied
    assert body is None
