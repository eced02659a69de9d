"""What was used and what it cost, by whom and when: sums over the ledger, at a place in it that does not move.

A ledger only grows, so a reader that names the last row it saw (the watermark) sees the same sums for ever: pages of
one listing belong together, and two readers can be compared to the nano-dollar. Nothing is added up ahead of time,
because a second place that knows the sums is a second truth; an index by tenant and day keeps a day's question from
reading a year.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, final

import msgspec
from sqlalchemy import ColumnElement, Integer, Select, case, cast, distinct, func, select

from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.records import AnyTenant, Scope
from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import LEDGER, NOBODY

DIMENSIONS: Final[Mapping[str, str]] = {
    "key": "key_id",
    "team": "team_id",
    "department": "department_id",
    "user": "user_id",
    "tenant": "tenant_id",
    "model": "model",
    "requested_model": "requested_model",
    "provider": "provider",
    "endpoint": "endpoint",
    "route": "route",
    "credential": "credential",
    "outcome": "outcome",
    "day": "day",
}
"""What sums can be grouped by -> its column in the ledger."""

LANES: Final = tuple(
    name for name in LedgerRow.__struct_fields__ if name.endswith("_tokens") and name != "delivered_tokens"
)
SUMS: Final = ("requests", "attempts", "refused", "cached", "errors", "estimated", *LANES, "cost_nano_usd")
"""`requests` counts requests, also those that were refused; `attempts` calls to providers; `cached` answers that the
gateway had; `errors` those of them that
failed (who leaves has not failed). Tokens are those of attempts, cost is that of attempts and adjustments."""

_NO_ERRORS: Final = ("ok", "cancelled", "refused")


class Bound(msgspec.Struct, frozen=True):
    """An instant, as the ledger is asked for it: what sorts before every request that was admitted from then on, and
    the outermost day that can have a row on this side of it, in whatever zone."""

    day: int
    request_id: str


class UsageQuery(msgspec.Struct, frozen=True):
    """`through` is the watermark. `since` is in, `until` is out. `equal` holds columns to values."""

    by: tuple[str, ...]
    scope: Scope
    through: int
    since: Bound | None = None
    until: Bound | None = None
    equal: Mapping[str, str] = {}


class UsageGroup(msgspec.Struct, frozen=True):
    """`values` in the order of the query's `by`; None where a row names nobody. `sums` as SUMS names them."""

    values: tuple[str | int | None, ...]
    sums: Mapping[str, int]


class UsageBooks(Protocol):
    """Every call raises StoreUnavailable while the database is away."""

    async def watermark(self) -> int:
        """A place in the ledger up to which no row will be added any more."""
        ...

    async def page(self, query: UsageQuery, *, offset: int = 0, limit: int) -> list[UsageGroup]:
        """Groups in the order of their values. They stand still while `query` does, so they can be counted off."""
        ...


@final
class SqlUsage:
    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def watermark(self) -> int:
        return await self._store.ledger_watermark()

    async def page(self, query: UsageQuery, *, offset: int = 0, limit: int) -> list[UsageGroup]:
        async with self._store.reading() as connection:
            found = await connection.execute(select_usage(query, connection.dialect.name).limit(limit).offset(offset))
            return [_group(query, columns) for columns in found]


def select_usage(query: UsageQuery, dialect: str) -> Select[Any]:
    columns = LEDGER.c
    request_id: ColumnElement[str] = columns.request_id
    if dialect == "postgresql":
        request_id = request_id.collate("C")  # in the order of the bytes, whatever language the database sorts in
    groups = [columns[DIMENSIONS[name]] for name in query.by]
    is_charge = columns.kind == "charge"
    asked = is_charge & (columns.outcome != "refused") & ~columns.cached
    sums: list[ColumnElement[Any]] = [
        func.count(distinct(case((is_charge, columns.request_id)))),
        _count(asked),
        _count(is_charge & (columns.outcome == "refused")),
        _count(is_charge & columns.cached),
        _count(is_charge & columns.outcome.not_in(_NO_ERRORS)),
        _count(is_charge & columns.estimated),
        *(func.coalesce(func.sum(case((is_charge, columns[lane]), else_=0)), 0) for lane in LANES),
        func.coalesce(func.sum(columns.cost_nano_usd), 0),
    ]
    statement = select(*groups, *sums).where(columns.id <= query.through)
    if not isinstance(query.scope, AnyTenant):
        statement = statement.where(columns.tenant_id == (query.scope or NOBODY))
    if query.since is not None:
        statement = statement.where(columns.day >= query.since.day, request_id >= query.since.request_id)
    if query.until is not None:
        statement = statement.where(columns.day <= query.until.day, request_id < query.until.request_id)
    for name, wanted in query.equal.items():
        statement = statement.where(columns[name] == wanted)
    if not groups:
        return statement
    return statement.group_by(*groups).order_by(*(_in_order(group, dialect) for group in groups))


def _in_order(column: ColumnElement[Any], dialect: str) -> ColumnElement[Any]:
    """As bytes sort, nobody first: the same on every database."""
    if column.type.python_type is str and dialect == "postgresql":
        column = column.collate("C")
    return column.asc().nulls_first()


def _count(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(cast(case((condition, 1), else_=0), Integer)), 0)


def _group(query: UsageQuery, columns: Sequence[Any]) -> UsageGroup:
    count = len(query.by)
    return UsageGroup(tuple(columns[:count]), dict(zip(SUMS, map(int, columns[count:]), strict=True)))


@final
class MemoryUsage:
    """The twin in memory; it passes the same tests."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def watermark(self) -> int:
        return await self._store.ledger_watermark()

    async def page(self, query: UsageQuery, *, offset: int = 0, limit: int) -> list[UsageGroup]:
        rows = await self._store.page_ledger(query.scope, limit=query.through + 1, before=query.through + 1)
        groups: dict[tuple[str | int | None, ...], list[LedgerRow]] = {} if query.by else {(): []}
        for row in rows:
            if _is_meant(row, query):
                values = tuple(getattr(row, DIMENSIONS[name]) for name in query.by)
                groups.setdefault(values, []).append(row)
        ordered = sorted(groups, key=lambda values: [(value is not None, value) for value in values])
        return [UsageGroup(values, _sums(groups[values])) for values in ordered[offset : offset + limit]]


def _is_meant(row: LedgerRow, query: UsageQuery) -> bool:
    if query.since is not None and (row.day < query.since.day or row.request_id < query.since.request_id):
        return False
    if query.until is not None and (row.day > query.until.day or row.request_id >= query.until.request_id):
        return False
    return all(getattr(row, name) == wanted for name, wanted in query.equal.items())


def _sums(rows: Sequence[LedgerRow]) -> dict[str, int]:
    charges = [row for row in rows if row.kind == "charge"]
    counts = {
        "requests": len({row.request_id for row in charges}),
        "attempts": sum(row.outcome != "refused" and not row.cached for row in charges),
        "refused": sum(row.outcome == "refused" for row in charges),
        "cached": sum(row.cached for row in charges),
        "errors": sum(row.outcome not in _NO_ERRORS for row in charges),
        "estimated": sum(row.estimated for row in charges),
    }
    lanes = {lane: sum(getattr(row, lane) for row in charges) for lane in LANES}
    return {**counts, **lanes, "cost_nano_usd": sum(row.cost_nano_usd for row in rows)}
