"""What is SQL's own; what it shares with the memory twin is in test_contract.py."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import TeamRow
from ai_gateway.store.schema import migrate
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import REVISIONS, TABLES
from store.rows_for_tests import a_compiler, a_ledger_row, a_team


async def test_what_was_committed_is_there_for_another_process(engine: AsyncEngine, sql_store: SqlStore) -> None:
    async with sql_store.begin() as unit:
        await unit.insert(a_team())
        change = await unit.bump("t1", "teams", "team_1")
    other = SqlStore(open_engine(engine.url), a_compiler(), lambda: 0.0)
    async with other.begin() as unit:
        assert await unit.find(TeamRow, "t1") == [a_team()]
    assert await other.changes_since(0) == [change]
    await other.close()


async def test_a_revision_says_when_it_was_made(engine: AsyncEngine, sql_store: SqlStore) -> None:
    async with sql_store.begin() as unit:
        await unit.bump("t1", "teams", "team_1")
    async with engine.connect() as connection:
        assert (await connection.execute(select(REVISIONS.c.at))).scalar_one() == 5.0


async def test_a_revision_is_never_seen_before_a_lower_one(engine: AsyncEngine, sql_store: SqlStore) -> None:
    """The first bump holds its lock until its commit, so the second waits; else a poller that saw 2 would miss 1."""
    first_bumped, may_commit = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def first() -> None:
        async with sql_store.begin() as unit:
            await unit.bump("t1", "teams", "first")
            first_bumped.set()
            await may_commit.wait()
            order.append("first")

    async def second() -> None:
        await first_bumped.wait()
        asyncio.get_running_loop().call_later(0.05, may_commit.set)  # time enough to overtake, were it possible
        async with sql_store.begin() as unit:
            await unit.bump("t1", "teams", "second")
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]
    assert [change.noun_id for change in await sql_store.changes_since(0)] == ["first", "second"]


async def test_nobody_is_the_empty_string_in_the_table_and_none_outside(
    engine: AsyncEngine, sql_store: SqlStore
) -> None:
    async with sql_store.begin() as unit:
        await unit.insert(a_team(tenant_id=None))
        assert (await unit.find(TeamRow, None))[0].tenant_id is None
    async with engine.connect() as connection:
        assert (await connection.execute(select(TABLES[TeamRow].c.tenant_id))).scalar_one() == ""


@pytest.mark.usefixtures("threads_end")
async def test_a_database_that_is_away_is_unavailable_at_every_door(tmp_path: Path) -> None:
    engine = open_engine(database_url(f"sqlite:///{tmp_path}/no/such/folder/x.db", tmp_path))
    store = SqlStore(engine, a_compiler(), lambda: 0.0)
    doors = (store.ping(), store.load_snapshot(), store.changes_since(0), store.append_ledger([a_ledger_row()]))
    for call in (*doors, store.page_ledger("t1"), store.begin().__aenter__()):
        with pytest.raises(StoreUnavailable):
            await call
    await store.close()


async def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    store = SqlStore(
        open_engine(database_url("postgresql://tests@127.0.0.1:1/gone", tmp_path)), a_compiler(), lambda: 0.0
    )
    with pytest.raises(StoreUnavailable):
        await store.ping()
    await store.close()


async def test_a_store_outlives_a_restart_of_its_server(empty_postgres: str, cluster: str) -> None:
    engine = open_engine(database_url(empty_postgres, Path()))
    await migrate(engine)
    store = SqlStore(engine, a_compiler(), lambda: 0.0)
    await store.ping()
    admin = open_engine(database_url(cluster, Path()))
    async with admin.connect() as connection:
        name = empty_postgres.rpartition("/")[2]
        kill = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
        await connection.execute(kill, {"name": name})
    await admin.dispose()
    await store.ping()
    await store.close()
