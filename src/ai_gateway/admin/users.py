"""Users: people. A user may have no team, and is not deleted while live keys are theirs."""

from typing import Final

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import TenantDesk
from ai_gateway.admin.fields import (
    LimitsBody,
    RowId,
    Text,
    limits_of,
    merged,
    sent_limits,
    stored_limits,
)
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import deleted, fetch, refuse_while_used, require
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.routing import Route
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import ApiKeyRow, TeamRow, UserRow, new_id


class UserBody(LimitsBody):
    name: Text
    email: Text | None = None
    team_id: RowId | None = None


class UserPatch(UserBody):
    name: Text = "unset"


async def list_users(desk: TenantDesk, page: Paged) -> Answer:
    """The users of the tenant, oldest first."""
    async with desk.reading() as unit:
        return await list_rows(unit, UserRow, desk.tenant_id, page, describe)


async def create_user(desk: TenantDesk, body: UserBody) -> Answer:
    """A new user."""
    async with desk.changing() as change:
        row = await settle(change.unit, body, new_id(UserRow.prefix, change.now), desk.tenant_id, change.now)
        await change.insert(row)
    return describe(row)


async def read_user(desk: TenantDesk, row_id: str) -> Answer:
    """One user."""
    async with desk.reading() as unit:
        return describe(await fetch(unit, UserRow, desk.tenant_id, row_id))


async def replace_user(desk: TenantDesk, row_id: str, body: UserBody) -> Answer:
    """The user as the body says; what the body leaves out is reset."""
    async with desk.changing() as change:
        old = await fetch(change.unit, UserRow, desk.tenant_id, row_id)
        row = await settle(change.unit, body, old.id, desk.tenant_id, old.created_at)
        await change.replace(row)
    return describe(row)


async def update_user(desk: TenantDesk, row_id: str, body: UserPatch) -> Answer:
    """Only the fields that the body has."""
    async with desk.changing() as change:
        old = await fetch(change.unit, UserRow, desk.tenant_id, row_id)
        row = await settle(change.unit, merged(body_of(old), body), old.id, desk.tenant_id, old.created_at)
        await change.replace(row)
    return describe(row)


async def delete_user(desk: TenantDesk, row_id: str) -> Answer:
    """Refused (409) while a live key is theirs."""
    async with desk.changing() as change:
        row = await fetch(change.unit, UserRow, desk.tenant_id, row_id)
        await remove(change, row)
    return deleted(row)


async def remove(change: Change, row: UserRow) -> None:
    """Raises InvalidRequest (409) while the row is in use."""
    await refuse_while_used(change.unit, row, {ApiKeyRow: "user_id"})
    await change.delete(row)


async def settle(unit: Unit, body: UserBody, row_id: str, tenant_id: str, created_at: float) -> UserRow:
    """Raises InvalidRequest (422) for a team that is not the tenant's."""
    await require(unit, TeamRow, tenant_id, "team_id", body.team_id)
    return UserRow(
        id=row_id,
        tenant_id=tenant_id,
        created_at=created_at,
        name=body.name,
        email=body.email,
        team_id=body.team_id,
        **stored_limits(body),
    )


def body_of(row: UserRow) -> UserBody:
    return UserBody.model_construct(name=row.name, email=row.email, team_id=row.team_id, **sent_limits(row))


def describe(row: UserRow) -> Answer:
    return {
        "id": row.id,
        "name": row.name,
        "email": row.email,
        "team_id": row.team_id,
        **limits_of(row),
        "created_at": show_instant(row.created_at),
    }


ROUTES: Final = (
    Route("GET", "/users", list_users, Permission.READ),
    Route("POST", "/users", create_user, Permission.CHANGE, status=201),
    Route("GET", "/users/{row_id}", read_user, Permission.READ),
    Route("PUT", "/users/{row_id}", replace_user, Permission.CHANGE),
    Route("PATCH", "/users/{row_id}", update_user, Permission.CHANGE),
    Route("DELETE", "/users/{row_id}", delete_user, Permission.CHANGE),
)
