"""Where external guardrails stand on the line: before a request is sent, before a whole answer is given, and in a
stream window by window. What they are shown and what they may change are the texts that every rule sees; they are
found, and put back, by the same forms, which are asked with pipes that only listen, and then with pipes that speak.

A stream waits at its guardrail: events are held until there is a window's worth of text, and go on when it says so. The
last bytes of a stream wait too, so nothing was ever given out that was not shown before.
"""

from collections.abc import Iterable, Iterator
from typing import final

import msgspec

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.faults import Blocked, Fault, RuleFailed
from ai_gateway.domain.rules import AnswerRules, Hook, RequestForm, RequestRule, RuleError, Tally, TextPipe
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.journey import Journey
from ai_gateway.policy.request_facts import RequestFacts
from ai_gateway.policy.request_transformer import give_way
from ai_gateway.providers.shaping.tables import event_shaper, shape_reply, texts_of_events, texts_of_reply
from ai_gateway.runtime.guardrails import Finding, Inquiry, Phase, Verdict


async def guard_request(doors: Doors, rule: RequestRule, form: RequestForm, facts: RequestFacts, tally: Tally) -> None:
    """Raises Blocked, RuleError."""
    assert rule.hook is not None, "asked only for guardrails"
    inquiry = Inquiry(
        phase=Phase.REQUEST,
        request_id=facts.call.head.request_id,
        tenant_id=facts.tenant.id,
        route=facts.course.route or facts.course.name,
        texts=form.texts(),
    )
    found = _judged(await doors.guardrails.ask(rule.hook, inquiry), rule.number, tally)
    if found.verdict is Verdict.REDACT:
        speaking = _speaking(found.texts)
        form.rewrite(lambda: next(speaking))


async def guard_whole(doors: Doors, journey: Journey, answer: AnswerRules, body: bytes) -> tuple[bytes, Fault | None]:
    """A whole answer that every guardrail let go, in the order of the rules, and why it may not be given, if so."""
    if not answer.hooks:
        return body, None
    operation = journey.admitted.head.operation
    shape = shape_reply(operation)
    asked = _asked_of(journey, Phase.RESPONSE)
    try:
        for number, hook in answer.hooks:
            texts = texts_of_reply(operation, body)
            found = await _ask(doors, hook, number, answer.tally, with_texts(asked, texts))
            if found.verdict is Verdict.REDACT:
                body = shape(body, _speaking_rules(found.texts))
    except (Blocked, RuleFailed) as refusal:
        return body, refusal
    return body, None


def guard_of_stream(doors: Doors, journey: Journey) -> "StreamGuard | None":
    """None where nobody has to be asked."""
    answer = journey.shaped.answer
    if answer is None or not answer.hooks:
        return None
    return StreamGuard(doors, answer, _asked_of(journey, Phase.STREAM), journey.admitted.head.operation)


def _asked_of(journey: Journey, phase: Phase) -> Inquiry:
    admitted = journey.admitted
    route = journey.shaped.route or journey.plan.course.name
    return Inquiry(phase, admitted.head.request_id, admitted.caller.tenant.id, route, ())


@final
class StreamGuard:
    """Holds a stream's events until its guardrails let them go."""

    def __init__(self, doors: Doors, answer: AnswerRules, asked: Inquiry, operation: Operation) -> None:
        self._doors = doors
        self._answer = answer
        self._asked = asked
        self._operation = operation
        self._most = min(hook.window for _, hook in answer.hooks)
        self._held: list[bytes] = []
        self._letters = 0
        self._windows = 0
        self._before = ""

    async def take(self, events: bytes) -> bytes:
        """Whole events in; what may go out now, perhaps nothing. Raises Blocked, RuleFailed."""
        if events:
            self._held.append(events)
            self._letters += sum(map(len, self._texts(events)))
        return await self._let_go(final=False) if self._letters >= self._most else b""

    async def finish(self, tail: bytes) -> bytes:
        """The rest, with the stream's last events."""
        self._held.append(tail)
        return await self._let_go(final=True)

    async def _let_go(self, *, final: bool) -> bytes:
        events = b"".join(self._held)
        self._held.clear()
        self._letters = 0
        for number, hook in self._answer.hooks:
            texts = self._texts(events)
            if not any(texts):
                continue
            asked = with_texts(self._asked, texts, context=self._before, window=self._windows, final=final)
            found = await _ask(self._doors, hook, number, self._answer.tally, asked)
            if found.verdict is Verdict.REDACT:
                events = self._shaped(events, _speaking_rules(found.texts))
        self._windows += 1
        self._before = (self._before + "".join(self._texts(events)))[-self._most :]
        return events

    def _texts(self, events: bytes) -> tuple[str, ...]:
        return texts_of_events(self._operation, events)

    def _shaped(self, events: bytes, rules: AnswerRules) -> bytes:
        return event_shaper(self._operation, rules).feed(events)


def with_texts(
    asked: Inquiry, texts: tuple[str, ...], *, context: str = "", window: int = 0, final: bool = True
) -> Inquiry:
    return msgspec.structs.replace(asked, texts=texts, context=context, window=window, final=final)


async def _ask(doors: Doors, hook: Hook, number: int, tally: Tally, inquiry: Inquiry) -> Finding:
    """Raises Blocked, RuleFailed."""
    try:
        return _judged(await doors.guardrails.ask(hook, inquiry), number, tally)
    except RuleError as error:
        give_way(number, hook.on_error, error, tally)
        return Finding(Verdict.PASS)


def _judged(found: Finding, number: int, tally: Tally) -> Finding:
    why = f" ({found.reason})" if found.reason else ""
    if found.verdict is Verdict.BLOCK:
        tally.found(number, f"blocked by the guardrail{why}")
        raise Blocked
    if found.verdict is Verdict.REDACT:
        tally.found(number, f"redacted by the guardrail{why}")
    return found


@final
class _Speaking:
    """A pipe that says something else."""

    def __init__(self, text: str) -> None:
        self._text = text

    def feed(self, text: str) -> str:
        said, self._text = self._text, ""
        return said

    def end(self) -> str:
        return self.feed("")


def _speaking(texts: Iterable[str]) -> Iterator[TextPipe]:
    """As many pipes as there are texts; whatever else is asked for says nothing."""
    for text in texts:
        yield _Speaking(text)
    while True:
        yield _Speaking("")


def _speaking_rules(texts: Iterable[str]) -> AnswerRules:
    speaking = _speaking(texts)
    return AnswerRules(pipes=(lambda _tally: next(speaking),))
