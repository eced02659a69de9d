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
from ai_gateway.store.tables import LEDGER, NOBODY

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


class WindowDifference(msgspec.Struct, frozen=True):
    """A window whose total is not what its rows cost; `ledger_nano` minus the total."""

    window_id: str
    scope: str
    scope_id: str
    difference_nano: int


class AuditBooks(Protocol):
    """Every call raises StoreUnavailable while the database is away."""

    async def cost(self, scope: Scope, through: int) -> int:
        """Nano-dollars of all rows up to a watermark."""
        ...

    async def charged(self, since_request_id: str, through: int) -> int:
        """Nano-dollars of all attempts of requests that were admitted from then on."""
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
        f"SELECT {window} AS window_id, '{scope}' AS scope, {column} AS scope_id, sum(cost_nano_usd) AS nano"  # noqa: S608
        f" FROM ledger WHERE {column} IS NOT NULL AND {scoped} GROUP BY 1, 3"
        for scope, column in _LEGS
        for window in (f"'D:' || {day}", f"'M:' || {month}", "'T:total'")
    ]
    parts.append(f"SELECT window_id, scope, scope_id, -cost_nano_usd FROM spending_windows WHERE {scoped}")  # noqa: S608
    return (
        f"SELECT window_id, scope, scope_id, sum(nano) FROM ({' UNION ALL '.join(parts)}) AS both_books"  # noqa: S608
        f" GROUP BY 1, 2, 3 HAVING sum(nano) <> 0 ORDER BY 1, 2, 3 LIMIT {MOST_DIFFERENCES}"
    )


def _difference(row: Sequence[Any]) -> WindowDifference:
    window_id, scope, scope_id, nano = row
    return WindowDifference(window_id, scope, scope_id, int(nano))


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

    async def window_differences(self, scope: Scope) -> list[WindowDifference]:
        return []
