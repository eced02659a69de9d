"""What a list of rules would do to a request that nobody sends, told rule by rule.

The very rules are done, on the very form that requests have, with what is known of a caller handed in; so what is shown
is what would happen. The one thing that a preview cannot show is what an external guardrail would say: it is not asked.

Rules of answers work together, each kind at its time. What one of them does is therefore the difference between the
answer with the rules before it and with it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, final

import msgspec

from ai_gateway.domain.faults import Blocked, Fault
from ai_gateway.domain.rules import (
    AnswerRules,
    AskHook,
    Facts,
    Json,
    Normalize,
    OnError,
    Path,
    RequestForm,
    RequestRule,
    ResponseRule,
    RuleError,
    RuleSet,
    Seat,
    SystemMode,
    Tally,
    TextPipe,
    Where,
)
from ai_gateway.policy.json_changes import Change, changes
from ai_gateway.policy.response_transformer import Answering, answer_rules

REQUEST: Final = "request"
RESPONSE: Final = "response"
_CONDITION: Final = "Its condition is false for this request."
_NOTHING: Final = "Nothing here had to change."
_NO_SUCH_THING: Final = "This operation has no such thing."
_HOOK: Final = "An external guardrail is asked about real requests only."
_NORMALIZED: Final = "An answer of another form is written anew when it comes; this one is taken as it is."
_NOT_REACHED: Final = "A rule before it ends the request."
_NO_ANSWER: Final = "It would be done to the answer; give one as 'response' to see it."

Shape = Callable[[bytes, AnswerRules], bytes]


class Step(msgspec.Struct, frozen=True):
    """What one rule did on one side. `why` is there where it did nothing, or ended the request (`ends`: blocked or
    failed). `found`: what it counts in a decision record."""

    number: int
    on: str
    do: str
    applied: bool
    why: str | None = None
    ends: str | None = None
    found: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


class Preview(msgspec.Struct, frozen=True):
    """`fields`: the request's members behind all rules, or behind those up to the one that ended it."""

    steps: tuple[Step, ...]
    fields: dict[str, msgspec.Raw]
    is_ended: bool


class AnswerPreview(msgspec.Struct, frozen=True):
    """`body` None: nothing is given out."""

    steps: tuple[Step, ...]
    body: bytes | None


def preview_request(rules: Sequence[RequestRule], form: RequestForm, facts: Facts) -> Preview:
    steps: list[Step] = []
    is_ended = False
    for rule in rules:
        if is_ended:
            steps.append(Step(rule.number, REQUEST, rule.do, applied=False, why=_NOT_REACHED))
            continue
        step = _done(rule, form, facts)
        steps.append(step)
        is_ended = step.ends is not None
    return Preview(tuple(steps), form.fields(), is_ended)


def preview_answer(
    rules: RuleSet, facts: Facts, answering: Answering, shape: Shape, body: bytes | None
) -> AnswerPreview:
    """`body` None: there is no answer to show them on."""
    steps: list[Step] = []
    told = _shaped((), facts, answering, shape, body)
    for number, rule in enumerate(rules.response):
        if steps and steps[-1].ends is not None:
            steps.append(Step(rule.number, RESPONSE, rule.do, applied=False, why=_NOT_REACHED))
            continue
        now = _shaped(rules.response[: number + 1], facts, answering, shape, body)
        steps.append(_answered(rule, facts, told, now))
        told = now
    return AnswerPreview(tuple(steps), told.body)


class _Told(msgspec.Struct, frozen=True):
    """An answer under some rules, or how they ended it."""

    body: bytes | None = None
    ended: Fault | RuleError | None = None
    notes: tuple[str, ...] = ()


def _done(rule: RequestRule, form: RequestForm, facts: Facts) -> Step:
    step = Step(rule.number, REQUEST, rule.do, applied=False)
    noticing = _Noticing(form)
    tally = Tally()
    before = form.fields()
    try:
        if rule.when is not None and not rule.when.holds(facts):
            return msgspec.structs.replace(step, why=_CONDITION)
        if rule.act is None:
            return msgspec.structs.replace(step, why=_HOOK)
        rule.act(noticing, facts, tally)
    except RuleError as error:
        return _failed(step, rule.on_error, error)
    except Fault as fault:
        return msgspec.structs.replace(step, applied=True, ends=_ending(fault), why=fault.message, found=tally.notes())
    made = tuple(changes(_decoded(before), _decoded(form.fields())))
    why = None if made else _NO_SUCH_THING if noticing.lacks else _NOTHING
    return msgspec.structs.replace(step, applied=not noticing.lacks, why=why, found=tally.notes(), changes=made)


def _answered(rule: ResponseRule, facts: Facts, before: _Told, now: _Told) -> Step:
    step = Step(rule.number, RESPONSE, rule.do, applied=False)
    try:
        if rule.when is not None and not rule.when.holds(facts):
            return msgspec.structs.replace(step, why=_CONDITION)
    except RuleError as error:
        return _failed(step, rule.on_error, error)
    if isinstance(rule.effect, AskHook):
        return msgspec.structs.replace(step, why=_HOOK)
    if isinstance(rule.effect, Normalize):
        return msgspec.structs.replace(step, applied=True, why=_NORMALIZED)
    if isinstance(now.ended, RuleError):
        return _failed(step, rule.on_error, now.ended)
    if now.ended is not None:
        ended = now.ended
        return msgspec.structs.replace(step, applied=True, ends=_ending(ended), why=ended.message, found=now.notes)
    if now.body is None:
        return msgspec.structs.replace(step, applied=True, why=_NO_ANSWER)
    made = () if before.body is None else tuple(changes(_json(before.body), _json(now.body)))
    found = tuple(note for note in now.notes if note not in before.notes)
    return msgspec.structs.replace(step, applied=True, why=None if made else _NOTHING, found=found, changes=made)


def _shaped(
    rules: tuple[ResponseRule, ...], facts: Facts, answering: Answering, shape: Shape, body: bytes | None
) -> _Told:
    if body is None:
        return _Told()
    tally = Tally()
    try:
        answer = answer_rules(rules, facts, tally, answering)
        told = body if answer is None else shape(body, answer)
    except (Fault, RuleError) as ended:
        return _Told(ended=ended, notes=tally.notes())
    return _Told(told, notes=tally.notes())


def _failed(step: Step, on_error: OnError, error: RuleError) -> Step:
    if on_error is OnError.FAIL:
        return msgspec.structs.replace(step, ends="failed", why=f"It cannot be done: {error}.")
    return msgspec.structs.replace(step, why=f"It cannot be done and is skipped: {error}.")


def _ending(fault: Fault) -> str:
    return "blocked" if isinstance(fault, Blocked) else "failed"


def _decoded(fields: dict[str, msgspec.Raw]) -> Json:
    return _json(msgspec.json.encode(fields))


def _json(body: bytes) -> Json:
    try:
        return msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


@final
class _Noticing:
    """A form that remembers whether it was asked for what its operation does not have."""

    def __init__(self, form: RequestForm) -> None:
        self._form = form
        self.lacks = False

    def get(self, path: Path) -> Json:
        return self._form.get(path)

    def put(self, path: Path, value: Json) -> None:
        self._form.put(path, value)

    def drop(self, path: Path) -> bool:
        return self._form.drop(path)

    def rename(self, path: Path, to: str) -> bool:
        return self._form.rename(path, to)

    def system(self, mode: SystemMode, text: str) -> bool:
        is_there = self._form.system(mode, text)
        self.lacks |= not is_there
        return is_there

    def inject(self, seat: Seat, where: Where, text: str) -> bool:
        is_there = self._form.inject(seat, where, text)
        self.lacks |= not is_there
        return is_there

    def tool_names(self) -> tuple[str, ...]:
        return self._form.tool_names()

    def keep_tools(self, keeps: Callable[[str], bool]) -> tuple[str, ...]:
        return self._form.keep_tools(keeps)

    def add_metadata(self, values: Mapping[str, str]) -> bool:
        is_there = self._form.add_metadata(values)
        self.lacks |= not is_there
        return is_there

    def rewrite(self, make: Callable[[], TextPipe], spares: Callable[[str], bool] | None = None) -> None:
        self._form.rewrite(make, spares)

    def texts(self) -> tuple[str, ...]:
        return self._form.texts()

    def fields(self) -> dict[str, msgspec.Raw]:
        return self._form.fields()
