"""Routes: another name for a pool, with rules of its own. Routes and pools share one namespace, as clients write
either into `model`."""

from typing import Annotated, Any, Final

from pydantic import Field

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer, flag_unenforced
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.fields import Body, FreeForm, RouteName, merged
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import deleted, find_named
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.refusals import conflict, invalid, missing
from ai_gateway.admin.routing import Route
from ai_gateway.admin.traffic_fields import (
    CacheBody,
    OnContentFilterWord,
    OnDisconnectWord,
    OnStreamCutWord,
    RetriesBody,
    TimeoutsBody,
    rebuilt,
)
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import PoolRow, RouteRow, new_id

_OPTIONS: Final = (
    "timeouts",
    "retries",
    "on_stream_cut",
    "on_content_filter",
    "on_disconnect",
    "drop_unsupported",
    "hide_providers",
    "cache",
)


class RouteBody(Body):
    """What a route says of `timeouts`, `retries` and `on_stream_cut` goes over what its pool says. `on_content_filter`
    "fallback": a request that a provider's filter refused is tried elsewhere. `on_disconnect` "drain": a stream whose
    caller has left is heard out for at most 5 seconds and 512 tokens, so that the bill is the provider's own. `cache`:
    whole answers are given again to who asks exactly the same. `drop_unsupported`: what a provider of another dialect
    cannot say is left out, and told in `x-gateway-dropped`, instead of refused (400). `hide_providers`: no header and
    no error tells the caller who served or refused a request; its decision record tells the administrators. `rules` are
    kept as they are given."""

    name: RouteName
    pool: RouteName
    timeouts: TimeoutsBody | None = None
    retries: RetriesBody | None = None
    on_stream_cut: OnStreamCutWord | None = None
    on_content_filter: OnContentFilterWord | None = None
    on_disconnect: OnDisconnectWord | None = None
    drop_unsupported: bool | None = None
    hide_providers: bool | None = None
    cache: CacheBody | None = None
    rules: Annotated[list[FreeForm], Field(max_length=200)] = Field(default_factory=list[dict[str, Any]])


class RoutePatch(RouteBody):
    name: RouteName = "unset"
    pool: RouteName = "unset"


async def list_routes(desk: TenantDesk, page: Paged) -> Answer:
    """The routes of the tenant, oldest first."""
    async with desk.reading() as unit:
        return await list_rows(unit, RouteRow, desk.tenant_id, page, describe)


async def create_route(desk: TenantDesk, body: RouteBody) -> Answer:
    """A new route. An existing name is refused (409)."""
    async with desk.changing() as change:
        row = await place(change, desk, body, None)
    return describe(row)


async def read_route(desk: TenantDesk, row_id: str) -> Answer:
    """One route, by id or name."""
    async with desk.reading() as unit:
        return describe(await _fetch(unit, desk, row_id))


async def replace_route(desk: TenantDesk, row_id: str, body: RouteBody) -> Answer:
    """The route as the body says; what the body leaves out is reset."""
    async with desk.changing() as change:
        row = await place(change, desk, body, await _fetch(change.unit, desk, row_id))
    return describe(row)


async def update_route(desk: TenantDesk, row_id: str, body: RoutePatch) -> Answer:
    """Only the fields that the body has."""
    async with desk.changing() as change:
        old = await _fetch(change.unit, desk, row_id)
        row = await place(change, desk, merged(body_of(old), body), old)
    return describe(row)


async def delete_route(desk: TenantDesk, row_id: str) -> Answer:
    """The name leads nowhere from now on."""
    async with desk.changing() as change:
        row = await _fetch(change.unit, desk, row_id)
        await remove(change, row)
    return deleted(row)


async def place(change: Change, desk: Desk, body: RouteBody, old: RouteRow | None) -> RouteRow:
    """Insert or overwrite a route. Raises InvalidRequest (409, 422), Conflict."""
    if await change.unit.find(PoolRow, desk.tenant_id, group_name=body.name):
        raise conflict("A pool has this name; pools and routes share one namespace.", param="name")
    if not await change.unit.find(PoolRow, desk.tenant_id, group_name=body.pool):
        raise invalid("pool", "there is no such pool.")
    row = RouteRow(
        id=new_id(RouteRow.prefix, change.now) if old is None else old.id,
        tenant_id=desk.tenant_id,
        created_at=change.now if old is None else old.created_at,
        name=body.name,
        pool=body.pool,
        rules=tuple(body.rules),
        options=body.model_dump(include=set(_OPTIONS), exclude_none=True),
    )
    if old is None:
        await change.insert(row)
    elif row != old:
        await change.replace(row)
    return row


async def remove(change: Change, row: RouteRow) -> None:
    await change.delete(row)


async def _fetch(unit: Unit, desk: Desk, row_id: str) -> RouteRow:
    row = await find_named(unit, RouteRow, desk.tenant_id, "name", row_id)
    if row is None:
        raise missing("route")
    return row


def body_of(row: RouteRow) -> RouteBody:
    options = row.options
    return RouteBody.model_construct(
        name=row.name,
        pool=row.pool,
        rules=list(row.rules),
        timeouts=rebuilt(TimeoutsBody, options.get("timeouts")),
        retries=rebuilt(RetriesBody, options.get("retries")),
        on_stream_cut=options.get("on_stream_cut"),
        on_content_filter=options.get("on_content_filter"),
        on_disconnect=options.get("on_disconnect"),
        drop_unsupported=options.get("drop_unsupported"),
        hide_providers=options.get("hide_providers"),
        cache=rebuilt(CacheBody, options.get("cache")),
    )


def describe(row: RouteRow) -> Answer:
    answer = {
        "id": row.id,
        "name": row.name,
        "pool": row.pool,
        "rules": list(row.rules),
        **row.options,
        "created_at": show_instant(row.created_at),
    }
    return flag_unenforced(answer, ["rules"] if row.rules else [])


ROUTES: Final = (
    Route("GET", "/routes", list_routes, Permission.READ),
    Route("POST", "/routes", create_route, Permission.CHANGE, status=201),
    Route("GET", "/routes/{row_id}", read_route, Permission.READ),
    Route("PUT", "/routes/{row_id}", replace_route, Permission.CHANGE),
    Route("PATCH", "/routes/{row_id}", update_route, Permission.CHANGE),
    Route("DELETE", "/routes/{row_id}", delete_route, Permission.CHANGE),
)
