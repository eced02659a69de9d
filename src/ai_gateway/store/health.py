"""The history of every endpoint's health, and operators' words on it, which outlive the process that heard them.

The history is read one endpoint at a time, newest first, and cut by age; the words are few, are read whole when a
process starts, and are never cut, because an endpoint that was taken out stays out until somebody brings it back.
"""

from collections.abc import Collection, Sequence
from typing import Protocol, final

import msgspec
from sqlalchemy import delete, select

from ai_gateway.store.observations import HealthRow, OverrideRow
from ai_gateway.store.plain_rows import append, read, upsert
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import HEALTH_HISTORY, HEALTH_OVERRIDES


class HealthHistory(Protocol):
    """Every call raises StoreUnavailable while the database is away."""

    async def append(self, rows: Sequence[HealthRow]) -> None: ...

    async def page(
        self, tenant_id: str, endpoint_id: str, *, before: int | None = None, limit: int = 100
    ) -> list[HealthRow]:
        """Newest first: rows with `id` < `before`."""
        ...

    async def cut(self, before: float) -> int:
        """Forget what was seen before this instant; how many rows that were."""
        ...

    async def overrides(self) -> list[OverrideRow]: ...

    async def put_overrides(self, rows: Sequence[OverrideRow]) -> None: ...

    async def drop_overrides(self, tenant_id: str, endpoint_ids: Collection[str]) -> None: ...


@final
class SqlHealthHistory:
    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def append(self, rows: Sequence[HealthRow]) -> None:
        async with self._store.writing() as connection:
            await append(connection, HEALTH_HISTORY, rows)

    async def page(
        self, tenant_id: str, endpoint_id: str, *, before: int | None = None, limit: int = 100
    ) -> list[HealthRow]:
        table = HEALTH_HISTORY
        query = select(table).where(table.c.tenant_id == tenant_id, table.c.endpoint_id == endpoint_id)
        if before is not None:
            query = query.where(table.c.id < before)
        async with self._store.reading() as connection:
            return await read(connection, query.order_by(table.c.id.desc()).limit(limit), HealthRow)

    async def cut(self, before: float) -> int:
        async with self._store.writing() as connection:
            return (await connection.execute(delete(HEALTH_HISTORY).where(HEALTH_HISTORY.c.at < before))).rowcount

    async def overrides(self) -> list[OverrideRow]:
        async with self._store.reading() as connection:
            return await read(connection, select(HEALTH_OVERRIDES), OverrideRow)

    async def put_overrides(self, rows: Sequence[OverrideRow]) -> None:
        async with self._store.writing() as connection:
            await upsert(connection, HEALTH_OVERRIDES, rows)

    async def drop_overrides(self, tenant_id: str, endpoint_ids: Collection[str]) -> None:
        table = HEALTH_OVERRIDES
        async with self._store.writing() as connection:
            await connection.execute(
                delete(table).where(table.c.tenant_id == tenant_id, table.c.endpoint_id.in_(endpoint_ids))
            )


@final
class MemoryHealthHistory:
    """The twin in memory; it passes the same tests."""

    def __init__(self) -> None:
        self._rows: list[HealthRow] = []
        self._last_id = 0
        self._overrides: dict[str, OverrideRow] = {}

    async def append(self, rows: Sequence[HealthRow]) -> None:
        for row in rows:
            self._last_id += 1
            self._rows.append(msgspec.structs.replace(row, id=self._last_id))

    async def page(
        self, tenant_id: str, endpoint_id: str, *, before: int | None = None, limit: int = 100
    ) -> list[HealthRow]:
        found = [row for row in reversed(self._rows) if (row.tenant_id, row.endpoint_id) == (tenant_id, endpoint_id)]
        return [row for row in found if before is None or row.id < before][:limit]

    async def cut(self, before: float) -> int:
        kept = [row for row in self._rows if row.at >= before]
        gone = len(self._rows) - len(kept)
        self._rows = kept
        return gone

    async def overrides(self) -> list[OverrideRow]:
        return list(self._overrides.values())

    async def put_overrides(self, rows: Sequence[OverrideRow]) -> None:
        self._overrides.update((row.endpoint_id, row) for row in rows)

    async def drop_overrides(self, tenant_id: str, endpoint_ids: Collection[str]) -> None:
        for endpoint_id in endpoint_ids:
            row = self._overrides.get(endpoint_id)
            if row is not None and row.tenant_id == tenant_id:
                del self._overrides[endpoint_id]
