"""What a Snapshot is made of, read out of SQL: one statement a noun, however many tenants are wanted.

Keys are the exception in size, so they come as tuples of just the columns that the data plane needs: a hundred
thousand of them pass through here when a process starts.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeVar, final

import msgspec
from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.store.rows import (
    ApiKeyRow,
    BudgetRow,
    DepartmentRow,
    EnhancedProviderConfig,
    PoolRow,
    PriceRow,
    RouteRow,
    Row,
    SecretRow,
    TeamRow,
    TenantRow,
    UserRow,
)
from ai_gateway.store.slices import in_slices
from ai_gateway.store.snapshots import KeyRecord, TenantParts
from ai_gateway.store.tables import NOBODY, REVISIONS, TABLES, row_of, select_rows

R = TypeVar("R", bound=Row)

_AT_ONCE: Final = 1_000  # parameters in one IN: databases have limits, SQLite's is 32,766
_KEYS: Final = TABLES[ApiKeyRow]
_ALL_KEYS: Final = select(*(_KEYS.c[name] for name in KeyRecord.__struct_fields__)).where(_KEYS.c.revoked_at.is_(None))


@final
class SqlReader:
    """A refresh.ConfigurationReader over one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def revision(self) -> int:
        return (await self._connection.execute(select(func.max(REVISIONS.c.revision)))).scalar_one() or 0

    async def book_prices(self) -> list[PriceRow]:
        return await self._rows(PriceRow, {NOBODY})

    async def tenant_parts(self, tenant_ids: Collection[str] | None) -> list[TenantParts]:
        tenants = await self._rows(TenantRow, tenant_ids)
        configs = _by_tenant(await self._rows(EnhancedProviderConfig, tenant_ids))
        secrets = _by_tenant(await self._rows(SecretRow, tenant_ids))
        pools = _by_tenant(await self._rows(PoolRow, tenant_ids))
        routes = _by_tenant(await self._rows(RouteRow, tenant_ids))
        prices = _by_tenant(await self._rows(PriceRow, tenant_ids))
        teams = _by_tenant(await self._rows(TeamRow, tenant_ids))
        users = _by_tenant(await self._rows(UserRow, tenant_ids))
        departments = _by_tenant(await self._rows(DepartmentRow, tenant_ids))
        budgets = _by_tenant(await self._rows(BudgetRow, tenant_ids))
        return [
            TenantParts(
                tenant=tenant,
                configs=tuple(configs.get(tenant.id, ())),
                secrets=tuple(secrets.get(tenant.id, ())),
                pools=tuple(pools.get(tenant.id, ())),
                routes=tuple(routes.get(tenant.id, ())),
                prices=tuple(prices.get(tenant.id, ())),
                teams=tuple(teams.get(tenant.id, ())),
                users=tuple(users.get(tenant.id, ())),
                departments=tuple(departments.get(tenant.id, ())),
                budgets=tuple(budgets.get(tenant.id, ())),
            )
            for tenant in tenants
        ]

    async def all_keys(self) -> list[KeyRecord]:
        return await self._keys(_ALL_KEYS)

    async def keys_by_id(self, key_ids: Collection[str]) -> list[KeyRecord]:
        chunks = [await self._keys(_ALL_KEYS.where(_KEYS.c.id.in_(chunk))) for chunk in _chunks(key_ids)]
        return [record for chunk in chunks for record in chunk]

    async def keys_of_tenants(self, tenant_ids: Collection[str]) -> list[KeyRecord]:
        chunks = [await self._keys(_ALL_KEYS.where(_KEYS.c.tenant_id.in_(chunk))) for chunk in _chunks(tenant_ids)]
        return [record for chunk in chunks for record in chunk]

    async def _rows(self, kind: type[R], tenant_ids: Collection[str] | None) -> list[R]:
        table = TABLES[kind]
        everything = select_rows(kind).order_by(table.c.id)
        if tenant_ids is None:
            return await self._fetch(kind, everything)
        chunks = [
            await self._fetch(kind, everything.where(table.c.tenant_id.in_(chunk))) for chunk in _chunks(tenant_ids)
        ]
        return [row for chunk in chunks for row in chunk]

    async def _fetch(self, kind: type[R], query: Select[Any]) -> list[R]:
        found = await self._connection.execute(query)
        return [row_of(kind, columns) async for part in in_slices(found) for columns in part]

    async def _keys(self, query: Select[Any]) -> list[KeyRecord]:
        found = await self._connection.execute(query)
        return [_key_record(columns) async for part in in_slices(found) for columns in part]


async def read_changes(connection: AsyncConnection, revision: int) -> list[ConfigurationChanged]:
    query = select(REVISIONS).where(REVISIONS.c.revision > revision).order_by(REVISIONS.c.revision)
    return [
        ConfigurationChanged(revision=row.revision, tenant_id=row.tenant_id, noun=row.noun, noun_id=row.noun_id)
        for row in await connection.execute(query)
    ]


def _key_record(columns: Sequence[Any]) -> KeyRecord:
    """Fields and columns have one order: the statement was made from the fields."""
    return msgspec.convert(dict(zip(KeyRecord.__struct_fields__, columns, strict=True)), KeyRecord)


def _by_tenant(rows: list[R]) -> dict[str, list[R]]:
    grouped: dict[str, list[R]] = {}
    for row in rows:
        grouped.setdefault(row.tenant_id or NOBODY, []).append(row)
    return grouped


def _chunks(ids: Collection[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while chunk := list(islice(rest, _AT_ONCE)):
        yield chunk
