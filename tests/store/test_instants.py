import time

from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.instants import shared_time
from ai_gateway.store.sql import SqlStore
from store.rows_for_tests import a_compiler, a_ledger_row

LONG_AGO = 1_000.0


async def test_postgresql_knows_the_time_and_sqlite_what_has_happened(engine: AsyncEngine) -> None:
    is_postgresql = engine.dialect.name == "postgresql"
    found = await shared_time(engine, LONG_AGO)
    assert abs(found - time.time()) < 60 if is_postgresql else found == LONG_AGO
    store = SqlStore(engine, a_compiler(), lambda: LONG_AGO + 1)
    await store.append_ledger([a_ledger_row(started_at=LONG_AGO + 2)])
    if not is_postgresql:
        assert await shared_time(engine, LONG_AGO) == LONG_AGO + 2
        async with store.begin() as unit:
            await unit.bump("t1", "tenants", "t1")
        assert await shared_time(engine, LONG_AGO) == LONG_AGO + 2
        assert await shared_time(engine, LONG_AGO + 3) == LONG_AGO + 3, "a clock that is ahead may be right"
