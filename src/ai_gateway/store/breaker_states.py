"""Breakers as a restart finds them: the present state of each, one row, overwritten.

What a breaker wrote of itself is kept as it wrote it (`saved`); what it means is for policy/circuit_breaker.py alone,
which also decides what is too old to believe.
"""

from collections.abc import Sequence
from typing import Protocol, final

from sqlalchemy import delete, select

from ai_gateway.store.observations import BreakerRow
from ai_gateway.store.plain_rows import read, upsert
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import BREAKER_STATES


class BreakerStates(Protocol):
    """Every call raises StoreUnavailable while the database is away."""

    async def put(self, rows: Sequence[BreakerRow]) -> None: ...

    async def all(self) -> list[BreakerRow]: ...

    async def cut(self, before: float) -> int:
        """Forget the states that were last written before this instant, how many there were; an operator's word is
        never forgotten."""
        ...


@final
class SqlBreakerStates:
    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def put(self, rows: Sequence[BreakerRow]) -> None:
        async with self._store.writing() as connection:
            await upsert(connection, BREAKER_STATES, rows)

    async def all(self) -> list[BreakerRow]:
        async with self._store.reading() as connection:
            return await read(connection, select(BREAKER_STATES).order_by(BREAKER_STATES.c.key), BreakerRow)

    async def cut(self, before: float) -> int:
        columns = BREAKER_STATES.c
        statement = delete(BREAKER_STATES).where(columns.updated_at < before, columns.forced.is_(False))
        async with self._store.writing() as connection:
            return (await connection.execute(statement)).rowcount


@final
class MemoryBreakerStates:
    """The twin in memory; it passes the same tests."""

    def __init__(self) -> None:
        self._rows: dict[str, BreakerRow] = {}

    async def put(self, rows: Sequence[BreakerRow]) -> None:
        self._rows.update((row.key, row) for row in rows)

    async def all(self) -> list[BreakerRow]:
        return [self._rows[key] for key in sorted(self._rows)]

    async def cut(self, before: float) -> int:
        gone = [row.key for row in self._rows.values() if row.updated_at < before and not row.forced]
        for key in gone:
            del self._rows[key]
        return len(gone)
