"""What the rules of a route would do to a request, without sending one: before and after, rule by rule.

The rules are compiled and done as they are for traffic, on the caller's own words; nothing leaves this process, and no
external guardrail is asked. It is done beside the loop: neither a stream nor another request waits for a long text.
"""

import asyncio
import json
from typing import Any, Final, Literal

import msgspec
from pydantic import Field

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.explain import course_called
from ai_gateway.admin.fields import Body, FreeForm, Text
from ai_gateway.admin.lookup import find_named
from ai_gateway.admin.refusals import invalid, missing
from ai_gateway.admin.routing import Route
from ai_gateway.admin.rules import RulesField, check_rules
from ai_gateway.admin.standing import tenant_of
from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import Course, KeyDigest, Tenant
from ai_gateway.domain.faults import InvalidRequest, NotFound, Unauthenticated
from ai_gateway.domain.rules import RuleSet
from ai_gateway.domain.secret import Secret
from ai_gateway.domain.traffic import Call, Caller, Head
from ai_gateway.gateway.reading import call_of
from ai_gateway.policy.access import identify
from ai_gateway.policy.json_changes import UNSET, Change
from ai_gateway.policy.request_facts import RequestFacts
from ai_gateway.policy.response_transformer import Answering
from ai_gateway.policy.routing import resolve
from ai_gateway.policy.rule_preview import RESPONSE, AnswerPreview, Preview, Step, preview_answer, preview_request
from ai_gateway.policy.rules import compile_rules
from ai_gateway.providers.shaping.requests import form_of
from ai_gateway.providers.shaping.tables import shape_reply
from ai_gateway.store.rows import ApiKeyRow

REQUEST_ID: Final = "req_preview"
_NO_RULES: Final = RuleSet("[]", "")
_NOT_SENT: Final = "A rule before it ends the request."
_OPERATIONS = Literal["chat", "messages", "count_tokens", "responses", "embeddings", "completions", "images"]


class PreviewBody(Body):
    """`request`: what a caller would send; without a `model` it is the route's. `key`: the id or name of the API key
    that would send it. `rules`: to be tried instead of all that are stored. `response`: an answer, to show the rules of
    answers on it. `budget_used_percent`: assumed instead of what is used."""

    request: FreeForm
    operation: _OPERATIONS = "chat"
    key: Text | None = None
    rules: RulesField | None = None
    response: FreeForm | None = None
    budget_used_percent: int | None = Field(default=None, ge=0, le=100_000)


class _Scene(msgspec.Struct, frozen=True):
    """All that a preview needs of this process: collected first, since the rest is done elsewhere."""

    tenant: Tenant
    course: Course
    rules: RuleSet
    caller: Caller | None
    used_percent: int
    now: float


async def preview_route(desk: TenantDesk, row_id: str, body: PreviewBody) -> Answer:
    """A request before and after the rules of a route, a pool or a model, rule by rule. No call is made."""
    course = await course_called(desk, row_id)
    tenant = tenant_of(desk)
    if tenant is None:
        raise missing("route")
    rules = await _rules(desk, course, body)
    caller = None if body.key is None else await _caller(desk, body.key)
    used = body.budget_used_percent
    if used is None:
        used = 0 if caller is None else await _used_percent(desk, caller)
    scene = _Scene(tenant, course, rules, caller, used, desk.doors.now())
    return await asyncio.to_thread(_preview, scene, body)


async def _rules(desk: Desk, course: Course, body: PreviewBody) -> RuleSet:
    """Raises InvalidRequest (422) for what cannot be compiled."""
    if body.rules is not None:
        await check_rules(desk, body.rules)
        return await asyncio.to_thread(compile_rules, body.rules, "rules", 1, lambda _: Secret(""))
    if course.rules is not None and course.rules.broken is not None:
        raise invalid("rules", f"the stored rules cannot be compiled: {course.rules.broken}")
    return course.rules or _NO_RULES


async def _caller(desk: Desk, key: str) -> Caller:
    """Raises InvalidRequest (422) where no request could be made with it."""
    async with desk.reading() as unit:
        row = await find_named(unit, ApiKeyRow, desk.tenant_id, "name", key)
    if row is None:
        raise invalid("key", "there is no such api key.")
    digest = row.digest
    try:
        return identify(desk.doors.snapshot(), (digest,), lambda _: KeyDigest(digest), desk.doors.now(), {})
    except Unauthenticated as refused:
        raise invalid("key", refused.message) from None


async def _used_percent(desk: Desk, caller: Caller) -> int:
    """Of the fullest limit, as conditions are told."""
    try:
        standings = await desk.doors.budgets.of(caller.limits, desk.doors.now(), caller.tenant.zone)
    except ConnectionError:
        raise invalid("budget_used_percent", "what is used cannot be read at the moment; say it.") from None
    return max(
        (it.spent * 100 // it.limit.amount if it.limit.amount else 100 for it in standings),
        default=0,
    )


def _preview(scene: _Scene, body: PreviewBody) -> Answer:
    operation = Operation(body.operation)
    before = body.request if "model" in body.request else {**body.request, "model": scene.course.name}
    call = _call(operation, before, scene.now)
    is_limited = bool(scene.used_percent) or (scene.caller is not None and bool(scene.caller.limits))
    look = (lambda: scene.used_percent) if is_limited else None
    facts = RequestFacts(call, scene.course, scene.tenant, scene.caller, look)
    asked = preview_request(scene.rules.request, form_of(operation, call.fields), facts)
    answered = _answer(scene, call, facts, body.response)
    ends, goes_to = _end(scene, call, asked)
    names = _names(scene.rules)
    steps = (*asked.steps, *(_not_reached(it) if ends else it for it in answered.steps))
    after = msgspec.json.decode(msgspec.json.encode(asked.fields))
    shown = None if body.response is None or ends else {"before": body.response, "after": _json(answered.body)}
    return {
        "before": before,
        "after": after,
        "rules": [_describe(step, names) for step in steps],
        "response": shown,
        "model": after.get("model"),
        "goes_to": goes_to,
        "ends": ends,
    }


def _call(operation: Operation, body: dict[str, Any], now: float) -> Call:
    """Raises InvalidRequest (422) for what a caller could not send."""
    is_anthropics = operation in (Operation.MESSAGES, Operation.COUNT_TOKENS)
    dialect = Dialect.ANTHROPIC if is_anthropics else Dialect.OPENAI
    head = Head(REQUEST_ID, operation, dialect, received=0.0, received_wall=now)
    fields = msgspec.json.decode(msgspec.json.encode(body), type=dict[str, msgspec.Raw])
    try:
        return call_of(head, fields)
    except InvalidRequest as error:
        raise invalid(f"request.{error.param}" if error.param else "request", error.message) from None


def _answer(scene: _Scene, call: Call, facts: RequestFacts, response: dict[str, Any] | None) -> AnswerPreview:
    hidden_as = call.model if scene.course.hides_models else None
    answering = Answering(REQUEST_ID, int(scene.now), hidden_as)
    body = None if response is None else msgspec.json.encode(response)
    return preview_answer(scene.rules, facts, answering, shape_reply(call.head.operation), body)


def _end(scene: _Scene, call: Call, asked: Preview) -> tuple[Answer | None, Answer | None]:
    """How the request ends before anybody is asked, or who is asked."""
    last = next((step for step in asked.steps if step.ends is not None), None)
    if last is not None:
        return {"rule": last.number, "how": last.ends, "why": last.why}, None
    try:
        ruled = call_of(call.head, asked.fields)
        course = scene.course if ruled.model == call.model else resolve(scene.tenant, ruled.model)
    except (InvalidRequest, NotFound) as error:
        return {"rule": None, "how": "failed", "why": f"After the rules: {error.message}"}, None
    return None, {
        "name": course.name,
        "route": course.route,
        "pool": course.pool,
        "candidates": [
            {"endpoint": it.endpoint.name, "provider": it.endpoint.provider.value, "model": it.model}
            for tier in course.tiers
            for it in tier.candidates
        ],
    }


def _not_reached(step: Step) -> Step:
    return Step(step.number, RESPONSE, step.do, applied=False, why=_NOT_SENT)


def _names(rules: RuleSet) -> dict[int, str | None]:
    """What people called the rules, by their numbers."""
    return {number: rule.get("name") for number, rule in enumerate(json.loads(rules.source), 1)}


def _describe(step: Step, names: dict[int, str | None]) -> Answer:
    return {
        "number": step.number,
        "name": names.get(step.number),
        "on": step.on,
        "do": step.do,
        "applied": step.applied,
        "why": step.why,
        "ends": step.ends,
        "found": list(step.found),
        "changes": [_change(it) for it in step.changes],
    }


def _change(change: Change) -> Answer:
    """A value that is absent is left out."""
    told = {"path": change.path, "before": change.before, "after": change.after}
    return {name: value for name, value in told.items() if value is not UNSET}


def _json(body: bytes | None) -> Any:
    return None if body is None else msgspec.json.decode(body)


ROUTES: Final = (Route("POST", "/routes/{row_id}/preview", preview_route, Permission.READ),)
