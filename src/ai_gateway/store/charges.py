"""Charges of a span of time, in the order of their requests' ids, and what adjusted them.

Request ids begin with the instant of admission, so a span is a range of an index, and a page begins where the one
before ended, however long the ledger is.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_gateway.store.records import AnyTenant, Scope
from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.tables import LEDGER, NOBODY, ledger_row_of, select_ledger

_AT_ONCE: Final = 1_000


class Span(msgspec.Struct, frozen=True):
    """Requests from `first_id` up to before `until_id` whose attempts asked this model; `provider` None: of any type.
    A page begins behind `after` (request id, row id)."""

    first_id: str
    until_id: str
    model: str
    provider: str | None = None
    after: tuple[str, int] | None = None

    def has(self, row: LedgerRow) -> bool:
        return (
            row.kind == "charge"
            and self.first_id <= row.request_id < self.until_id
            and row.model == self.model
            and self.provider in (None, row.provider)
            and (self.after is None or (row.request_id, row.id) > self.after)
        )


async def charges(connection: AsyncConnection, scope: Scope, span: Span, limit: int) -> list[LedgerRow]:
    table = LEDGER.c
    request_id = _request_id(connection)
    query = select_ledger().where(table.kind == "charge", table.model == span.model, request_id < span.until_id)
    if not isinstance(scope, AnyTenant):
        query = query.where(table.tenant_id == (scope or NOBODY))
    if span.provider is not None:
        query = query.where(table.provider == span.provider)
    if span.after is None:
        query = query.where(request_id >= span.first_id)
    else:
        last, row_id = span.after
        query = query.where(request_id >= last, or_(request_id > last, and_(request_id == last, table.id > row_id)))
    query = query.order_by(request_id, table.id).limit(limit)
    return [ledger_row_of(columns) for columns in await connection.execute(query)]


async def adjustments(connection: AsyncConnection, request_ids: Sequence[str]) -> list[LedgerRow]:
    """All of these requests, oldest first."""
    found: list[LedgerRow] = []
    for start in range(0, len(request_ids), _AT_ONCE):
        asked = LEDGER.c.request_id.in_(request_ids[start : start + _AT_ONCE])
        query = select_ledger().where(LEDGER.c.kind == "adjust", asked).order_by(LEDGER.c.id)
        found += [ledger_row_of(columns) for columns in await connection.execute(query)]
    return found


def _request_id(connection: AsyncConnection) -> ColumnElement[str]:
    """In the order of the bytes, whatever language the database sorts in."""
    column: ColumnElement[str] = LEDGER.c.request_id
    return column.collate("C") if connection.dialect.name == "postgresql" else column
