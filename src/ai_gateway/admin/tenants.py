"""Tenants: whole customers, made and unmade by the platform; a tenant's own people may read theirs.

A tenant that still has anything in it is not deleted: what hangs from it is somebody's work. Its tokens, revoked keys
and prices go with it; its ledger and audit rows stay.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.changes import Change, name_of
from ai_gateway.admin.desk import Wide, WideDesk
from ai_gateway.admin.error_messages import ErrorMessagesBody, LanguageTag, check_wording, error_messages_of
from ai_gateway.admin.fallbacks import check_fallbacks
from ai_gateway.admin.fields import LimitsBody, Text, Zone, limits_of, merged, sent_limits, stored_limits
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import WORDS, deleted, fetch
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.price_fields import CeilingBody, ceiling_body_of, show_ceiling
from ai_gateway.admin.refusals import conflict, missing
from ai_gateway.admin.routing import Route
from ai_gateway.admin.traffic_fields import FailedAttemptsWord, Groups, QueueBody, dumped, rebuilt
from ai_gateway.policy.wording import ENGLISH
from ai_gateway.store.records import ANY_TENANT, Scope, Unit
from ai_gateway.store.rows import (
    AdminTokenRow,
    ApiKeyRow,
    BudgetRow,
    DepartmentRow,
    EnhancedProviderConfig,
    PoolRow,
    PriceRow,
    RouteRow,
    Row,
    SecretRow,
    TeamRow,
    TenantRow,
    UserRow,
    new_id,
)

_HOLDING: Final[tuple[type[Row], ...]] = (
    DepartmentRow,
    TeamRow,
    UserRow,
    ApiKeyRow,
    EnhancedProviderConfig,
    SecretRow,
    PoolRow,
    RouteRow,
)
_Grant = Literal["openai", "anthropic"]
_GOING_ALONG: Final[tuple[type[Row], ...]] = (ApiKeyRow, AdminTokenRow, PriceRow, BudgetRow)


class TenantBody(LimitsBody):
    """`system_grants`: which of the gateway's own accounts the tenant may use. `default_fallbacks`: the groups behind
    every pool that names none of its own, and behind bare model names. `queue`: requests wait while the tenant's own
    limits are reached. `timezone` (an IANA name) is the calendar of its days and months. `ceiling_price`: what a model
    costs whose price nobody knows. `stored_responses`: whether responses are kept, sealed, for who reads one
    again or goes on from it. `failed_attempts`: whether an attempt that failed before its caller had anything is booked
    only as far as the provider "reported" usage, or also, "estimated", where it took the request and may bill it.
    `language`: in which callers are told of errors, as far as its file has the words; `error_messages` are the tenant's
    own words, which go first."""

    name: Text
    enabled: bool = True
    system_grants: Annotated[list[_Grant], Field(max_length=2)] = Field(default_factory=list[_Grant])
    default_fallbacks: Groups = Field(default_factory=list[str])
    queue: QueueBody | None = None
    timezone: Zone = "UTC"
    ceiling_price: CeilingBody | None = None
    stored_responses: bool = True
    failed_attempts: FailedAttemptsWord = "reported"
    language: LanguageTag = ENGLISH
    error_messages: ErrorMessagesBody = Field(default_factory=ErrorMessagesBody)


class TenantPatch(TenantBody):
    name: Text = "unset"


async def list_tenants(desk: WideDesk, page: Paged) -> Answer:
    """All tenants, for the platform; its own, for a tenant's token."""
    async with desk.reading() as unit:
        return await list_rows(unit, TenantRow, desk.scope, page, describe)


async def create_tenant(desk: WideDesk, body: TenantBody) -> Answer:
    """A new tenant, with nothing in it."""
    async with desk.changing() as change:
        check_wording(desk.doors.languages, body.language, body.error_messages)
        row = await settle(change.unit, body, new_id(TenantRow.prefix, change.now), change.now)
        await change.insert(row)
        warnings = await _check(change, row)
    return {**describe(row), **warnings}


async def read_tenant(desk: WideDesk, row_id: str) -> Answer:
    """One tenant."""
    async with desk.reading() as unit:
        return describe(await fetch(unit, TenantRow, _scope(desk, row_id), row_id))


async def replace_tenant(desk: WideDesk, row_id: str, body: TenantBody) -> Answer:
    """The tenant as the body says; what the body leaves out is reset."""
    async with desk.changing() as change:
        old = await fetch(change.unit, TenantRow, _scope(desk, row_id), row_id)
        check_wording(desk.doors.languages, body.language, body.error_messages)
        row = await settle(change.unit, body, old.id, old.created_at)
        await change.replace(row)
        warnings = await _check(change, row)
    return {**describe(row), **warnings}


async def update_tenant(desk: WideDesk, row_id: str, body: TenantPatch) -> Answer:
    """Only the fields that the body has."""
    async with desk.changing() as change:
        old = await fetch(change.unit, TenantRow, _scope(desk, row_id), row_id)
        sent = body.model_fields_set
        check_wording(
            desk.doors.languages,
            body.language if "language" in sent else None,
            body.error_messages if "error_messages" in sent else None,
        )
        row = await settle(change.unit, merged(body_of(old), body), old.id, old.created_at)
        await change.replace(row)
        warnings = await _check(change, row)
    return {**describe(row), **warnings}


async def delete_tenant(desk: WideDesk, row_id: str) -> Answer:
    """Refused (409) while anything is in it."""
    if row_id == desk.doors.default_tenant_id:
        raise conflict("This is the default tenant; the gateway needs it.")
    async with desk.changing() as change:
        row = await fetch(change.unit, TenantRow, _scope(desk, row_id), row_id)
        await _refuse_while_holding(change.unit, row.id)
        await _take_along(change, row.id)
        await change.delete(row)
    return deleted(row)


async def _check(change: Change, row: TenantRow) -> Answer:
    warnings = await check_fallbacks(change.unit, row.id, row.default_fallbacks, param="default_fallbacks")
    return {"warnings": warnings} if warnings else {}


def _scope(desk: Wide, row_id: str) -> Scope:
    """A tenant's row is scoped by its own id; whoever stands in a tenant sees no other."""
    if desk.tenant_id is not None and desk.tenant_id != row_id:
        raise missing("tenant")
    return row_id


async def _refuse_while_holding(unit: Unit, tenant_id: str) -> None:
    for kind in _HOLDING:
        rows = [row for row in await unit.find(kind, tenant_id) if getattr(row, "revoked_at", None) is None]
        if rows:
            raise conflict(f"This tenant still has a {WORDS[kind.noun]}: {name_of(rows[0])}.")


async def _take_along(change: Change, tenant_id: str) -> None:
    for kind in _GOING_ALONG:
        for row in await change.unit.find(kind, tenant_id):
            await change.unit.delete(kind, tenant_id, row.id)


async def settle(unit: Unit, body: TenantBody, row_id: str, created_at: float) -> TenantRow:
    """Raises InvalidRequest (409) where another tenant has the name."""
    namesakes = await unit.find(TenantRow, ANY_TENANT, name=body.name)
    if any(other.id != row_id for other in namesakes):
        raise conflict("There is a tenant with this name already.", param="name")
    return TenantRow(
        id=row_id,
        tenant_id=row_id,
        created_at=created_at,
        name=body.name,
        enabled=body.enabled,
        system_grants=tuple(dict.fromkeys(body.system_grants)),
        default_fallbacks=tuple(body.default_fallbacks),
        queue=dumped(body.queue),
        timezone=body.timezone,
        failed_attempts=body.failed_attempts,
        ceiling_price=None if body.ceiling_price is None else body.ceiling_price.lanes(),
        stored_responses=body.stored_responses,
        language=body.language,
        error_messages=body.error_messages.stored(),
        **stored_limits(body),
    )


def body_of(row: TenantRow) -> TenantBody:
    return TenantBody.model_construct(
        name=row.name,
        enabled=row.enabled,
        system_grants=list(row.system_grants),
        default_fallbacks=list(row.default_fallbacks),
        queue=rebuilt(QueueBody, row.queue),
        timezone=row.timezone,
        ceiling_price=ceiling_body_of(row.ceiling_price),
        stored_responses=row.stored_responses,
        failed_attempts=row.failed_attempts,
        language=row.language,
        error_messages=error_messages_of(row.error_messages),
        **sent_limits(row),
    )


def describe(row: TenantRow) -> Answer:
    return {
        "id": row.id,
        "name": row.name,
        "enabled": row.enabled,
        "system_grants": list(row.system_grants),
        "default_fallbacks": list(row.default_fallbacks),
        "queue": row.queue,
        "timezone": row.timezone,
        "ceiling_price": show_ceiling(row.ceiling_price),
        "stored_responses": row.stored_responses,
        "failed_attempts": row.failed_attempts,
        "language": row.language,
        "error_messages": row.error_messages,
        **limits_of(row),
        "created_at": show_instant(row.created_at),
    }


ROUTES: Final = (
    Route("GET", "/tenants", list_tenants, Permission.READ),
    Route("POST", "/tenants", create_tenant, Permission.OPERATE, status=201),
    Route("GET", "/tenants/{row_id}", read_tenant, Permission.READ),
    Route("PUT", "/tenants/{row_id}", replace_tenant, Permission.OPERATE),
    Route("PATCH", "/tenants/{row_id}", update_tenant, Permission.OPERATE),
    Route("DELETE", "/tenants/{row_id}", delete_tenant, Permission.OPERATE),
)
