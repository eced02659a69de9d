"""A correction of what was booked calls in the slices that were granted on the numbers before it.

Every process spends what it was granted without asking anybody, so nobody would notice that a limit has less left, or
more, until his slice is used up. A correction therefore says in its own transaction that what is leased of its windows
is wanted: owners look every 250 ms and give back what is idle, and their next hold asks for a grant, on the new
numbers.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text

from ai_gateway.domain.budgets import Window
from ai_gateway.domain.traffic import Receipt
from ai_gateway.policy.windows import number_of, window_id, windows_of_day
from ai_gateway.store.ledger_columns import Entries
from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.windows import LEG_COLUMNS

_PLACE: Final = ("window_id", "scope", "scope_id")
_RECALL: Final = text(
    "INSERT INTO lease_wants (tenant_id, scope, scope_id, window_id, unit, process_id, at)"
    " SELECT min(tenant_id), scope, scope_id, window_id, unit, '',"
    " CAST(extract(epoch FROM clock_timestamp()) AS double precision) FROM leases"
    " JOIN unnest(:window_id, :scope, :scope_id) AS places(window_id, scope, scope_id)"
    " USING (window_id, scope, scope_id) WHERE state = 'live' AND unit = 'usd'"
    " GROUP BY window_id, scope, scope_id, unit ORDER BY window_id, scope, scope_id, unit"
    " ON CONFLICT (window_id, scope, scope_id, unit, process_id) DO UPDATE SET at = excluded.at"
).bindparams(*(bindparam(name, type_=ARRAY(Text())) for name in _PLACE))
"""In the name of nobody, so that everybody hears it."""


async def recall(connection: AsyncConnection, entries: Entries) -> None:
    """For the rows that correct something. Only PostgreSQL has leases."""
    places = sorted({place for it in entries if it.kind == "adjust" for place in _places_of(it)})
    if not places or connection.dialect.name != "postgresql":
        return
    columns = zip(*places, strict=True)
    await connection.execute(_RECALL, dict(zip(_PLACE, map(list, columns), strict=True)))


def _places_of(entry: Receipt | LedgerRow) -> Iterator[tuple[Any, ...]]:
    windows = windows_of_day(entry.day)
    for window in Window:
        for scope, column in LEG_COLUMNS.items():
            owner = getattr(entry, column)
            if owner is not None:
                yield window_id(window, number_of(window, windows)), scope.value, owner
