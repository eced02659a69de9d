"""Pools: the endpoints that serve one model name together.

A pool is named by its group, and POST on a group that is there replaces it: the same curl line works twice. A member
may name a config that does not exist yet; it is kept, listed as unconfigured, never picked, and the answer warns.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from fastapi.responses import JSONResponse
from pydantic import Field

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.fallbacks import check_fallbacks, still_falling_back_on
from ai_gateway.admin.fields import Body, ConfigName, RouteName, Text
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import deleted, find_named
from ai_gateway.admin.paging import Paged, listing
from ai_gateway.admin.provider_fields import Priority, Weight
from ai_gateway.admin.refusals import conflict, invalid, missing
from ai_gateway.admin.routing import Route
from ai_gateway.admin.traffic_fields import (
    BreakerBody,
    Groups,
    OnStreamCutWord,
    QueueBody,
    RetriesBody,
    StickyBy,
    TimeoutsBody,
)
from ai_gateway.domain.config import Ownership
from ai_gateway.store.courses import member_model
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import EnhancedProviderConfig, PoolRow, RouteRow, new_id

_OPTIONS: Final = (
    "fallbacks",
    "circuit_breaker",
    "timeouts",
    "retries",
    "on_stream_cut",
    "queue",
    "sticky_by",
)


class MemberBody(Body):
    """`priority`: the order of the strategy of that name, lowest first; the config's where it is left out."""

    name: ConfigName
    weight: Weight = 1
    model: Text | None = None
    priority: Priority | None = None


class PoolBody(Body):
    """`fallbacks`: left out, the tenant's `default_fallbacks` hold; an empty list means none at all."""

    group_name: RouteName
    providers: Annotated[list[MemberBody], Field(min_length=1, max_length=1000)]
    strategy: Literal[
        "weighted_round_robin",
        "round_robin",
        "least_connections",
        "least_latency",
        "random",
        "p2c",
        "priority",
    ] = "weighted_round_robin"
    fallbacks: Groups | None = None
    circuit_breaker: BreakerBody | None = None
    timeouts: TimeoutsBody | None = None
    retries: RetriesBody | None = None
    on_stream_cut: OnStreamCutWord | None = None
    queue: QueueBody | None = None
    sticky_by: StickyBy | None = None


class PoolReplacement(PoolBody):
    """On PUT the group stands in the address; in the body it may be left out."""

    group_name: RouteName = "unset"


class _Config(msgspec.Struct, frozen=True):
    models: tuple[str, ...]
    enabled: bool


async def list_pools(desk: TenantDesk, page: Paged) -> Answer:
    """The pools of the tenant, oldest first."""
    async with desk.reading() as unit:
        configs = await _configs(unit, desk)
        rows = await unit.page(PoolRow, desk.tenant_id, after=page.after, limit=page.limit + 1)
    return listing([describe(row, configs) for row in rows], [row.id for row in rows], page.limit)


async def put_pool(desk: TenantDesk, body: PoolBody) -> JSONResponse:
    """A new pool (201), or another one in place of the group that is there (200)."""
    return await _put(desk, body)


async def read_pool(desk: TenantDesk, group: str) -> Answer:
    """One pool, by group name or id."""
    async with desk.reading() as unit:
        return describe(await _fetch(unit, desk, group), await _configs(unit, desk))


async def replace_pool(desk: TenantDesk, group: RouteName, body: PoolReplacement) -> JSONResponse:
    """As POST, with the group in the address."""
    async with desk.reading() as unit:
        row = await find_named(unit, PoolRow, desk.tenant_id, "group_name", group)
    name = row.group_name if row is not None else group
    if "group_name" in body.model_fields_set and body.group_name != name:
        raise invalid("group_name", "is not the group in the address; a group cannot be renamed.")
    return await _put(desk, body.model_copy(update={"group_name": name}))


async def delete_pool(desk: TenantDesk, group: str) -> Answer:
    """Refused (409) while a route leads to it; fallbacks that name it are warned of."""
    async with desk.changing() as change:
        row = await _fetch(change.unit, desk, group)
        await remove(change, row)
        warnings = await still_falling_back_on(change.unit, desk.tenant_id, row.group_name)
    return {**deleted(row), "warnings": warnings} if warnings else deleted(row)


async def _put(desk: Desk, body: PoolBody) -> JSONResponse:
    async with desk.changing() as change:
        there = await change.unit.find(PoolRow, desk.tenant_id, group_name=body.group_name)
        row, warnings = await place(change, desk, body, there[0] if there else None)
        warnings += await check_fallbacks(change.unit, desk.tenant_id, body.fallbacks or (), param="fallbacks")
        configs = await _configs(change.unit, desk)
    answer = describe(row, configs)
    if warnings:
        answer["warnings"] = warnings
    return JSONResponse(answer, status_code=200 if there else 201)


async def place(change: Change, desk: Desk, body: PoolBody, old: PoolRow | None) -> tuple[PoolRow, list[str]]:
    """Insert or overwrite a pool; the texts warn of members that are not there yet. Raises InvalidRequest (409, 422).
    Whether the fallbacks end is for the caller to check, when all that it changes is written."""
    if await change.unit.find(RouteRow, desk.tenant_id, name=body.group_name):
        raise conflict("A route has this name; pools and routes share one namespace.", param="group_name")
    warnings = _check_members(body, await _configs(change.unit, desk))
    row = PoolRow(
        id=new_id(PoolRow.prefix, change.now) if old is None else old.id,
        tenant_id=desk.tenant_id,
        created_at=change.now if old is None else old.created_at,
        group_name=body.group_name,
        strategy=body.strategy,
        members=tuple(member.model_dump(exclude_none=True) for member in body.providers),
        options=body.model_dump(include=set(_OPTIONS), exclude_none=True),
    )
    if old is None:
        await change.insert(row)
    elif row != old:
        await change.replace(row)
    return row, warnings


async def remove(change: Change, row: PoolRow) -> None:
    """Raises InvalidRequest (409) while a route leads to it."""
    users = await change.unit.find(RouteRow, row.tenant_id, pool=row.group_name)
    if users:
        raise conflict(f"The pool '{row.group_name}' is in use by route {', '.join(route.name for route in users)}.")
    await change.delete(row)


def _check_members(body: PoolBody, configs: Mapping[str, _Config]) -> list[str]:
    named = [(member.name, member.model) for member in body.providers]
    if len(set(named)) != len(named):
        raise invalid("providers", "must not name the same member twice.")
    if not any(member.weight for member in body.providers):
        raise invalid("providers", "must have a member with a weight above 0.")
    warnings: list[str] = []
    for place_in_list, member in enumerate(body.providers):
        config = configs.get(member.name)
        if config is None:
            warnings.append(f"'{member.name}' names no provider config; it is skipped until there is one.")
        elif member_model(body.group_name, member.model, config.models) is None:
            raise invalid(
                f"providers.{place_in_list}.model",
                f"'{member.name}' serves neither '{body.group_name}' nor exactly one model; say which with 'model'.",
            )
    return warnings


async def _configs(unit: Unit, desk: Desk) -> dict[str, _Config]:
    """What members may name: the tenant's configs, and the system ones that the snapshot lends it."""
    configs: dict[str, _Config] = {}
    for tenant_id, tenant in desk.doors.snapshot().tenants.items():
        if tenant_id == desk.tenant_id:
            lent = [endpoint for endpoint in tenant.endpoints.values() if endpoint.ownership is Ownership.SYSTEM]
            configs = {endpoint.name: _Config(models=endpoint.models, enabled=True) for endpoint in lent}
    for row in await unit.find(EnhancedProviderConfig, desk.tenant_id):
        configs[row.name] = _Config(models=row.models, enabled=row.enabled)
    return configs


async def _fetch(unit: Unit, desk: Desk, group: str) -> PoolRow:
    row = await find_named(unit, PoolRow, desk.tenant_id, "group_name", group)
    if row is None:
        raise missing("pool")
    return row


def body_of(row: PoolRow) -> dict[str, Any]:
    """A pool as the body that makes it."""
    return {"group_name": row.group_name, "providers": list(row.members), "strategy": row.strategy, **row.options}


def describe(row: PoolRow, configs: Mapping[str, _Config]) -> Answer:
    return {
        "id": row.id,
        "group_name": row.group_name,
        "strategy": row.strategy,
        "providers": [_describe_member(row.group_name, member, configs) for member in row.members],
        **row.options,
        "created_at": show_instant(row.created_at),
    }


def _describe_member(group_name: str, member: dict[str, Any], configs: Mapping[str, _Config]) -> Answer:
    config = configs.get(cast(str, member["name"]))
    model: str | None = member.get("model")
    status = "unconfigured"
    if config is not None:
        model = member_model(group_name, model, config.models)
        status = "unconfigured" if model is None else "ready" if config.enabled else "disabled"
    said = {name: member[name] for name in ("priority",) if name in member}
    return {"name": member["name"], "weight": member["weight"], "model": model, **said, "status": status}


_POOLS: Final = "/router/load-balancer/pools"

ROUTES: Final = (
    Route("GET", _POOLS, list_pools, Permission.READ),
    Route("POST", _POOLS, put_pool, Permission.CHANGE, status=201),
    Route("GET", _POOLS + "/{group}", read_pool, Permission.READ),
    Route("PUT", _POOLS + "/{group}", replace_pool, Permission.CHANGE),
    Route("DELETE", _POOLS + "/{group}", delete_pool, Permission.CHANGE),
)
