import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.session import database_url, open_engine, told_as_lost, told_as_unavailable

DATA = Path("/data")


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_without_a_url_it_is_sqlite_in_the_data_folder(blank: str | None) -> None:
    url = database_url(blank, DATA)
    assert (url.drivername, url.database) == ("sqlite+aiosqlite", "/data/gateway.db")


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("postgres://u:p@h:5433/d", "postgresql+psycopg"),
        ("postgresql://u:p@h:5433/d", "postgresql+psycopg"),
        (" postgresql+psycopg://u:p@h:5433/d\n", "postgresql+psycopg"),
        ("sqlite:////d", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////d", "sqlite+aiosqlite"),
    ],
)
def test_the_usual_spellings_are_understood(text: str, driver: str) -> None:
    url = database_url(text, DATA)
    assert url.drivername == driver
    assert (url.database or "").strip("/") == "d"


@pytest.mark.parametrize(
    "text", ["mysql://u:secret@h/d", "not a url secret", "sqlite://", "sqlite:///:memory:", "oracle://secret"]
)
def test_what_cannot_be_used_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL") as refused:
        database_url(text, DATA)
    assert "secret" not in str(refused.value)


async def test_postgresql_is_told_to_notice_a_lost_peer_unless_the_url_says_otherwise() -> None:
    engine = open_engine(database_url("postgresql://h/d?connect_timeout=9", DATA))
    assert (engine.url.query["connect_timeout"], engine.url.query["tcp_user_timeout"]) == ("9", "10000")
    await engine.dispose()


async def test_sqlite_survives_a_power_cut_and_lets_readers_read(tmp_path: Path) -> None:
    engine = open_engine(database_url(None, tmp_path))
    async with engine.connect() as connection:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
        for pragma, value in wanted.items():
            assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value
    await engine.dispose()


@pytest.mark.parametrize(
    ("error", "unavailable"),
    [
        (exc.OperationalError("s", None, Exception()), True),
        (exc.InterfaceError("s", None, Exception()), True),
        (exc.TimeoutError(), True),
        (exc.DatabaseError("s", None, Exception("file is not a database")), True),
        (exc.DBAPIError("s", None, Exception(), connection_invalidated=True), True),
        (sqlite3.OperationalError("database is locked"), True),
        (sqlite3.DatabaseError("file is not a database"), True),
        (exc.ProgrammingError("s", None, Exception()), False),
        (sqlite3.IntegrityError("NOT NULL"), False),
        (exc.DataError("s", None, Exception()), False),
        (ValueError(), False),
        (OSError(), False),
    ],
)
def test_only_an_absent_database_is_unavailable(error: Exception, unavailable: Any) -> None:
    with pytest.raises(StoreUnavailable if unavailable else type(error)) as told, told_as_unavailable():
        raise error
    assert not unavailable or told.value.__cause__ is error


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ValueError("a mistake")])
async def test_an_absent_database_is_a_lost_connection_to_the_line(error: Exception) -> None:
    @asynccontextmanager
    async def fails() -> AsyncIterator[Any]:
        yield "a connection"
        raise error

    expected = ConnectionError if isinstance(error, StoreUnavailable) else ValueError
    with pytest.raises(expected) as told:
        async with told_as_lost("they cannot be read", fails()) as connection:
            assert str(connection) == "a connection"
    assert told.value is error or (str(told.value), told.value.__cause__) == ("they cannot be read", error)


async def test_parameters_never_show_in_errors(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        with pytest.raises(exc.DBAPIError) as refused:
            await connection.execute(text("SELECT * FROM nothing WHERE a = :secret"), {"secret": "sk-canary"})
    assert "sk-canary" not in str(refused.value)
