"""The books against themselves: plain sums of the ledger, for whoever wants to compare, and the totals of windows
against the rows that they were made of.

The sums are spelled anew here and not taken from where they are used, or an audit would only show that a mistake is
made the same way twice.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol, final

import msgspec
from sqlalchemy import bindparam, func, select, text

from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.records import ANY_TENANT, AnyTenant, Scope
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import LEDGER, NOBODY, WINDOWS

MOST_DIFFERENCES: Final = 20
_LEGS: Final = (
    ("key", "key_id"),
    ("team", "team_id"),
    ("department", "department_id"),
    ("user", "user_id"),
    ("tenant", "tenant_id"),
)
_DATES: Final = {
    "sqlite": ("date(day * 86400, 'unixepoch')", "strftime('%Y-%m', day * 86400, 'unixepoch')"),
    "postgresql": (
        "to_char(DATE '1970-01-01' + CAST(day AS integer), 'YYYY-MM-DD')",
        "to_char(DATE '1970-01-01' + CAST(day AS integer), 'YYYY-MM')",
    ),
}

_SUMS: Final = (
    "sum(cost_nano_usd) AS nano,"
    " sum(CASE kind WHEN 'charge' THEN input_tokens + output_tokens ELSE 0 END) AS tokens,"
    " count(CASE WHEN kind = 'charge' AND outcome <> 'refused' AND attempt_id LIKE '%!_1' ESCAPE '!' THEN 1 END)"
    " AS requests"
)
"""A request counts with its first attempt."""


class WindowDifference(msgspec.Struct, frozen=True):
    """A window whose total is not what its rows say: the ledger minus the total."""

    window_id: str
    scope: str
    scope_id: str
    difference_nano: int
    difference_tokens: int
    difference_requests: int


class AuditBooks(Protocol):
    """Every call raises StoreUnavailable while the database is away."""

    async def cost(self, scope: Scope, through: int) -> int:
        """Nano-dollars of all rows up to a watermark."""
        ...

    async def charged(self, since_request_id: str, through: int) -> int:
        """Nano-dollars of all attempts of requests that were admitted from then on."""
        ...

    async def added_by(self, process_id: str) -> int:
        """Nano-dollars that a process has added to the totals of all time."""
        ...

    async def window_differences(self, scope: Scope) -> list[WindowDifference]:
        """At most MOST_DIFFERENCES, of one instant."""
        ...


@final
class SqlAuditBooks:
    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def cost(self, scope: Scope, through: int) -> int:
        query = select(func.sum(LEDGER.c.cost_nano_usd)).where(LEDGER.c.id <= through)
        if not isinstance(scope, AnyTenant):
            query = query.where(LEDGER.c.tenant_id == (scope or NOBODY))
        async with self._store.reading() as connection:
            return int((await connection.execute(query)).scalar_one() or 0)

    async def charged(self, since_request_id: str, through: int) -> int:
        query = select(func.sum(LEDGER.c.cost_nano_usd)).where(LEDGER.c.id <= through, LEDGER.c.kind == "charge")
        async with self._store.reading() as connection:
            request_id: Any = LEDGER.c.request_id
            if connection.dialect.name == "postgresql":
                request_id = request_id.collate("C")
            return int((await connection.execute(query.where(request_id >= since_request_id))).scalar_one() or 0)

    async def added_by(self, process_id: str) -> int:
        total = WINDOWS.c
        query = select(func.sum(total.cost_nano_usd)).where(
            total.window_id == "T:total", total.scope == "tenant", total.process_id == process_id
        )
        async with self._store.reading() as connection:
            return int((await connection.execute(query)).scalar_one() or 0)

    async def window_differences(self, scope: Scope) -> list[WindowDifference]:
        async with self._store.reading() as connection:
            if isinstance(scope, AnyTenant):
                found = await connection.execute(text(_differences(connection.dialect.name, "1 = 1")))
            else:
                query = text(_differences(connection.dialect.name, "tenant_id = :tenant")).bindparams(
                    bindparam("tenant", scope or NOBODY)
                )
                found = await connection.execute(query)
            return [_difference(row) for row in found]


def _differences(dialect: str, scoped: str) -> str:
    day, month = _DATES[dialect]
    parts = [
        f"SELECT {window} AS window_id, '{scope}' AS scope, {column} AS scope_id, {_SUMS}"  # noqa: S608
        f" FROM ledger WHERE {column} IS NOT NULL AND {scoped} GROUP BY 1, 3"
        for scope, column in _LEGS
        for window in (f"'D:' || {day}", f"'M:' || {month}", "'T:total'")
    ]
    parts.append(
        f"SELECT window_id, scope, scope_id, -cost_nano_usd, -tokens, -requests FROM spending_windows WHERE {scoped}"  # noqa: S608
    )
    return (
        "SELECT window_id, scope, scope_id, sum(nano), sum(tokens), sum(requests)"  # noqa: S608
        f" FROM ({' UNION ALL '.join(parts)}) AS both_books GROUP BY 1, 2, 3"
        " HAVING sum(nano) <> 0 OR sum(tokens) <> 0 OR sum(requests) <> 0"
        f" ORDER BY 1, 2, 3 LIMIT {MOST_DIFFERENCES}"
    )


def _difference(row: Sequence[Any]) -> WindowDifference:
    window_id, scope, scope_id, *differences = row
    return WindowDifference(window_id, scope, scope_id, *map(int, differences))


@final
class MemoryAuditBooks:
    """The twin in memory, which has no totals that could differ."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def cost(self, scope: Scope, through: int) -> int:
        return sum(row.cost_nano_usd for row in await self._store.page_ledger(scope, before=through + 1, limit=through))

    async def charged(self, since_request_id: str, through: int) -> int:
        rows = await self._store.page_ledger(ANY_TENANT, before=through + 1, limit=through)
        charges = (row for row in rows if row.kind == "charge" and row.request_id >= since_request_id)
        return sum(row.cost_nano_usd for row in charges)

    async def added_by(self, process_id: str) -> int:
        return self._store.added_by.get(process_id, 0)

    async def window_differences(self, scope: Scope) -> list[WindowDifference]:
        return []
