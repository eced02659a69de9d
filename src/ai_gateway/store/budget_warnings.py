"""Which thresholds of which budgets were crossed: a row for each, once in its window, whoever says it how often.

The row decides who hears of it. A process cannot know what an earlier one, or another, has told already, so everybody
writes what he sees, and only whose row was new tells it on.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, final

import msgspec
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from ai_gateway.domain.events import BudgetCrossed
from ai_gateway.store.plain_rows import read
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import WARNINGS

Listener = Callable[[BudgetCrossed], None]


class BudgetWarnings(Protocol):
    """Every call raises StoreUnavailable while the database is away."""

    async def write(self, crossings: Sequence[BudgetCrossed]) -> None:
        """Listeners hear of each that was not there."""
        ...

    async def of(self, tenant_id: str, limit: int = 100) -> list[BudgetCrossed]:
        """Newest first."""
        ...


@final
class SqlBudgetWarnings:
    def __init__(self, store: SqlStore, listeners: Sequence[Listener] = ()) -> None:
        self._store = store
        self._listeners = listeners

    async def write(self, crossings: Sequence[BudgetCrossed]) -> None:
        new: list[BudgetCrossed] = []
        async with self._store.writing() as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            for crossing in crossings:
                statement = insert(WARNINGS).values(msgspec.structs.asdict(crossing)).on_conflict_do_nothing()
                if (await connection.execute(statement.returning(WARNINGS.c.percent))).first() is not None:
                    new.append(crossing)
        for crossing in new:
            for listener in self._listeners:
                listener(crossing)

    async def of(self, tenant_id: str, limit: int = 100) -> list[BudgetCrossed]:
        query = select(WARNINGS).where(WARNINGS.c.tenant_id == tenant_id)
        query = query.order_by(WARNINGS.c.at.desc(), WARNINGS.c.percent.desc()).limit(limit)
        async with self._store.reading() as connection:
            return await read(connection, query, BudgetCrossed)


@final
class MemoryBudgetWarnings:
    """The twin in memory."""

    def __init__(self, listeners: Sequence[Listener] = ()) -> None:
        self._listeners = listeners
        self._there: dict[tuple[object, ...], BudgetCrossed] = {}

    async def write(self, crossings: Sequence[BudgetCrossed]) -> None:
        for it in crossings:
            place = (it.window_id, it.scope, it.scope_id, it.unit, it.percent)
            if place not in self._there:
                self._there[place] = it
                for listener in self._listeners:
                    listener(it)

    async def of(self, tenant_id: str, limit: int = 100) -> list[BudgetCrossed]:
        own = [it for it in self._there.values() if it.tenant_id == tenant_id]
        return sorted(own, key=lambda it: (-it.at, -it.percent))[:limit]
