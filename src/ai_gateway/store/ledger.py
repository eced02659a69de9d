"""The ledger in SQL: rows arrive in batches, each batch in one statement.

Row-wise inserts starve when the event loop is busy, since every row waits for its turn (326 rows a second were
measured, against 57,600 in one statement). So the batch travels as one parameter: a JSON text that `json_each` takes
apart on SQLite, one array a column that `unnest` takes apart on PostgreSQL. A row that is there already is skipped by
its (attempt_id, kind), which makes a replayed batch harmless.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Boolean, ColumnElement, Double, bindparam, case, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from ai_gateway.domain.traffic import LegSpent
from ai_gateway.store.records import AnyTenant, Scope
from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.tables import LEDGER, NOBODY, column_of, ledger_row_of, select_ledger

_COLUMNS: Final = tuple(column.name for column in LEDGER.columns if column.name != "id")
_NAMES: Final = ", ".join(_COLUMNS)

_LEDGER_LOCK: Final = 7_204_008
_APPENDING: Final = text(f"SELECT pg_advisory_xact_lock_shared({_LEDGER_LOCK})")
_FENCE: Final = text(f"SELECT pg_advisory_xact_lock({_LEDGER_LOCK})")
_FENCE_SECONDS: Final = text("SET LOCAL lock_timeout = '5s'")

LEG_COLUMNS: Final = {
    "key": "key_id",
    "team": "team_id",
    "department": "department_id",
    "user": "user_id",
    "tenant": "tenant_id",
}
"""Level of a leg (`policy.quotas.legs_of`) -> the column that names who it is."""


async def append(connection: AsyncConnection, rows: Sequence[LedgerRow]) -> int:
    """The number of rows really inserted."""
    if not rows:
        return 0
    values = [[getattr(row, name) for name in _COLUMNS] for row in rows]
    if connection.dialect.name == "postgresql":
        await connection.execute(_APPENDING)
    if connection.dialect.name == "sqlite":
        batch: dict[str, Any] = {"rows": msgspec.json.encode(values).decode()}
        return (await connection.execute(_INSERT_SQLITE, batch)).rowcount
    columns = [list(column) for column in zip(*values, strict=True)]
    return (await connection.execute(_INSERT_POSTGRESQL, dict(zip(_COLUMNS, columns, strict=True)))).rowcount


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


async def spent_by_leg(connection: AsyncConnection, day_from: str, month_from: str) -> list[LegSpent]:
    """Request ids begin with the instant of admission, so a window is a range of ids. The ledger is read once, in
    groups of callers; a caller is in up to five legs."""
    request_id: ColumnElement[str] = LEDGER.c.request_id
    if connection.dialect.name == "postgresql":
        request_id = request_id.collate("C")  # in the order of the bytes, whatever language the database sorts in
    cost = LEDGER.c.cost_nano_usd
    sums = (func.sum(case((request_id >= start, cost), else_=0)) for start in (day_from, month_from))
    callers = [LEDGER.c[column] for column in LEG_COLUMNS.values()]
    query = select(*callers, *sums, func.sum(cost)).group_by(*callers)
    groups = [tuple(row) for row in await connection.execute(query)]
    return sums_of_legs((row[: len(callers)], (int(row[-3]), int(row[-2]), int(row[-1]))) for row in groups)


def sums_of_legs(groups: Iterable[tuple[Sequence[str | None], tuple[int, int, int]]]) -> list[LegSpent]:
    """From what callers spent (their ids in the order of LEG_COLUMNS; day, month, total) to what each leg did."""
    found: dict[tuple[str, str], list[int]] = {}
    for ids, spent in groups:
        for level, leg_id in zip(LEG_COLUMNS, ids, strict=True):
            if leg_id is not None:
                sums = found.setdefault((level, leg_id), [0, 0, 0])
                for place, nano in enumerate(spent):
                    sums[place] += nano
    return [LegSpent(leg, *sums) for leg, sums in found.items()]


def _postgresql_type(column_type: TypeEngine[Any]) -> str:
    if isinstance(column_type, Boolean):
        return "boolean"
    if isinstance(column_type, BigInteger):
        return "bigint"
    return "double precision" if isinstance(column_type, Double) else "text"


_EXTRACTED: Final = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(_COLUMNS)))
_INSERT_SQLITE: Final = text(
    f"INSERT INTO ledger ({_NAMES}) SELECT {_EXTRACTED} FROM json_each(:rows) WHERE true"  # noqa: S608  # constants
    " ON CONFLICT DO NOTHING"
)

_UNNESTED: Final = ", ".join(f"CAST(:{name} AS {_postgresql_type(LEDGER.c[name].type)}[])" for name in _COLUMNS)
_INSERT_POSTGRESQL: Final = text(
    f"INSERT INTO ledger ({_NAMES}) SELECT * FROM unnest({_UNNESTED}) ON CONFLICT DO NOTHING"  # noqa: S608  # constants
).bindparams(*(bindparam(name, type_=ARRAY(LEDGER.c[name].type)) for name in _COLUMNS))
