"""The part of a document about money: a tenant's calendar, what it books for failed attempts, and its budgets, by the
names of whom they are for."""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from ai_gateway.admin import budgets
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import Desk
from ai_gateway.admin.document import BudgetEntry, ConfigurationBody
from ai_gateway.admin.error_messages import check_wording
from ai_gateway.admin.lookup import WORDS
from ai_gateway.admin.refusals import invalid
from ai_gateway.domain.budgets import Scope
from ai_gateway.store.rows import BudgetRow, DepartmentRow, Row, TeamRow, TenantRow, UserRow

_KINDS: Final[Mapping[str, type[DepartmentRow | TeamRow | UserRow]]] = {
    Scope.DEPARTMENT.value: DepartmentRow,
    Scope.TEAM.value: TeamRow,
    Scope.USER.value: UserRow,
}
Note = Callable[[Row | None, Row], None]
_Place = tuple[str, str, str]


async def apply(change: Change, desk: Desk, body: ConfigurationBody, note: Note) -> None:
    """Raises InvalidRequest (422) for a name that is nobody's, and for two budgets in one place."""
    await _apply_to_tenant(change, desk, body, note)
    there = await _there(change, desk)
    seen: set[_Place] = set()
    for entry in body.budgets or ():
        place = await _place_of(change, desk, entry)
        if place in seen:
            raise invalid("budgets", f"has two {entry.window} budgets for one {entry.scope}.")
        seen.add(place)
        old = there.get(place)
        row = budgets.settle(entry, old or budgets.blank(desk.tenant_id, place[0], place[1], change.now))
        if old is None:
            await change.insert(row)
        elif row != old:
            await change.replace(row)
        note(old, row)


async def prune(change: Change, desk: Desk, body: ConfigurationBody) -> list[tuple[str, str]]:
    """What the section is silent about goes; the budgets of keys, which no document names, stay."""
    if body.budgets is None:
        return []
    kept = {await _place_of(change, desk, entry) for entry in body.budgets}
    gone: list[tuple[str, str]] = []
    for place, row in (await _there(change, desk)).items():
        if place not in kept and row.scope != Scope.KEY.value:
            await budgets.remove(change, row)
            gone.append((WORDS[row.noun], row.name))
    return gone


async def _apply_to_tenant(change: Change, desk: Desk, body: ConfigurationBody, note: Note) -> None:
    tenant = await change.unit.fetch(TenantRow, desk.tenant_id, desk.tenant_id)
    if tenant is None:
        return
    check_wording(desk.doors.languages, body.language, body.error_messages)
    row = msgspec.structs.replace(
        tenant,
        timezone=body.timezone or tenant.timezone,
        failed_attempts=body.failed_attempts or tenant.failed_attempts,
        language=body.language or tenant.language,
        error_messages=tenant.error_messages if body.error_messages is None else body.error_messages.stored(),
    )
    if row != tenant:
        await change.replace(row)
        note(tenant, row)


async def _there(change: Change, desk: Desk) -> dict[_Place, BudgetRow]:
    rows = await change.unit.find(BudgetRow, desk.tenant_id)
    return {(row.scope, row.scope_id, row.window): row for row in rows}


async def _place_of(change: Change, desk: Desk, entry: BudgetEntry) -> _Place:
    if entry.scope == Scope.TENANT.value:
        return entry.scope, desk.tenant_id, entry.window
    if entry.name is None:
        raise invalid("budgets", f"has a budget of a {entry.scope} without its name.")
    rows = await change.unit.find(_KINDS[entry.scope], desk.tenant_id, name=entry.name)
    if not rows:
        raise invalid("budgets", f"names the {entry.scope} '{entry.name}', which is not there.")
    return entry.scope, rows[0].id, entry.window
