"""The router seen from outside: shares, numbers, and what an on-call engineer looks at first.

Everything here is read from the snapshot and the living endpoints, so it answers while the database is away and shows
what the data plane really does; only budgets near their limit are also looked for in SQL, for those that others have
seen.
"""

from typing import Final

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.budget_sources import near_limit
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.routing import Route
from ai_gateway.admin.standing import describe_breaker, endpoints_of, tenant_of, verdict_of
from ai_gateway.domain.config import Candidate, Course
from ai_gateway.runtime.breakers import CircuitMoved
from ai_gateway.runtime.waiting_room import RoomStanding

RECENT: Final = 50


async def read_stats(desk: TenantDesk) -> Answer:
    """Each pool with its members' shares and live numbers. Members without a config have none and are left out."""
    return {"pools": _pools(desk)}


async def read_dashboard(desk: TenantDesk) -> Answer:
    """One call with what matters first."""
    pools = _pools(desk)
    endpoints = endpoints_of(desk)
    names = {str(it.id): it.name for it in endpoints}
    moves = desk.doors.oncall.transitions.of(desk.tenant_id, RECENT)
    return {
        "status": _status(pools),
        "pools": pools,
        "circuit_breakers": [describe_breaker(desk, endpoint) for endpoint in endpoints],
        "queues": [_describe_queue(room) for room in desk.doors.oncall.waiting(desk.tenant_id)],
        "budgets_near_limit": await _budgets(desk),
        "recent_transitions": [_describe_move(move, names) for move in moves],
        "generated_at": show_instant(desk.doors.now()),
    }


async def _budgets(desk: Desk) -> list[Answer]:
    """What cannot be read is not near: the dashboard is for when things are away."""
    try:
        return (await near_limit(desk))[:RECENT]
    except ConnectionError:
        return []


def _pools(desk: Desk) -> list[Answer]:
    tenant = tenant_of(desk)
    if tenant is None:
        return []
    courses = sorted((course for course in tenant.courses.values() if _is_pool(course)), key=lambda one: one.name)
    return [_describe_pool(desk, course) for course in courses]


def _is_pool(course: Course) -> bool:
    return course.route is None and course.pool is not None


def _describe_pool(desk: Desk, course: Course) -> Answer:
    own = course.tiers[0]
    total = sum(candidate.weight for candidate in own.candidates)
    return {
        "group_name": course.name,
        "strategy": str(own.strategy),
        "providers": [_describe_member(desk, candidate, total) for candidate in own.candidates],
    }


def _describe_member(desk: Desk, candidate: Candidate, total: int) -> Answer:
    view = desk.doors.observe(candidate.endpoint.id)
    verdict = verdict_of(desk, candidate.endpoint)
    return {
        "name": candidate.endpoint.name,
        "model": candidate.model,
        "weight": candidate.weight,
        "share_percent": round(100 * candidate.weight / total, 2) if total else 0.0,
        "requests": view.requests,
        "active_requests": view.active_requests,
        "errors": view.errors,
        "latency_ms": view.latency_ms,
        "ttft_ms": view.ttft_ms,
        "healthy": verdict.healthy,
        "health_source": verdict.source.value,
    }


def _describe_queue(room: RoomStanding) -> Answer:
    return {
        "name": room.name,
        "waiting": room.waiting,
        "max_waiting": room.max_waiting,
        "longest_wait_seconds": round(room.longest_wait_seconds, 3),
        "expected_wait_seconds": room.expected_wait_seconds,
        "served": room.served,
        "refused": room.refused,
        "timed_out": room.timed_out,
        "left": room.left,
    }


def _describe_move(move: CircuitMoved, names: dict[str, str]) -> Answer:
    return {
        "provider": names.get(move.endpoint_id, move.endpoint_id),
        "from": move.before.value,
        "to": move.after.value,
        "forced": move.forced,
        "reason": move.reason,
        "at": show_instant(move.at),
    }


def _status(pools: list[Answer]) -> str:
    """Down: no pool has a healthy member. Degraded: some pool has none, or a member that is not."""
    healthy = [[member["healthy"] for member in pool["providers"]] for pool in pools]
    if all(members and all(members) for members in healthy):
        return "healthy"
    return "degraded" if any(any(members) for members in healthy) else "down"


ROUTES: Final = (
    Route("GET", "/router/load-balancer/stats", read_stats, Permission.READ),
    Route("GET", "/router/health-dashboard", read_dashboard, Permission.READ),
)
