from typing import Any

from sqlalchemy import event, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.rows import ApiKeyRow, TenantRow
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import TABLES, values_of
from store.rows_for_tests import a_key, a_tenant


async def fill(engine: AsyncEngine, tenants: int, keys: int) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            insert(TABLES[TenantRow]), [values_of(a_tenant(f"t{number}")) for number in range(tenants)]
        )
        rows = [values_of(a_key(f"key_{number}", f"t{number % tenants}")) for number in range(keys)]
        await connection.execute(insert(TABLES[ApiKeyRow]), rows)


async def test_the_number_of_statements_does_not_grow_with_the_tenants(
    engine: AsyncEngine, sql_store: SqlStore
) -> None:
    await fill(engine, tenants=50, keys=2_000)
    statements: list[str] = []

    def remember(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", remember)
    snapshot = await sql_store.load_snapshot()
    assert (len(snapshot.tenants), len(snapshot.keys)) == (50, 2_000)
    selects = [one for one in statements if one.startswith("SELECT")]
    assert len(selects) == 13  # revision, 10 nouns of the tenants, keys, book


async def test_a_batch_of_changes_may_be_larger_than_one_statement_can_hold(
    engine: AsyncEngine, sql_store: SqlStore
) -> None:
    await fill(engine, tenants=2, keys=2_500)
    before = await sql_store.load_snapshot()
    async with sql_store.begin() as unit:
        changes = [await unit.bump("t0", "api_keys", f"key_{number}") for number in range(2_500)]
    assert (await sql_store.apply_changes(before, changes)).keys == before.keys
