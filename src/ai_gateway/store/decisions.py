"""Decision records that are kept: of requests that failed, were tried more than once, or were drawn as a sample.

A request has one record, however often a batch is written again.
"""

from collections.abc import Sequence
from typing import Protocol, final

import msgspec
from sqlalchemy import delete, select

from ai_gateway.domain.decisions import Decision
from ai_gateway.store.observations import DecisionRow
from ai_gateway.store.plain_rows import append, read
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import DECISIONS


def row_of(decision: Decision) -> DecisionRow:
    """The columns are for finding it; the record is the whole of it. Raises ValueError for a brief one, which nobody
    keeps."""
    if decision.why is None:
        raise ValueError("a brief record is not kept")
    return DecisionRow(
        tenant_id=decision.tenant_id,
        request_id=decision.request_id,
        at=decision.at,
        why=decision.why.value,
        status=decision.status,
        model=decision.model,
        record=msgspec.to_builtins(decision),
    )


def decision_of(row: DecisionRow) -> Decision:
    """Raises msgspec.ValidationError for a record of a version that this one cannot read."""
    return msgspec.convert(row.record, Decision)


class Decisions(Protocol):
    """Every call raises StoreUnavailable while the database is away."""

    async def append(self, rows: Sequence[DecisionRow]) -> None: ...

    async def of(self, tenant_id: str, request_id: str) -> DecisionRow | None: ...

    async def page(self, tenant_id: str, *, before: int | None = None, limit: int = 100) -> list[DecisionRow]:
        """Newest first: rows with `id` < `before`."""
        ...

    async def cut(self, before: float) -> int:
        """Forget the records of requests that ended before this instant; how many there were."""
        ...


@final
class SqlDecisions:
    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def append(self, rows: Sequence[DecisionRow]) -> None:
        async with self._store.writing() as connection:
            await append(connection, DECISIONS, rows)

    async def of(self, tenant_id: str, request_id: str) -> DecisionRow | None:
        query = select(DECISIONS).where(DECISIONS.c.tenant_id == tenant_id, DECISIONS.c.request_id == request_id)
        async with self._store.reading() as connection:
            found = await read(connection, query, DecisionRow)
        return found[0] if found else None

    async def page(self, tenant_id: str, *, before: int | None = None, limit: int = 100) -> list[DecisionRow]:
        query = select(DECISIONS).where(DECISIONS.c.tenant_id == tenant_id)
        if before is not None:
            query = query.where(DECISIONS.c.id < before)
        async with self._store.reading() as connection:
            return await read(connection, query.order_by(DECISIONS.c.id.desc()).limit(limit), DecisionRow)

    async def cut(self, before: float) -> int:
        async with self._store.writing() as connection:
            return (await connection.execute(delete(DECISIONS).where(DECISIONS.c.at < before))).rowcount


@final
class MemoryDecisions:
    """The twin in memory; it passes the same tests."""

    def __init__(self) -> None:
        self._rows: list[DecisionRow] = []
        self._last_id = 0

    async def append(self, rows: Sequence[DecisionRow]) -> None:
        for row in rows:
            if all(there.request_id != row.request_id for there in self._rows):
                self._last_id += 1
                self._rows.append(msgspec.structs.replace(row, id=self._last_id))

    async def of(self, tenant_id: str, request_id: str) -> DecisionRow | None:
        found = (row for row in self._rows if (row.tenant_id, row.request_id) == (tenant_id, request_id))
        return next(found, None)

    async def page(self, tenant_id: str, *, before: int | None = None, limit: int = 100) -> list[DecisionRow]:
        found = (row for row in reversed(self._rows) if row.tenant_id == tenant_id)
        return [row for row in found if before is None or row.id < before][:limit]

    async def cut(self, before: float) -> int:
        kept = [row for row in self._rows if row.at >= before]
        gone = len(self._rows) - len(kept)
        self._rows = kept
        return gone
