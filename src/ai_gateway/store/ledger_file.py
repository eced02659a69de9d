"""The ledger on SQLite: a batch is one turn of one thread, on a connection of its own.

Every question that the event loop puts to a database through its driver is three or four hand-overs between threads,
and on a busy loop each waits for its turn; a batch had twenty-five of them. Here it has one. The thread takes 256 rows
at a time, and gives the interpreter's lock away while SQLite works on them.

Binding values is what costs most (a text 0.1 µs, a NULL or a bool 0.35 µs, of 38 a row), and most columns say the same
in 256 rows that follow each other. Groups of columns that do are bound once. By groups and not by columns, so that
there are few different statements, which stay prepared.

The totals of windows are added up here from rows that are all new. Where some were there already, which is after a
crash, the database says what the new ones are.
"""

import sqlite3
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from itertools import chain
from typing import Final, final

from sqlalchemy import Boolean

from ai_gateway.store import windows
from ai_gateway.store.ledger_columns import COLUMNS, PLACES, Columns, Entries, columns_of, is_one_value
from ai_gateway.store.session import WRITE
from ai_gateway.store.tables import LEDGER

_GROUPS: Final = tuple(
    tuple(PLACES[name] for name in names.split())
    for names in (
        "kind cache_write_5m_tokens cache_write_1h_tokens audio_input_tokens audio_output_tokens image_input_tokens"
        " service_tier priced client_request_id delivered_tokens cached",
        "operation cache_read_tokens reasoning_tokens credential outcome estimated",
        "ttft_ms",
        "tenant_id key_id",
        "department_id team_id user_id",
        "requested_model model provider price_version",
        "endpoint",
        "route",
        "revision day",
    )
)
"""Columns that are usually of one value together."""
_BOOLS: Final = frozenset(place for place, name in enumerate(COLUMNS) if isinstance(LEDGER.c[name].type, Boolean))
_NAMES: Final = ", ".join(COLUMNS)
_PRAGMAS: Final = (
    "PRAGMA secure_delete = OFF",  # Debian's overwrites what it moves from page to page; of the ledger nothing goes
    "PRAGMA cache_size = -4096",  # KiB: a batch is not written out before it is whole
    "PRAGMA wal_autocheckpoint = 4000",  # pages: the ends of indexes reach the file once for many batches
)


@final
class LedgerFile:
    """Connects when it is first written to, with a `connect` whose connections any thread may use. Every call may take
    a while, so threads make them; one at a time, the others wait."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    def append(self, entries: Entries, process_id: str) -> int:
        """The number of rows really inserted, all or none. Raises sqlite3.Error; the next call begins anew then."""
        with self._lock:
            connection = self._connection
            if connection is None:
                connection = self._connection = _tuned(self._connect())
            try:
                with _transaction(connection):
                    return _append(connection, entries, process_id)
            except BaseException:
                self._connection = None
                connection.close()
                raise

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _tuned(connection: sqlite3.Connection) -> sqlite3.Connection:
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    """What goes wrong is undone by closing."""
    connection.execute(WRITE)
    yield
    connection.execute("COMMIT")


def _append(connection: sqlite3.Connection, entries: Entries, process_id: str) -> int:
    [last] = connection.execute("SELECT max(id) FROM ledger").fetchone()
    sums: windows.Sums = {}
    inserted = start = 0
    for size in windows.ROWS_AT_ONCE:
        while len(entries) - start >= size:
            columns = columns_of(entries[start : start + size])
            inserted += _insert(connection, columns, size)
            windows.add_up(sums, columns)
            start += size
    if inserted < len(entries):
        sums = {tuple(row[:6]): row[6:] for row in connection.execute(windows.BY_CALLER_SQLITE, {"last": last or 0})}
    if inserted:
        windows.write(connection, sums, process_id)
    return inserted


def _insert(connection: sqlite3.Connection, columns: Columns, size: int) -> int:
    mask = 0
    for number, group in enumerate(_GROUPS):
        if all(is_one_value(columns[place]) for place in group):
            mask |= 1 << number
    statement, once, each = _insert_of(size, mask)
    first = [int(columns[place][0]) if place in _BOOLS else columns[place][0] for place in once]
    rest = [list(map(int, columns[place])) if place in _BOOLS else columns[place] for place in each]
    return connection.execute(statement, tuple(chain(first, *rest))).rowcount


@cache
def _insert_of(size: int, mask: int) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    """A statement for so many rows; the columns that it takes once, and those that it takes whole, one behind the
    other."""
    once = tuple(place for number, group in enumerate(_GROUPS) if mask >> number & 1 for place in group)
    each = tuple(place for place in range(len(COLUMNS)) if place not in once)
    told = {place: f"?{number}" for number, place in enumerate(once, 1)}
    told |= {place: f"column{number}" for number, place in enumerate(each, 1)}
    rows = (
        f"({', '.join(f'?{len(once) + 1 + number * size + row}' for number in range(len(each)))})"
        for row in range(size)
    )
    statement = (
        f"INSERT INTO ledger ({_NAMES}) SELECT {', '.join(told[place] for place in range(len(COLUMNS)))}"  # noqa: S608
        f" FROM (VALUES {', '.join(rows)}) WHERE true ON CONFLICT DO NOTHING"
    )
    return statement, once, each
