"""One change: the row, who did it, and the next revision, in one transaction; live when the caller is answered.

The audit row is written by the same call that writes the row, so there is no change that forgot its trace, and a
change that fails leaves neither.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from ai_gateway.admin.access import Principal
from ai_gateway.admin.doors import AdminDoors
from ai_gateway.admin.refusals import missing
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import AuditRow, BudgetRow, LimitedRow, Row, new_id


class Change(msgspec.Struct, frozen=True):
    """An open transaction with its author. `now` is one moment for the whole change. Details never hold a secret."""

    unit: Unit
    principal: Principal
    now: float
    events: list[ConfigurationChanged]

    async def insert(self, row: Row, **detail: Any) -> None:
        await self.unit.insert(row)
        await self._record("create", row, detail)

    async def replace(self, row: Row, action: str = "update", **detail: Any) -> None:
        if not await self.unit.replace(row):
            raise missing("row")
        await self._record(action, row, detail)

    async def delete(self, row: Row, **detail: Any) -> None:
        """A level takes its budgets along."""
        if isinstance(row, LimitedRow):
            for budget in await self.unit.find(BudgetRow, row.tenant_id, scope_id=row.id):
                await self.delete(budget)
        await self.unit.delete(type(row), row.tenant_id, row.id)
        await self._record("delete", row, detail)

    async def note(self, action: str, row: Row, **detail: Any) -> None:
        """Many rows that were written at once are one line of the audit log, and one revision."""
        await self._record(action, row, detail)

    async def fold(self, tenant_id: str, noun: str) -> None:
        """Many rows of one tenant are one change to the data plane: its part is rebuilt once, at the last revision."""
        if self.events:
            self.events[:] = [await self.unit.bump(tenant_id, noun, tenant_id)]

    async def _record(self, action: str, row: Row, detail: dict[str, Any]) -> None:
        await self.unit.insert(
            AuditRow(
                id=new_id(AuditRow.prefix, self.now),
                tenant_id=row.tenant_id,
                created_at=self.now,
                actor=self.principal.actor,
                action=action,
                target_noun=row.noun,
                target_id=row.id,
                detail={"name": name_of(row), **detail},
            )
        )
        self.events.append(await self.unit.bump(row.tenant_id, row.noun, row.id))


def name_of(row: Row) -> str:
    """What people call a row: its name, or its id where it has none."""
    named: object = getattr(row, "name", None) or getattr(row, "group_name", None) or getattr(row, "model", None)
    return named if isinstance(named, str) else row.id


@asynccontextmanager
async def changing(doors: AdminDoors, principal: Principal) -> AsyncGenerator[Change]:
    events: list[ConfigurationChanged] = []
    async with doors.store.begin() as unit:
        yield Change(unit=unit, principal=principal, now=doors.now(), events=events)
    for event in events:
        await doors.publish(event)
