"""An operator's word on an endpoint's health: out of service, or in it, whatever checks and traffic say.

The address names a pool, because that is where an engineer sees the endpoint fail; the word is about the endpoint,
which is the same account and the same machine in every pool, and the answer names the other pools that it is in.
"""

from typing import Annotated, Final

from fastapi import Query

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.fields import Body, Seconds, Text
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import find_named
from ai_gateway.admin.operations import write_down
from ai_gateway.admin.refusals import invalid, missing
from ai_gateway.admin.router_breakers import Provider
from ai_gateway.admin.routing import Route
from ai_gateway.admin.standing import endpoints_of, verdict_of
from ai_gateway.domain.config import Endpoint
from ai_gateway.domain.faults import NotFound
from ai_gateway.policy.health import Override
from ai_gateway.store.observations import OverrideRow
from ai_gateway.store.rows import PoolRow


class HealthBody(Body):
    """`healthy` null takes the word back; without `for_seconds` it holds until then."""

    healthy: bool | None
    reason: Text | None = None
    for_seconds: Seconds | None = None


async def put_health(
    desk: TenantDesk,
    group: str,
    provider: Provider,
    body: HealthBody | None = None,
    healthy: Annotated[bool | None, Query(description="Instead of a body.")] = None,
) -> Answer:
    """Overrides checks and traffic until it is taken back. The answer lists what moved."""
    if body is None and healthy is None:
        raise invalid("healthy", 'is missing: send {"healthy": false}, or ?healthy=false, or {"healthy": null}.')
    asked = body or HealthBody(healthy=healthy)
    endpoints, others = await _members_called(desk, group, provider)
    word = _word(asked, desk.doors.now())
    for endpoint in endpoints:
        desk.doors.oncall.healths.override(endpoint.id, word, desk.doors.now())
    detail = {"healthy": asked.healthy, "reason": asked.reason, "for_seconds": asked.for_seconds}
    warnings = await write_down(desk, "set_health", endpoints, detail, lambda: _save(desk, endpoints, word))
    answer: Answer = {
        "moved": [endpoint.name for endpoint in endpoints],
        "data": [_describe(desk, endpoint) for endpoint in endpoints],
        "until": None if word is None or word.until is None else show_instant(word.until),
        "also_in": others,
    }
    return {**answer, "warnings": warnings} if warnings else answer


def _word(asked: HealthBody, now: float) -> Override | None:
    if asked.healthy is None:
        return None
    until = None if asked.for_seconds is None else now + asked.for_seconds
    return Override(healthy=asked.healthy, reason=asked.reason, until=until)


async def _members_called(desk: Desk, group: str, provider: str) -> tuple[list[Endpoint], list[str]]:
    """The pool's members of this name, id or type, and the other pools that they are in. Raises NotFound."""
    async with desk.reading() as unit:
        pool = await find_named(unit, PoolRow, desk.tenant_id, "group_name", group)
        if pool is None:
            raise missing("pool")
        pools = await unit.find(PoolRow, desk.tenant_id)
    names = _members(pool)
    members = [it for it in endpoints_of(desk) if it.name in names]
    found = [it for it in members if provider in (it.name, it.id, it.provider.value)]
    if not found:
        listed = ", ".join(it.name for it in members) or "none that is switched on"
        raise NotFound("This pool has no such provider.", action=f"Its providers are: {listed}.", param="provider")
    moved = {it.name for it in found}
    return found, [it.group_name for it in pools if it.id != pool.id and moved & _members(it)]


def _members(pool: PoolRow) -> set[str]:
    return {str(member["name"]) for member in pool.members}


async def _save(desk: Desk, endpoints: list[Endpoint], word: Override | None) -> None:
    history, now = desk.doors.oncall.health_history, desk.doors.now()
    if word is None:
        await history.drop_overrides(desk.tenant_id, [it.id for it in endpoints])
        return
    await history.put_overrides(
        [
            OverrideRow(
                endpoint_id=it.id,
                tenant_id=desk.tenant_id,
                healthy=word.healthy,
                reason=word.reason,
                until=word.until,
                at=now,
            )
            for it in endpoints
        ]
    )


def _describe(desk: Desk, endpoint: Endpoint) -> Answer:
    verdict = verdict_of(desk, endpoint)
    return {
        "name": endpoint.name,
        "healthy": verdict.healthy,
        "health_source": verdict.source.value,
        "reason": verdict.reason,
    }


ROUTES: Final = (Route("PUT", "/router/load-balancer/pools/{group}/health/{provider}", put_health, Permission.CHANGE),)
