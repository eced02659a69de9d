"""Budgets: what a level may spend in a day, a month or altogether, in dollars, tokens or requests.

The list has those that stand on levels as `cost_limit_*` too, with their source; they are changed where they stand. A
tenant's own people may set budgets anywhere in their tenant; what the platform allows a tenant stands on the tenant as
`cost_limit_*`, which they cannot touch.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from fastapi import Query
from pydantic import AfterValidator, Field, model_validator

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.budget_sources import Sourced, all_budgets, describe_all, sourced
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.edge import store_is_away
from ai_gateway.admin.fields import Body, Rate, RowId, distinct_numbers
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.lookup import deleted, fetch, require
from ai_gateway.admin.money import Dollars
from ai_gateway.admin.paging import Paged, listing
from ai_gateway.admin.refusals import conflict, invalid
from ai_gateway.admin.routing import Route
from ai_gateway.domain.budgets import WARN_AT, Scope, Window
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import ApiKeyRow, BudgetRow, DepartmentRow, Row, TeamRow, TenantRow, UserRow, new_id

KINDS: Final[dict[str, type[Row]]] = {
    Scope.KEY.value: ApiKeyRow,
    Scope.TEAM.value: TeamRow,
    Scope.DEPARTMENT.value: DepartmentRow,
    Scope.USER.value: UserRow,
    Scope.TENANT.value: TenantRow,
}
_Percent = Annotated[int, Field(ge=1, le=1000)]


class BudgetNumbers(Body):
    """At least one limit; dollars as everywhere. `mode` says what becomes of a request that no longer fits whole."""

    window: Literal["daily", "monthly", "total"]
    limit_usd: Dollars | None = None
    limit_tokens: Rate | None = None
    limit_requests: Rate | None = None
    mode: Literal["clamp", "extend", "strict"] = "clamp"
    warn_at_percent: Annotated[list[_Percent], Field(max_length=20), AfterValidator(distinct_numbers)] = Field(
        default_factory=lambda: list(WARN_AT)
    )

    @model_validator(mode="after")
    def _limits_something(self) -> "BudgetNumbers":
        if self.limit_usd is None and self.limit_tokens is None and self.limit_requests is None:
            raise ValueError("needs one of limit_usd, limit_tokens and limit_requests.")
        return self


class BudgetBody(BudgetNumbers):
    """`scope_id` is the id of the key, team, department or user; the tenant's own may be left out."""

    scope: Literal["key", "team", "department", "user", "tenant"]
    scope_id: RowId | None = None


async def list_budgets(desk: TenantDesk, page: Paged) -> Answer:
    """All budgets of the tenant as they stand now, those made by `cost_limit_*` included."""
    async with desk.reading() as unit:
        budgets = await all_budgets(unit, desk)
    shown = [it for it in budgets if page.after is None or it.id > page.after][: page.limit + 1]
    return listing(await _described(desk, shown), [it.id for it in shown], page.limit)


async def create_budget(desk: TenantDesk, body: BudgetBody) -> Answer:
    """A new budget. It knows at once what its window has cost already. A second one in the same place is a 409."""
    async with desk.changing() as change:
        scope_id = _owner(desk, body)
        await require(change.unit, KINDS[body.scope], desk.tenant_id, "scope_id", scope_id)
        row = settle(body, blank(desk.tenant_id, body.scope, scope_id, change.now))
        await _refuse_second(change.unit, row)
        await change.insert(row)
    return await _show(desk, row)


async def read_budget(desk: TenantDesk, row_id: str) -> Answer:
    """One budget as it stands now."""
    async with desk.reading() as unit:
        row = await fetch(unit, BudgetRow, desk.tenant_id, row_id)
    return await _show(desk, row)


async def replace_budget(desk: TenantDesk, row_id: str, body: BudgetBody) -> Answer:
    """Other numbers for the same level and window, in force at once; what was spent stays spent."""
    async with desk.changing() as change:
        old = await fetch(change.unit, BudgetRow, desk.tenant_id, row_id)
        if (body.scope, _owner(desk, body), body.window) != (old.scope, old.scope_id, old.window):
            raise invalid("scope", "and scope_id and window stay what they are; make another budget instead.")
        row = settle(body, old)
        if row != old:
            await change.replace(row)
    return await _show(desk, row)


async def delete_budget(desk: TenantDesk, row_id: str) -> Answer:
    """It limits nothing from now on."""
    async with desk.changing() as change:
        row = await fetch(change.unit, BudgetRow, desk.tenant_id, row_id)
        await remove(change, row)
    return deleted(row)


async def remove(change: Change, row: BudgetRow) -> None:
    await change.delete(row)


def settle(body: BudgetNumbers, blank: BudgetRow) -> BudgetRow:
    """The budget of `blank`'s place with the body's numbers."""
    return msgspec.structs.replace(
        blank,
        window=body.window,
        limit_nano=body.limit_usd,
        limit_tokens=body.limit_tokens,
        limit_requests=body.limit_requests,
        mode=body.mode,
        warn_at_percent=tuple(sorted(body.warn_at_percent)),
    )


def blank(tenant_id: str, scope: str, scope_id: str, now: float) -> BudgetRow:
    """A new budget of somebody, which says nothing yet."""
    return BudgetRow(
        id=new_id(BudgetRow.prefix, now),
        tenant_id=tenant_id,
        created_at=now,
        scope=scope,
        scope_id=scope_id,
        window=Window.TOTAL.value,
    )


def _owner(desk: Desk, body: BudgetBody) -> str:
    """Raises InvalidRequest (422) where nobody is named, or another tenant."""
    if body.scope == Scope.TENANT.value:
        if body.scope_id not in (None, desk.tenant_id):
            raise invalid("scope_id", "there is no such tenant.")
        return desk.tenant_id
    if body.scope_id is None:
        raise invalid("scope_id", f"is missing: the id of the {body.scope}.")
    return body.scope_id


async def _refuse_second(unit: Unit, row: BudgetRow) -> None:
    for there in await unit.find(BudgetRow, row.tenant_id, scope_id=row.scope_id):
        if (there.scope, there.window) == (row.scope, row.window):
            raise conflict(f"This {row.scope} has a {row.window} budget already: {there.id}.", param="window")


async def _show(desk: Desk, row: BudgetRow) -> Answer:
    async with desk.reading() as unit:
        owner = await unit.fetch(KINDS[row.scope], desk.tenant_id, row.scope_id)
    (described,) = await _described(desk, [sourced(row, getattr(owner, "name", ""))])
    return described


async def _described(desk: Desk, budgets: Sequence[Sourced]) -> list[Answer]:
    try:
        return await describe_all(desk, budgets)
    except ConnectionError as error:
        raise store_is_away() from error


async def list_warnings(desk: TenantDesk, limit: Annotated[int, Query(ge=1, le=200)] = 100) -> Answer:
    """Which thresholds were crossed, newest first: each once in its window."""
    crossed = await desk.doors.warnings.of(desk.tenant_id, limit + 1)
    shown = [{**msgspec.to_builtins(it), "at": show_instant(it.at)} for it in crossed[:limit]]
    return {"data": shown, "has_more": len(crossed) > limit, "next_cursor": None}


ROUTES: Final = (
    Route("GET", "/budgets/warnings", list_warnings, Permission.READ),
    Route("GET", "/budgets", list_budgets, Permission.READ),
    Route("POST", "/budgets", create_budget, Permission.CHANGE, status=201),
    Route("GET", "/budgets/{row_id}", read_budget, Permission.READ),
    Route("PUT", "/budgets/{row_id}", replace_budget, Permission.CHANGE),
    Route("DELETE", "/budgets/{row_id}", delete_budget, Permission.CHANGE),
)
