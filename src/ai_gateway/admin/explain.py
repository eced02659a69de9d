"""Where a request would go, without sending one: for a route, a pool or a model, as this tenant's callers write it."""

from typing import Final, Literal

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.fields import Body, Text
from ai_gateway.admin.lookup import find_named
from ai_gateway.admin.refusals import missing
from ai_gateway.admin.routing import Route
from ai_gateway.admin.standing import describe_breaker, tenant_of, verdict_of
from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import Candidate, Course
from ai_gateway.domain.faults import NotFound
from ai_gateway.policy.circuit_breaker import State
from ai_gateway.policy.explanation import Explanation, Facts, MemberPart, TierPart, explain
from ai_gateway.policy.health import Source
from ai_gateway.policy.routing import resolve
from ai_gateway.providers import codec_for
from ai_gateway.providers.kinds import KINDS
from ai_gateway.store.rows import PoolRow, RouteRow

_SPOKEN: Final = {
    "openai": (Dialect.OPENAI, Operation.CHAT),
    "anthropic": (Dialect.ANTHROPIC, Operation.MESSAGES),
}


class ExplainBody(Body):
    """The hypothetical request. `affinity`: the user or session by which a sticky pool keeps its callers together."""

    dialect: Literal["openai", "anthropic"] = "openai"
    affinity: Text | None = None


async def explain_route(desk: TenantDesk, row_id: str, body: ExplainBody | None = None) -> Answer:
    """Who would be asked first, with which chance, and why the others would not. No call is made."""
    asked = body or ExplainBody()
    course = await course_called(desk, row_id)
    explanation = explain(
        course, lambda candidate: _facts(desk, candidate, asked.dialect), desk.doors.now(), asked.affinity
    )
    return _describe(desk, course, explanation)


async def course_called(desk: Desk, row_id: str) -> Course:
    """By the id of a route or a pool, else as a caller's `model`."""
    tenant = tenant_of(desk)
    if tenant is None:
        raise missing("route")
    async with desk.reading() as unit:
        route = await find_named(unit, RouteRow, desk.tenant_id, "name", row_id)
        pool = None if route is not None else await find_named(unit, PoolRow, desk.tenant_id, "group_name", row_id)
    name = route.name if route is not None else pool.group_name if pool is not None else row_id
    try:
        return resolve(tenant, name)
    except NotFound:
        raise missing("route") from None


def _facts(desk: Desk, candidate: Candidate, dialect: str) -> Facts:
    endpoint = candidate.endpoint
    live = desk.doors.observe(endpoint.id)
    breaker = desk.doors.oncall.breakers.view(endpoint.id)
    verdict = verdict_of(desk, endpoint)
    obstacles: list[str] = []
    spoken, operation = _SPOKEN[dialect]
    if codec_for(KINDS[endpoint.provider], spoken, operation) is None:
        obstacles.append("It does not speak this API.")
    if endpoint.credential_problem is not None:
        obstacles.append(endpoint.credential_problem)
    if not candidate.weight:
        obstacles.append("Its weight is 0.")
    if verdict.source is Source.MANUAL and not verdict.healthy:
        obstacles.append(f"An operator took it out of service{_because(verdict.reason)}")
    if verdict.source is Source.CHECK and not verdict.healthy:
        obstacles.append(f"Its health checks fail{_because(verdict.reason)}")
    others = bool(obstacles)
    if breaker.state is State.OPEN:
        obstacles.append(f"Its breaker is open{_because(breaker.reason)}")
    if breaker.quarantined:
        obstacles.append("The provider refuses its key.")
    elif breaker.resting_until is not None:
        obstacles.append("The provider limits its rate.")
    others = others or breaker.forced or breaker.resting_until is not None
    return Facts(
        obstacles=tuple(obstacles),
        waits_only=bool(obstacles) and not others,
        active=live.active_requests,
        first_token_ms=live.ttft_ms.get("ewma") or live.latency_ms.get("ewma"),
    )


def _because(reason: str | None) -> str:
    return "." if not reason else f": {reason.rstrip('.')}."


def _describe(desk: Desk, course: Course, explanation: Explanation) -> Answer:
    picked = explanation.picked
    return {
        "name": course.name,
        "route": course.route,
        "pool": course.pool,
        "picked": None if picked is None else {"endpoint": picked.endpoint.name, "model": picked.model},
        "panic": explanation.is_panic,
        "tiers": [_describe_tier(desk, tier) for tier in explanation.tiers],
    }


def _describe_tier(desk: Desk, part: TierPart) -> Answer:
    return {
        "pool": part.tier.pool,
        "strategy": part.tier.strategy.value,
        "sticky_by": part.tier.sticky_by,
        "candidates": [_describe_member(desk, member) for member in part.members],
    }


def _describe_member(desk: Desk, member: MemberPart) -> Answer:
    candidate = member.candidate
    verdict = verdict_of(desk, candidate.endpoint)
    return {
        "endpoint": candidate.endpoint.name,
        "provider": candidate.endpoint.provider.value,
        "model": candidate.model,
        "weight": candidate.weight,
        "priority": candidate.priority,
        "chance_percent": round(100 * member.chance, 1),
        "why_not": list(member.facts.obstacles),
        "healthy": verdict.healthy,
        "health_source": verdict.source.value,
        "breaker": describe_breaker(desk, candidate.endpoint)["state"],
        "active_requests": member.facts.active,
        "first_token_ms": member.facts.first_token_ms,
    }


ROUTES: Final = (Route("POST", "/routes/{row_id}/explain", explain_route, Permission.READ),)
