"""The ledger in SQL: rows arrive in batches, each batch in few statements.

Row-wise inserts starve when the event loop is busy, since every row waits for its turn (326 rows a second were
measured, against tens of thousands at once). So many rows are one statement: on PostgreSQL one array a column that
`unnest` takes apart, on SQLite a list of VALUES (`store/ledger_file.py`). A row that is there already is skipped by its
(attempt_id, kind), which makes a replayed batch harmless. What the rows that were really inserted have cost is added to
the totals of their windows (`store/windows.py`) in the same transaction, so the two never differ.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Double, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from ai_gateway.store import windows
from ai_gateway.store.ledger_columns import COLUMNS, Entries, columns_of
from ai_gateway.store.records import AnyTenant, Scope
from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.tables import LEDGER, NOBODY, column_of, ledger_row_of, select_ledger

_NAMES: Final = ", ".join(COLUMNS)

_LEDGER_LOCK: Final = 7_204_008
_APPENDING: Final = text(f"SELECT pg_advisory_xact_lock_shared({_LEDGER_LOCK})")
_FENCE: Final = text(f"SELECT pg_advisory_xact_lock({_LEDGER_LOCK})")
_FENCE_SECONDS: Final = text("SET LOCAL lock_timeout = '5s'")


async def append(connection: AsyncConnection, entries: Entries, process_id: str = "") -> int:
    """On PostgreSQL. The number of rows really inserted."""
    if not entries:
        return 0
    await connection.execute(_APPENDING)
    arrays = {name: list(column) for name, column in zip(COLUMNS, columns_of(entries), strict=True)}
    return (await connection.execute(_INSERT_POSTGRESQL, {**arrays, "process": process_id})).scalar_one()


async def watermark(connection: AsyncConnection) -> int:
    """The last row's place, behind which rows will be added and before which none. On PostgreSQL places are given out
    before they are committed: so who appends holds a lock together with all others who do, and this waits for them, in
    a transaction of its own that has read nothing yet."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_FENCE_SECONDS)
        await connection.execute(_FENCE)
    return (await connection.execute(select(func.max(LEDGER.c.id)))).scalar_one() or 0


async def page(
    connection: AsyncConnection, scope: Scope, before: int | None, limit: int, equal: dict[str, Any]
) -> list[LedgerRow]:
    """Newest first."""
    query = select_ledger().order_by(LEDGER.c.id.desc()).limit(limit)
    if not isinstance(scope, AnyTenant):
        query = query.where(LEDGER.c.tenant_id == (scope or NOBODY))
    if before is not None:
        query = query.where(LEDGER.c.id < before)
    for name, wanted in equal.items():
        query = query.where(column_of(LEDGER, name) == wanted)
    return [ledger_row_of(columns) for columns in await connection.execute(query)]


def _postgresql_type(column_type: TypeEngine[Any]) -> str:
    if isinstance(column_type, Boolean):
        return "boolean"
    if isinstance(column_type, BigInteger):
        return "bigint"
    return "double precision" if isinstance(column_type, Double) else "text"


_UNNESTED: Final = ", ".join(f"CAST(:{name} AS {_postgresql_type(LEDGER.c[name].type)}[])" for name in COLUMNS)
_INSERT_POSTGRESQL: Final = text(
    f"WITH fresh AS (INSERT INTO ledger ({_NAMES}) SELECT * FROM unnest({_UNNESTED})"  # noqa: S608  # constants
    f" ON CONFLICT DO NOTHING RETURNING *), added AS ({windows.ADD_POSTGRESQL}) SELECT count(*) FROM fresh"
).bindparams(*(bindparam(name, type_=ARRAY(LEDGER.c[name].type)) for name in COLUMNS))
