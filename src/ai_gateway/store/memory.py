"""The store's twin in memory: the same contract in dictionaries, for tests and for trying things out.

It ships, and it passes the contract suite of the SQL store, so that a test against it says something about the real
one. A unit works on a copy and swaps it in when the block ends: that is the whole of its atomicity. Units take turns,
as write transactions do on SQLite.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import product
from typing import Any, TypeVar, final

import msgspec

from ai_gateway.domain.budgets import Leg, Window
from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.traffic import WindowSpent
from ai_gateway.policy.windows import number_of, window_id, window_of_id, windows_of_day
from ai_gateway.store import refresh
from ai_gateway.store.charges import Span
from ai_gateway.store.ledger_columns import Entries
from ai_gateway.store.receipts import row_of
from ai_gateway.store.records import AnyTenant, Conflict, Scope, Unit
from ai_gateway.store.rows import (
    ApiKeyRow,
    AuditRow,
    BudgetRow,
    DepartmentRow,
    EnhancedProviderConfig,
    LedgerRow,
    PoolRow,
    PriceRow,
    RouteRow,
    Row,
    SecretRow,
    TeamRow,
    TenantRow,
    UserRow,
)
from ai_gateway.store.snapshots import KeyRecord, SnapshotCompiler, TenantParts
from ai_gateway.store.windows import LEG_COLUMNS, amounts_of

R = TypeVar("R", bound=Row)

_Tables = dict[type[Row], dict[str, Row]]

_Name = tuple[str, tuple[str | None] | None, Any]
"""(column, its tenant or None for everywhere, value): what only one row may be called."""


@final
class MemoryStore:
    def __init__(self, compile: SnapshotCompiler) -> None:
        self._compiler = compile
        self._tables: _Tables = {}
        self._changes: list[ConfigurationChanged] = []
        self._ledger: list[LedgerRow] = []
        self.added_by: dict[str, int] = {}
        self._attempts: set[tuple[str, str]] = set()
        self._turn = asyncio.Lock()

    def begin(self) -> AbstractAsyncContextManager[Unit]:
        return self._begin()

    @asynccontextmanager
    async def _begin(self) -> AsyncGenerator[Unit]:
        async with self._turn:
            unit = _MemoryUnit({kind: dict(rows) for kind, rows in self._tables.items()}, list(self._changes))
            yield unit
            self._tables, self._changes = unit.tables, unit.changes

    async def changes_since(self, revision: int) -> list[ConfigurationChanged]:
        return [change for change in self._changes if change.revision > revision]

    async def load_snapshot(self) -> Snapshot:
        return await refresh.load(_MemoryReader(self._tables, self._changes), self._compiler)

    async def apply_changes(self, snapshot: Snapshot, changes: Sequence[ConfigurationChanged]) -> Snapshot:
        return await refresh.apply(_MemoryReader(self._tables, self._changes), self._compiler, snapshot, changes)

    async def append_ledger(self, entries: Entries, process_id: str = "") -> int:
        before = len(self._ledger)
        for row in (it if isinstance(it, LedgerRow) else row_of(it) for it in entries):
            if (row.attempt_id, row.kind) not in self._attempts:
                self._attempts.add((row.attempt_id, row.kind))
                self._ledger.append(msgspec.structs.replace(row, id=len(self._ledger) + 1))
                self.added_by[process_id] = self.added_by.get(process_id, 0) + row.cost_nano_usd
        return len(self._ledger) - before

    async def page_ledger(
        self, scope: Scope, *, before: int | None = None, limit: int = 100, **equal: Any
    ) -> list[LedgerRow]:
        matching = (
            row
            for row in reversed(self._ledger)
            if _in_scope(row.tenant_id, scope) and (before is None or row.id < before) and _equals(row, equal)
        )
        return [row for row, _ in zip(matching, range(limit), strict=False)]

    async def ledger_watermark(self) -> int:
        return len(self._ledger)

    async def spent_in(self, window_ids: Sequence[str]) -> list[WindowSpent]:
        sums: dict[tuple[Leg, str], list[int]] = {}
        for row in self._ledger:
            for leg, window in product(_legs(row), Window):
                name = window_id(window, number_of(window, windows_of_day(row.day)))
                if name in window_ids:
                    totals = sums.setdefault((leg, name), [0, 0, 0])
                    for place, amount in enumerate(amounts_of(row)):
                        totals[place] += amount
        return [
            WindowSpent(leg, *window_of_id(name), (totals[0], totals[1], totals[2]))
            for (leg, name), totals in sums.items()
        ]

    async def charges(self, scope: Scope, span: Span, limit: int) -> list[LedgerRow]:
        found = [row for row in self._ledger if _in_scope(row.tenant_id, scope) and span.has(row)]
        return sorted(found, key=lambda row: (row.request_id, row.id))[:limit]

    async def adjustments(self, request_ids: Sequence[str]) -> list[LedgerRow]:
        return [row for row in self._ledger if row.kind == "adjust" and row.request_id in request_ids]

    async def ping(self) -> None:
        """Memory is always there."""

    async def close(self) -> None:
        """Nothing to close."""


@final
class _MemoryUnit:
    def __init__(self, tables: _Tables, changes: list[ConfigurationChanged]) -> None:
        self.tables = tables
        self.changes = changes
        self._names: dict[type[Row], dict[_Name, str]] = {}

    async def insert(self, row: Row) -> None:
        if row.id in self._rows(type(row)):
            raise Conflict(row.noun, "id")
        self._put(row)

    async def insert_missing(self, rows: Sequence[Row]) -> int:
        missing = [row for row in rows if row.id not in self._rows(type(row))]
        for row in missing:
            self._put(row)
        return len(missing)

    async def fetch(self, kind: type[R], scope: Scope, row_id: str) -> R | None:
        row = self._rows(kind).get(row_id)
        return row if row is not None and _in_scope(row.tenant_id, scope) else None

    async def find(self, kind: type[R], scope: Scope, **equal: Any) -> list[R]:
        return [row for row in _by_id(self._rows(kind)) if _in_scope(row.tenant_id, scope) and _equals(row, equal)]

    async def page(
        self, kind: type[R], scope: Scope, *, after: str | None = None, limit: int = 100, **equal: Any
    ) -> list[R]:
        rows = await self.find(kind, scope, **equal)
        if kind is AuditRow:
            rows = [row for row in reversed(rows) if after is None or row.id < after]
        else:
            rows = [row for row in rows if after is None or row.id > after]
        return rows[:limit]

    async def replace(self, row: Row) -> bool:
        there = self._rows(type(row)).get(row.id)
        if there is None or there.tenant_id != row.tenant_id:
            return False
        self._put(row)
        return True

    async def delete(self, kind: type[Row], scope: Scope, row_id: str) -> bool:
        row = await self.fetch(kind, scope, row_id)
        if row is None:
            return False
        self._forget(row)
        del self._rows(kind)[row_id]
        return True

    async def bump(self, tenant_id: str | None, noun: str, noun_id: str) -> ConfigurationChanged:
        revision = self.changes[-1].revision + 1 if self.changes else 1
        change = ConfigurationChanged(revision=revision, tenant_id=tenant_id, noun=noun, noun_id=noun_id)
        self.changes.append(change)
        return change

    def _rows(self, kind: type[R]) -> dict[str, R]:
        return self.tables.setdefault(kind, {})  # pyright: ignore[reportReturnType]  # a table holds its kind alone

    def _put(self, row: Row) -> None:
        taken = self._names_of(type(row))
        for name in _names(row):
            if taken.get(name, row.id) != row.id:
                raise Conflict(row.noun, name[0])
        there = self._rows(type(row)).get(row.id)
        if there is not None:
            self._forget(there)
        self._rows(type(row))[row.id] = row
        taken.update(dict.fromkeys(_names(row), row.id))

    def _forget(self, row: Row) -> None:
        taken = self._names_of(type(row))
        for name in _names(row):
            del taken[name]

    def _names_of(self, kind: type[Row]) -> dict[_Name, str]:
        """Which names are taken, by whom; indexed on a unit's first write, so that filling a table is not quadratic."""
        if kind not in self._names:
            self._names[kind] = {name: row.id for row in self._rows(kind).values() for name in _names(row)}
        return self._names[kind]


@final
class _MemoryReader:
    """Reads the committed tables; a unit that commits meanwhile swaps in others, so this view stays consistent."""

    def __init__(self, tables: _Tables, changes: list[ConfigurationChanged]) -> None:
        self._tables = tables
        self._changes = changes

    async def revision(self) -> int:
        return self._changes[-1].revision if self._changes else 0

    async def book_prices(self) -> list[PriceRow]:
        return [row for row in self._all(PriceRow) if row.tenant_id is None]

    async def tenant_parts(self, tenant_ids: Collection[str] | None) -> list[TenantParts]:
        wanted = [row for row in self._all(TenantRow) if tenant_ids is None or row.id in tenant_ids]
        return [
            TenantParts(
                tenant=tenant,
                configs=self._of(EnhancedProviderConfig, tenant.id),
                secrets=self._of(SecretRow, tenant.id),
                pools=self._of(PoolRow, tenant.id),
                routes=self._of(RouteRow, tenant.id),
                prices=self._of(PriceRow, tenant.id),
                teams=self._of(TeamRow, tenant.id),
                users=self._of(UserRow, tenant.id),
                departments=self._of(DepartmentRow, tenant.id),
                budgets=self._of(BudgetRow, tenant.id),
            )
            for tenant in wanted
        ]

    async def all_keys(self) -> list[KeyRecord]:
        return _key_records(self._all(ApiKeyRow))

    async def keys_by_id(self, key_ids: Collection[str]) -> list[KeyRecord]:
        return _key_records(row for row in self._all(ApiKeyRow) if row.id in key_ids)

    async def keys_of_tenants(self, tenant_ids: Collection[str]) -> list[KeyRecord]:
        return _key_records(row for row in self._all(ApiKeyRow) if row.tenant_id in tenant_ids)

    def _all(self, kind: type[R]) -> list[R]:
        return _by_id(self._tables.get(kind, {}))  # pyright: ignore[reportReturnType]  # as in _MemoryUnit

    def _of(self, kind: type[R], tenant_id: str) -> tuple[R, ...]:
        return tuple(row for row in self._all(kind) if row.tenant_id == tenant_id)


def _in_scope(tenant_id: str | None, scope: Scope) -> bool:
    return isinstance(scope, AnyTenant) or tenant_id == scope


def _equals(row: Row | LedgerRow, equal: dict[str, Any]) -> bool:
    return all(getattr(row, column) == wanted for column, wanted in equal.items())


def _by_id(rows: dict[str, R]) -> list[R]:
    return [rows[row_id] for row_id in sorted(rows)]


def _names(row: Row) -> Iterator[_Name]:
    for field in row.unique_everywhere:
        yield field, None, getattr(row, field)
    for field in row.unique:
        yield field, (row.tenant_id,), getattr(row, field)


def _key_records(rows: Iterable[ApiKeyRow]) -> list[KeyRecord]:
    return [
        KeyRecord(
            id=row.id,
            tenant_id=row.tenant_id or "",
            name=row.name,
            digest=row.digest,
            enabled=row.enabled,
            expires_at=row.expires_at,
            allowed_models=row.allowed_models,
            department_id=row.department_id,
            team_id=row.team_id,
            user_id=row.user_id,
            cost_limit_daily=row.cost_limit_daily,
            cost_limit_monthly=row.cost_limit_monthly,
            cost_limit_total=row.cost_limit_total,
            rate_limits=row.rate_limits,
        )
        for row in rows
        if row.revoked_at is None
    ]


def _legs(row: LedgerRow) -> Iterator[Leg]:
    for scope, column in LEG_COLUMNS.items():
        leg_id: str | None = getattr(row, column)
        if leg_id is not None:
            yield scope.value, leg_id
