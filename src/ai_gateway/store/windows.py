"""What every level has spent in every day, every month and in all: the ledger added up as it grows.

The sums are made of the rows of one batch, in its own transaction and from no row that was there before, so they are
the ledger's at every instant; a process that starts reads a few rows a level instead of the whole ledger. A batch is
added up first by caller and day, then by level, then by window: a few hundred rows are written for thousands.

Each process adds to rows of its own, so that those who write at once never wait for each other, and so that what a
process has booked can be taken from what it was granted (`store/leases.py`). Where nobody leases, the rows have no
name.

A window's name is told from the day that the row carries, never from a clock or a zone that may have changed since.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain, repeat
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_gateway.domain.budgets import Scope, Window
from ai_gateway.domain.traffic import WindowSpent
from ai_gateway.policy.windows import number_of, window_id, window_of_id, windows_of_day
from ai_gateway.store.ledger_columns import PLACES, Columns, is_one_value
from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.tables import WINDOWS

LEG_COLUMNS: Final = {
    Scope.KEY: "key_id",
    Scope.TEAM: "team_id",
    Scope.DEPARTMENT: "department_id",
    Scope.USER: "user_id",
    Scope.TENANT: "tenant_id",
}
"""Level of a leg (`policy.quotas.legs_of`) -> the ledger's column that names who it is."""
CALLER_COLUMNS: Final = ("tenant_id", "key_id", "team_id", "department_id", "user_id", "day")
"""A caller: his tenant, his other legs in the order of LEG_COLUMNS, his day."""
ROWS_AT_ONCE: Final = (256, 64, 16, 4, 1)
"""SQLite keeps statements prepared, so there are few of them: rows come in these numbers. 256 rows are below the 32,766
parameters that a statement may have, with all columns of the ledger and more."""
Sums = dict[tuple[Any, ...], list[int]]
"""A caller and his day -> nano-dollars, tokens and requests."""


async def spent_in(connection: AsyncConnection, window_ids: Sequence[str]) -> list[WindowSpent]:
    """What every leg has spent in these windows."""
    table = WINDOWS.c
    sums = (func.sum(table[name]) for name in ("cost_nano_usd", "tokens", "requests"))
    place = (table.scope, table.scope_id, table.window_id)
    query = select(*place, *sums).where(table.window_id.in_(window_ids)).group_by(*place)
    found: list[Any] = list(await connection.execute(query))
    windows = {window_id: window_of_id(window_id) for window_id in window_ids}
    return [WindowSpent((row[0], row[1]), *windows[row[2]], (int(row[3]), int(row[4]), int(row[5]))) for row in found]


def amounts_of(row: LedgerRow) -> tuple[int, int, int]:
    """What a row adds to its windows: nano-dollars, tokens, requests. A request is counted with its first attempt; a
    row that only corrects a price has no tokens."""
    if row.kind != "charge":
        return row.cost_nano_usd, 0, 0
    is_first = row.attempt_id.endswith("_1") and row.outcome != "refused"
    return row.cost_nano_usd, row.input_tokens + row.output_tokens, int(is_first)


def add_up(sums: Sums, columns: Columns) -> None:
    """Add rows, which are all new, to what their callers have spent. As `amounts_of` says of each."""
    if all(is_one_value(columns[place]) for place in _TOGETHER):
        _add_alike(sums, columns)
        return
    told = zip(*[columns[place] for place in _ADDED], strict=True)
    for kind, outcome, attempt_id, cost, taken, given, *caller in told:
        amounts = sums.get(key := tuple(caller))
        if amounts is None:
            amounts = sums[key] = [0, 0, 0]
        amounts[0] += cost
        if kind == "charge":
            amounts[1] += taken + given
            if outcome != "refused" and attempt_id.endswith("_1"):
                amounts[2] += 1


def _add_alike(sums: Sums, columns: Columns) -> None:
    """The same for rows of one caller that all ended alike, without a turn for each of them."""
    kind, outcome, *caller = [columns[place][0] for place in _TOGETHER]
    amounts = sums.setdefault(tuple(caller), [0, 0, 0])
    amounts[0] += sum(columns[PLACES["cost_nano_usd"]])
    if kind == "charge":
        amounts[1] += sum(columns[PLACES["input_tokens"]]) + sum(columns[PLACES["output_tokens"]])
        if outcome != "refused":
            amounts[2] += sum(map(str.endswith, columns[PLACES["attempt_id"]], repeat("_1")))


def write(connection: sqlite3.Connection, sums: Sums, process_id: str) -> None:
    """Add what callers have spent to all their windows. Those of one day and level differ in nothing but the window,
    so they are made once."""
    for day in sorted({caller[-1] for caller in sums}):
        legs = sorted([(*leg, *amounts) for leg, amounts in _by_leg(sums, day).items()])
        windows = windows_of_day(day)
        for window in sorted([window_id(it, number_of(it, windows)) for it in Window]):
            start = 0
            for size in ROWS_AT_ONCE:
                while len(legs) - start >= size:
                    rows = chain.from_iterable(legs[start : start + size])
                    connection.execute(_add_of(size), (window, process_id, *rows))
                    start += size


def _by_leg(sums: Sums, day: int) -> dict[tuple[str, str, str], list[int]]:
    """Level, id and tenant -> what they have spent on a day."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for (tenant_id, *caller, its_day), (nano, tokens, requests) in sums.items():
        if its_day == day:
            for scope, scope_id in zip(_SCOPES, (*caller, tenant_id), strict=True):
                if scope_id is not None:
                    leg = (scope, scope_id, tenant_id)
                    amounts = found.get(leg)
                    if amounts is None:
                        found[leg] = [nano, tokens, requests]
                    else:
                        amounts[0] += nano
                        amounts[1] += tokens
                        amounts[2] += requests
    return found


_SCOPES: Final = tuple(scope.value for scope in LEG_COLUMNS)
_ADDED: Final = tuple(
    PLACES[name]
    for name in ("kind", "outcome", "attempt_id", "cost_nano_usd", "input_tokens", "output_tokens", *CALLER_COLUMNS)
)
_TOGETHER: Final = tuple(PLACES[name] for name in ("kind", "outcome", *CALLER_COLUMNS))
_CHARGED: Final = "kind = 'charge'"
_FIRST: Final = f"{_CHARGED} AND outcome <> 'refused' AND substr(attempt_id, length(attempt_id) - 1) = '_1'"
_SUMS: Final = ", ".join(f"CAST(sum({name}) AS bigint) AS {name}" for name in ("nano", "tokens", "requests"))
_BY_CALLER: Final = (
    f"SELECT {', '.join(CALLER_COLUMNS)}, sum(cost_nano_usd) AS nano,"  # noqa: S608  # constants
    f" sum(CASE WHEN {_CHARGED} THEN input_tokens + output_tokens ELSE 0 END) AS tokens,"
    f" sum(CASE WHEN {_FIRST} THEN 1 ELSE 0 END) AS requests"
    f" FROM {{source}} GROUP BY {', '.join(CALLER_COLUMNS)}"
)
_BY_LEG: Final = " UNION ALL ".join(
    f"SELECT '{scope.value}' AS scope, {column} AS scope_id, tenant_id, day, nano, tokens, requests"  # noqa: S608
    f" FROM by_caller WHERE {column} IS NOT NULL"
    for scope, column in LEG_COLUMNS.items()
)
_BY_WINDOW: Final = " UNION ALL ".join(
    f"SELECT {{{name}}} AS window_id, scope, scope_id, tenant_id, nano, tokens, requests FROM by_leg"  # noqa: S608
    for name in ("day_id", "month_id", "total_id")
)
_ROW: Final = ("window_id", "scope", "scope_id", "tenant_id", "process_id", "cost_nano_usd", "tokens", "requests")
_OR_ADD: Final = f"ON CONFLICT ({', '.join(_ROW[:5])}) DO UPDATE SET " + ", ".join(
    f"{name} = spending_windows.{name} + excluded.{name}" for name in _ROW[5:]
)
_ADD: Final = (
    f"INSERT INTO spending_windows ({', '.join(_ROW)})"  # noqa: S608  # constants
    f" WITH by_caller AS ({_BY_CALLER}),"
    f" by_leg AS (SELECT scope, scope_id, tenant_id, day, {_SUMS} FROM ({_BY_LEG}) AS legs"
    " GROUP BY scope, scope_id, tenant_id, day)"
    f" SELECT window_id, scope, scope_id, tenant_id, CAST(:process AS text), {_SUMS} FROM ({_BY_WINDOW}) AS windows"
    " GROUP BY window_id, scope, scope_id, tenant_id"
    " ORDER BY window_id, scope, scope_id, tenant_id"  # processes that write at once lock the rows in one order
    f" {_OR_ADD}"
)
BY_CALLER_SQLITE: Final = _BY_CALLER.format(source="ledger WHERE id > :last")
"""The sums of the rows behind `last`, which are this transaction's: on SQLite nobody else can have written any."""

_DATE: Final = "DATE '1970-01-01' + CAST(day AS integer)"
ADD_POSTGRESQL: Final = _ADD.format(
    source="fresh",
    day_id=f"'D:' || to_char({_DATE}, 'YYYY-MM-DD')",
    month_id=f"'M:' || to_char({_DATE}, 'YYYY-MM')",
    total_id="'T:total'",
)
"""A part of the statement that inserts, which reads what it inserted as `fresh`."""


@cache
def _add_of(size: int) -> str:
    rows = ", ".join([f"({', '.join('?' * 6)})"] * size)
    return (
        f"INSERT INTO spending_windows ({', '.join(_ROW)})"  # noqa: S608  # constants
        f" SELECT ?1, column1, column2, column3, ?2, column4, column5, column6 FROM (VALUES {rows}) WHERE true"
        f" {_OR_ADD}"
    )
