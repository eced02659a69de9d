"""The way to the database: which one, how it is spoken to, and what its absence is called.

SQLite gives every write transaction its place at the start (BEGIN IMMEDIATE): a transaction that begins as a reader
and then writes fails at once when somebody else wrote in between, whatever the busy timeout. synchronous=FULL, because
a committed change of a key or a budget must survive the power going. On PostgreSQL, TCP is told to notice a peer that
is gone within seconds, or a lost network would look like a slow query.
"""

import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import URL, event, make_url
from sqlalchemy import exc as sql_errors
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ai_gateway.store.records import StoreUnavailable

BEGIN_OPTION: Final = "sqlite_begin"
READ: Final = "BEGIN"
WRITE: Final = "BEGIN IMMEDIATE"
EXCLUSIVE: Final = "BEGIN EXCLUSIVE"

BUSY_MILLISECONDS: Final = 5_000

_PRAGMAS: Final = (
    f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}",  # first: the others may have to wait
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)
_LIBPQ_DEFAULTS: Final = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "application_name": "ai-gateway",
}
_AWAY: Final = (
    sql_errors.OperationalError,
    sql_errors.InterfaceError,
    sql_errors.InternalError,
    sql_errors.TimeoutError,
    sqlite3.OperationalError,
    sqlite3.InterfaceError,
    sqlite3.InternalError,
)
_UNREADABLE: Final = (sql_errors.DatabaseError, sqlite3.DatabaseError)
"""These and no kind of them: 'not a database'."""


def database_url(configured: str | None, data_dir: Path) -> URL:
    """`DATABASE_URL`, or SQLite in the data folder where it is unset or blank. Raises ValueError with a text for
    people; it never repeats the URL, which may hold a password."""
    text = (configured or "").strip()
    if not text:
        return URL.create("sqlite+aiosqlite", database=str(data_dir / "gateway.db"))
    try:
        url = make_url(text)
    except ArgumentError:
        raise ValueError("DATABASE_URL is not a URL such as postgresql://user:password@host:5432/name.") from None
    if url.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername in ("sqlite", "sqlite+aiosqlite"):
        if url.database in (None, "", ":memory:"):
            raise ValueError("DATABASE_URL must name a file for SQLite, as in sqlite:////var/lib/gateway.db.")
        return url.set(drivername="sqlite+aiosqlite")
    raise ValueError("DATABASE_URL must begin with postgresql:// or sqlite://.")


def is_shared(url: URL) -> bool:
    """Whether several processes may use this database at once, and so share its limits."""
    return url.get_backend_name() != "sqlite"


def open_engine(url: URL) -> AsyncEngine:
    """Connects when first used, not now. `url` is `database_url`'s."""
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url)
    missing = {name: value for name, value in _LIBPQ_DEFAULTS.items() if name not in url.query}
    return create_async_engine(
        url.update_query_dict(missing),
        pool_size=10,
        max_overflow=10,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,
        json_serializer=_to_json,
        json_deserializer=msgspec.json.decode,
    )


def connect_file(engine: AsyncEngine) -> sqlite3.Connection:
    """A connection to the SQLite of an engine besides those that it lends, for whichever thread asks."""
    [path], options = engine.dialect.create_connect_args(engine.url)
    connection = sqlite3.connect(path, **options)
    try:
        _prepare_connection(connection, None)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def told_as_unavailable() -> Generator[None]:
    """Turns what says 'the database is away, locked or full' into StoreUnavailable; mistakes of ours stay mistakes."""
    try:
        yield
    except _AWAY as error:
        raise StoreUnavailable("the database cannot be used") from error
    except (sql_errors.DBAPIError, sqlite3.DatabaseError) as error:
        if getattr(error, "connection_invalidated", False) or type(error) in _UNREADABLE:
            raise StoreUnavailable("the database cannot be used") from error
        raise


@asynccontextmanager
async def told_as_lost(
    text: str, transaction: AbstractAsyncContextManager[AsyncConnection]
) -> AsyncGenerator[AsyncConnection]:
    """For the line, which knows no database: StoreUnavailable becomes ConnectionError."""
    try:
        async with transaction as connection:
            yield connection
    except StoreUnavailable as error:
        raise ConnectionError(text) from error


def _open_sqlite(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=5,
        max_overflow=5,
        pool_timeout=5,
        hide_parameters=True,
        json_serializer=_to_json,
        json_deserializer=msgspec.json.decode,
    )
    event.listen(engine.sync_engine, "connect", _prepare_connection)
    event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _prepare_connection(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver begins no transaction by itself: `_begin` does
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(BEGIN_OPTION, READ))


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
