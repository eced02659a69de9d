"""Teams: people who share a budget. A team may have no department, and is not deleted while users or
live keys hang from it."""

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
from ai_gateway.store.rows import ApiKeyRow, DepartmentRow, TeamRow, UserRow, new_id


class TeamBody(LimitsBody):
    name: Text
    department_id: RowId | None = None


class TeamPatch(TeamBody):
    name: Text = "unset"


async def list_teams(desk: TenantDesk, page: Paged) -> Answer:
    """The teams of the tenant, oldest first."""
    async with desk.reading() as unit:
        return await list_rows(unit, TeamRow, desk.tenant_id, page, describe)


async def create_team(desk: TenantDesk, body: TeamBody) -> Answer:
    """A new team."""
    async with desk.changing() as change:
        row = await settle(change.unit, body, new_id(TeamRow.prefix, change.now), desk.tenant_id, change.now)
        await change.insert(row)
    return describe(row)


async def read_team(desk: TenantDesk, row_id: str) -> Answer:
    """One team."""
    async with desk.reading() as unit:
        return describe(await fetch(unit, TeamRow, desk.tenant_id, row_id))


async def replace_team(desk: TenantDesk, row_id: str, body: TeamBody) -> Answer:
    """The team as the body says; what the body leaves out is reset."""
    async with desk.changing() as change:
        old = await fetch(change.unit, TeamRow, desk.tenant_id, row_id)
        row = await settle(change.unit, body, old.id, desk.tenant_id, old.created_at)
        await change.replace(row)
    return describe(row)


async def update_team(desk: TenantDesk, row_id: str, body: TeamPatch) -> Answer:
    """Only the fields that the body has."""
    async with desk.changing() as change:
        old = await fetch(change.unit, TeamRow, desk.tenant_id, row_id)
        row = await settle(change.unit, merged(body_of(old), body), old.id, desk.tenant_id, old.created_at)
        await change.replace(row)
    return describe(row)


async def delete_team(desk: TenantDesk, row_id: str) -> Answer:
    """Refused (409) while a user or a live key is in it."""
    async with desk.changing() as change:
        row = await fetch(change.unit, TeamRow, desk.tenant_id, row_id)
        await remove(change, row)
    return deleted(row)


async def remove(change: Change, row: TeamRow) -> None:
    """Raises InvalidRequest (409) while the row is in use."""
    await refuse_while_used(change.unit, row, {UserRow: "team_id", ApiKeyRow: "team_id"})
    await change.delete(row)


async def settle(unit: Unit, body: TeamBody, row_id: str, tenant_id: str, created_at: float) -> TeamRow:
    """Raises InvalidRequest (422) for a department that is not the tenant's."""
    await require(unit, DepartmentRow, tenant_id, "department_id", body.department_id)
    return TeamRow(
        id=row_id,
        tenant_id=tenant_id,
        created_at=created_at,
        name=body.name,
        department_id=body.department_id,
        **stored_limits(body),
    )


def body_of(row: TeamRow) -> TeamBody:
    return TeamBody.model_construct(name=row.name, department_id=row.department_id, **sent_limits(row))


def describe(row: TeamRow) -> Answer:
    return {
        "id": row.id,
        "name": row.name,
        "department_id": row.department_id,
        **limits_of(row),
        "created_at": show_instant(row.created_at),
    }


ROUTES: Final = (
    Route("GET", "/teams", list_teams, Permission.READ),
    Route("POST", "/teams", create_team, Permission.CHANGE, status=201),
    Route("GET", "/teams/{row_id}", read_team, Permission.READ),
    Route("PUT", "/teams/{row_id}", replace_team, Permission.CHANGE),
    Route("PATCH", "/teams/{row_id}", update_team, Permission.CHANGE),
    Route("DELETE", "/teams/{row_id}", delete_team, Permission.CHANGE),
)
