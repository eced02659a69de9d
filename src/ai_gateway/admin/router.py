"""The router seen from outside: shares, breakers, and what an on-call engineer looks at first.

Everything here is read from the snapshot and the living endpoints, so it costs no SQL and shows what the data plane
really does. What nothing decides yet is said as it is: health comes from traffic, and every breaker is closed.
"""

from typing import Final

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.routing import Route
from ai_gateway.domain.config import Candidate, Course, Endpoint, Tenant


async def read_stats(desk: TenantDesk) -> Answer:
    """Each pool with its members' shares and live numbers. Members without a config have none and are left out."""
    return {"pools": _pools(desk)}


async def read_breakers(desk: TenantDesk) -> Answer:
    """The breaker of every known endpoint."""
    return {"data": _breakers(desk), "has_more": False, "next_cursor": None}


async def read_dashboard(desk: TenantDesk) -> Answer:
    """One call with what matters first."""
    pools = _pools(desk)
    return {
        "status": _status(pools),
        "pools": pools,
        "circuit_breakers": _breakers(desk),
        "queues": [],
        "budgets_near_limit": [],
        "recent_transitions": [],
        "generated_at": show_instant(desk.doors.now()),
    }


def _tenant(desk: Desk) -> Tenant | None:
    tenants = desk.doors.snapshot().tenants
    return next((tenant for tenant_id, tenant in tenants.items() if tenant_id == desk.tenant_id), None)


def _pools(desk: Desk) -> list[Answer]:
    tenant = _tenant(desk)
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
        "healthy": True,
        "health_source": "traffic",
    }


def _breakers(desk: Desk) -> list[Answer]:
    tenant = _tenant(desk)
    if tenant is None:
        return []
    return [_describe_breaker(tenant.endpoints[name]) for name in sorted(tenant.endpoints)]


def _describe_breaker(endpoint: Endpoint) -> Answer:
    return {
        "provider": endpoint.name,
        "type": str(endpoint.provider),
        "model": None,
        "state": "CLOSED",
        "failures": 0,
        "successes": 0,
        "opened_at": None,
        "next_probe_at": None,
        "forced": False,
        "reason": None,
    }


def _status(pools: list[Answer]) -> str:
    """Down: no pool has a member that can be picked. Degraded: some pool has none."""
    empty = [pool for pool in pools if not pool["providers"]]
    if not empty:
        return "healthy"
    return "down" if len(empty) == len(pools) else "degraded"


ROUTES: Final = (
    Route("GET", "/router/load-balancer/stats", read_stats, Permission.READ),
    Route("GET", "/router/circuit-breakers", read_breakers, Permission.READ),
    Route("GET", "/router/health-dashboard", read_dashboard, Permission.READ),
)
