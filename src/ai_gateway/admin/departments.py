"""Departments: the level below the tenant. A department that teams or live keys hang from is not deleted."""

from typing import Final

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import TenantDesk
from ai_gateway.admin.fields import LimitsBody, Text, limits_of, merged, sent_limits, stored_limits
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import deleted, fetch, refuse_while_used
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.routing import Route
from ai_gateway.store.rows import ApiKeyRow, DepartmentRow, TeamRow, new_id


class DepartmentBody(LimitsBody):
    name: Text


class DepartmentPatch(DepartmentBody):
    name: Text = "unset"


async def list_departments(desk: TenantDesk, page: Paged) -> Answer:
    """The departments of the tenant, oldest first."""
    async with desk.reading() as unit:
        return await list_rows(unit, DepartmentRow, desk.tenant_id, page, describe)


async def create_department(desk: TenantDesk, body: DepartmentBody) -> Answer:
    """A new department."""
    async with desk.changing() as change:
        row = settle(body, new_id(DepartmentRow.prefix, change.now), desk.tenant_id, change.now)
        await change.insert(row)
    return describe(row)


async def read_department(desk: TenantDesk, row_id: str) -> Answer:
    """One department."""
    async with desk.reading() as unit:
        return describe(await fetch(unit, DepartmentRow, desk.tenant_id, row_id))


async def replace_department(desk: TenantDesk, row_id: str, body: DepartmentBody) -> Answer:
    """The department as the body says; what the body leaves out is reset."""
    async with desk.changing() as change:
        old = await fetch(change.unit, DepartmentRow, desk.tenant_id, row_id)
        row = settle(body, old.id, desk.tenant_id, old.created_at)
        await change.replace(row)
    return describe(row)


async def update_department(desk: TenantDesk, row_id: str, body: DepartmentPatch) -> Answer:
    """Only the fields that the body has."""
    async with desk.changing() as change:
        old = await fetch(change.unit, DepartmentRow, desk.tenant_id, row_id)
        row = settle(merged(body_of(old), body), old.id, desk.tenant_id, old.created_at)
        await change.replace(row)
    return describe(row)


async def delete_department(desk: TenantDesk, row_id: str) -> Answer:
    """Refused (409) while a team or a live key is in it."""
    async with desk.changing() as change:
        row = await fetch(change.unit, DepartmentRow, desk.tenant_id, row_id)
        await remove(change, row)
    return deleted(row)


async def remove(change: Change, row: DepartmentRow) -> None:
    """Raises InvalidRequest (409) while the row is in use."""
    await refuse_while_used(change.unit, row, {TeamRow: "department_id", ApiKeyRow: "department_id"})
    await change.delete(row)


def settle(body: DepartmentBody, row_id: str, tenant_id: str, created_at: float) -> DepartmentRow:
    return DepartmentRow(
        id=row_id,
        tenant_id=tenant_id,
        created_at=created_at,
        name=body.name,
        **stored_limits(body),
    )


def body_of(row: DepartmentRow) -> DepartmentBody:
    return DepartmentBody.model_construct(name=row.name, **sent_limits(row))


def describe(row: DepartmentRow) -> Answer:
    return {"id": row.id, "name": row.name, **limits_of(row), "created_at": show_instant(row.created_at)}


ROUTES: Final = (
    Route("GET", "/departments", list_departments, Permission.READ),
    Route("POST", "/departments", create_department, Permission.CHANGE, status=201),
    Route("GET", "/departments/{row_id}", read_department, Permission.READ),
    Route("PUT", "/departments/{row_id}", replace_department, Permission.CHANGE),
    Route("PATCH", "/departments/{row_id}", update_department, Permission.CHANGE),
    Route("DELETE", "/departments/{row_id}", delete_department, Permission.CHANGE),
)
