"""The stores under test: the twin in memory, SQLite in a file, PostgreSQL in a cluster of the session's own."""

import asyncio
import itertools
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.records import Store
from ai_gateway.store.schema import migrate
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import metadata
from store.rows_for_tests import a_compiler
from support.postgres import a_cluster, a_database


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[str]:
    base = tmp_path_factory.getbasetemp()
    with a_cluster(base if worker_id == "master" else base.parent) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_url(cluster: str, worker_id: str) -> Iterator[str]:
    with a_database(cluster, f"contract_{worker_id}") as url:
        asyncio.run(_migrate(url))
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite to copy: every migration, one by one, takes longer than nearly every test."""
    path = tmp_path_factory.mktemp("migrated") / "gateway.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def empty_postgres(cluster: str, worker_id: str) -> Iterator[str]:
    """The URL of a database that nobody has migrated."""
    with a_database(cluster, f"empty_{worker_id}_{next(_numbers)}") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each kind of database, empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/gateway.db"
    return request.getfixturevalue("empty_postgres")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return _database(request, tmp_path)


@pytest.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    """Each kind of database, migrated, without rows."""
    engine = await open_empty(database)
    yield engine
    await engine.dispose()


@pytest.fixture
def sql_store(engine: AsyncEngine) -> SqlStore:
    return SqlStore(engine, a_compiler(), lambda: 5.0)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return None if request.param == "memory" else _database(request, tmp_path)


@pytest.fixture
async def store(place: str | None) -> AsyncIterator[Store]:
    if place is None:
        yield MemoryStore(a_compiler())
        return
    store = SqlStore(await open_empty(place), a_compiler(), lambda: 5.0)
    yield store
    await store.close()


@pytest.fixture
async def threads_end() -> AsyncIterator[None]:
    """aiosqlite's thread of a connection that failed answers the loop once more: so the loop must outlive it."""
    yield
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 5)


def _database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return request.getfixturevalue("migrated_url")
    return f"sqlite:///{shutil.copyfile(request.getfixturevalue('migrated_file'), tmp_path / 'gateway.db')}"


async def open_empty(url: str) -> AsyncEngine:
    engine = open_engine(database_url(url, Path()))
    await migrate(engine)
    if engine.dialect.name == "postgresql":
        async with engine.begin() as connection:
            await _empty(connection)
    return engine


async def _empty(connection: AsyncConnection) -> None:
    """Only what somebody used: to truncate a table that is empty already makes new files for it and for its indexes."""
    names = [table.name for table in metadata.sorted_tables]
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names)
    filled = set((await connection.execute(text(asked))).scalars())
    counted = text("SELECT sequencename FROM pg_sequences WHERE last_value IS NOT NULL")
    sequences = list((await connection.execute(counted)).scalars())
    used = [it for it in names if it in filled or any(sequence.startswith(f"{it}_") for sequence in sequences)]
    if used:
        await connection.execute(text(f"TRUNCATE {', '.join(used)} RESTART IDENTITY"))


_numbers = itertools.count()


async def _migrate(url: str) -> None:
    engine = open_engine(database_url(url, Path()))
    await migrate(engine)
    await engine.dispose()
