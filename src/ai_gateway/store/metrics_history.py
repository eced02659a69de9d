"""What endpoints did, by the minute, the hour and the day: each coarser span is the exact sum of the finer one.

A roll-up reads and writes in one transaction and overwrites what an earlier one wrote, so that it may be repeated, by
any process, as often as it likes: after a crash, after minutes that came late, and by two processes at once.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol, final

import msgspec
from sqlalchemy import Select, delete, func, select

from ai_gateway.policy.histogram import merge
from ai_gateway.store.observations import MetricsRow
from ai_gateway.store.plain_rows import read, upsert
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import METRICS_HISTORY

MINUTE: Final = "1m"
HOUR: Final = "1h"
DAY: Final = "1d"
SECONDS: Final = {MINUTE: 60, HOUR: 3_600, DAY: 86_400}
FINER: Final = {HOUR: MINUTE, DAY: HOUR}
"""What each span is rolled up from."""

ROLLED: Final = ""
"""The writer of a roll-up: nobody's, since every process would write the same."""


class MetricsHistory(Protocol):
    """Every call raises StoreUnavailable while the database is away. Instants are Unix seconds."""

    async def put(self, rows: Sequence[MetricsRow]) -> None: ...

    async def read(self, tenant_id: str, endpoint_id: str, span: str, since: float, until: float) -> list[MetricsRow]:
        """Oldest first, `since` <= starts_at < `until`; the rows of several processes added up."""
        ...

    async def reaches(self, span: str) -> tuple[float, float] | None:
        """The first and the last `starts_at` of a span; None where it has no row."""
        ...

    async def roll_up(self, span: str, starts_at: float) -> int:
        """Write what the finer rows of this hour or day add up to; how many endpoints had any."""
        ...

    async def cut(self, span: str, before: float) -> int:
        """Forget the rows of a span that began before this instant; how many there were."""
        ...


def add_up(rows: Iterable[MetricsRow], span: str, starts_at: float) -> list[MetricsRow]:
    """One row an endpoint, named as its newest row names it."""
    by_endpoint: dict[str, list[MetricsRow]] = {}
    for row in rows:
        by_endpoint.setdefault(row.endpoint_id, []).append(row)
    return [
        msgspec.structs.replace(
            parts[-1],
            span=span,
            starts_at=starts_at,
            writer=ROLLED,
            requests=sum(it.requests for it in parts),
            errors=sum(it.errors for it in parts),
            most_active=max(it.most_active for it in parts),
            latencies=merge(it.latencies for it in parts),
            first_tokens=merge(it.first_tokens for it in parts),
        )
        for parts in by_endpoint.values()
    ]


@final
class SqlMetricsHistory:
    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def put(self, rows: Sequence[MetricsRow]) -> None:
        async with self._store.writing() as connection:
            await upsert(connection, METRICS_HISTORY, rows)

    async def read(self, tenant_id: str, endpoint_id: str, span: str, since: float, until: float) -> list[MetricsRow]:
        columns = METRICS_HISTORY.c
        query = _between(span, since, until).where(columns.tenant_id == tenant_id, columns.endpoint_id == endpoint_id)
        async with self._store.reading() as connection:
            return _by_instant(await read(connection, query, MetricsRow), span)

    async def reaches(self, span: str) -> tuple[float, float] | None:
        starts = METRICS_HISTORY.c.starts_at
        query = select(func.min(starts), func.max(starts)).where(METRICS_HISTORY.c.span == span)
        async with self._store.reading() as connection:
            first, last = (await connection.execute(query)).one()
        return None if first is None else (first, last)

    async def roll_up(self, span: str, starts_at: float) -> int:
        query = _between(FINER[span], starts_at, starts_at + SECONDS[span])
        async with self._store.writing() as connection:
            rolled = add_up(await read(connection, query, MetricsRow), span, starts_at)
            await upsert(connection, METRICS_HISTORY, rolled)
        return len(rolled)

    async def cut(self, span: str, before: float) -> int:
        columns = METRICS_HISTORY.c
        statement = delete(METRICS_HISTORY).where(columns.span == span, columns.starts_at < before)
        async with self._store.writing() as connection:
            return (await connection.execute(statement)).rowcount


@final
class MemoryMetricsHistory:
    """The twin in memory; it passes the same tests."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, float, str], MetricsRow] = {}

    async def put(self, rows: Sequence[MetricsRow]) -> None:
        for row in rows:
            self._rows[row.span, row.endpoint_id, row.starts_at, row.writer] = row

    async def read(self, tenant_id: str, endpoint_id: str, span: str, since: float, until: float) -> list[MetricsRow]:
        found = self._between(span, since, until)
        return _by_instant([it for it in found if (it.tenant_id, it.endpoint_id) == (tenant_id, endpoint_id)], span)

    async def reaches(self, span: str) -> tuple[float, float] | None:
        starts = [row.starts_at for row in self._rows.values() if row.span == span]
        return (min(starts), max(starts)) if starts else None

    async def roll_up(self, span: str, starts_at: float) -> int:
        rolled = add_up(self._between(FINER[span], starts_at, starts_at + SECONDS[span]), span, starts_at)
        await self.put(rolled)
        return len(rolled)

    async def cut(self, span: str, before: float) -> int:
        gone = [key for key, row in self._rows.items() if row.span == span and row.starts_at < before]
        for key in gone:
            del self._rows[key]
        return len(gone)

    def _between(self, span: str, since: float, until: float) -> list[MetricsRow]:
        found = (it for it in self._rows.values() if it.span == span and since <= it.starts_at < until)
        return sorted(found, key=lambda it: (it.starts_at, it.endpoint_id, it.writer))


def _between(span: str, since: float, until: float) -> Select[Any]:
    columns = METRICS_HISTORY.c
    query = select(METRICS_HISTORY).where(columns.span == span, columns.starts_at >= since, columns.starts_at < until)
    return query.order_by(columns.starts_at, columns.endpoint_id, columns.writer)


def _by_instant(rows: list[MetricsRow], span: str) -> list[MetricsRow]:
    """The rows of one endpoint, those of several processes added up."""
    instants = sorted({row.starts_at for row in rows})
    return [total for at in instants for total in add_up([row for row in rows if row.starts_at == at], span, at)]
