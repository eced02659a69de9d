import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.records import ANY_TENANT, Store
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.usage_audit import AuditBooks, MemoryAuditBooks, SqlAuditBooks, WindowDifference
from store.rows_for_tests import a_ledger_row

LEVELS = {"team_id": "team_1", "department_id": "dep_1", "user_id": "usr_1"}


@pytest.fixture
def books(store: Store) -> AuditBooks:
    if isinstance(store, SqlStore):
        return SqlAuditBooks(store)
    assert isinstance(store, MemoryStore)
    return MemoryAuditBooks(store)


async def test_the_cost_is_that_of_all_rows_up_to_the_watermark_in_scope(store: Store, books: AuditBooks) -> None:
    rows = [a_ledger_row(f"att_{number}", cost_nano_usd=10**number) for number in range(5)]
    await store.append_ledger([*rows, a_ledger_row("att_1", kind="adjust", cost_nano_usd=-3, tenant_id="t2")])
    assert await books.cost(ANY_TENANT, 6) == 11_111 - 3
    assert await books.cost("t1", 6) == 11_111
    assert await books.cost(ANY_TENANT, 2) == 11
    assert await books.cost("t3", 6) == 0


async def test_what_was_charged_since_leaves_out_earlier_requests_and_adjustments(
    store: Store, books: AuditBooks
) -> None:
    rows = [a_ledger_row(f"att_{name}", request_id=f"req_{name}", cost_nano_usd=5) for name in ("a1", "b0", "b1")]
    await store.append_ledger([*rows, a_ledger_row("att_b1", request_id="req_b1", kind="adjust", cost_nano_usd=-1)])
    assert await books.charged("req_b", 10) == 10
    assert await books.charged("req_b", 2) == 5
    assert await books.charged("req_c", 10) == 0


async def test_totals_of_windows_agree_with_what_the_drain_wrote(store: Store, books: AuditBooks) -> None:
    rows = [
        a_ledger_row(f"att_{number}", tenant_id=f"t{number % 2}", day=20_400 + number % 40, **LEVELS)
        for number in range(80)
    ]
    await store.append_ledger(rows)
    await store.append_ledger(rows[:40])
    await store.append_ledger([a_ledger_row("att_1", kind="adjust", cost_nano_usd=-7, day=20_400)])
    assert await books.window_differences(ANY_TENANT) == []
    assert await books.window_differences("t1") == []


async def test_what_each_process_has_added_is_told_apart(store: Store, books: AuditBooks) -> None:
    await store.append_ledger([a_ledger_row("att_1"), a_ledger_row("att_2", tenant_id="t2")], "prc_1")
    await store.append_ledger([a_ledger_row("att_3", cost_nano_usd=7)], "prc_2")
    await store.append_ledger([a_ledger_row("att_1", kind="adjust", cost_nano_usd=-1)])
    added = [await books.added_by(name) for name in ("prc_1", "prc_2", "prc_3")]
    assert added == [7_200, 7, 0]


@pytest.mark.parametrize(("column", "place"), [("tokens", 1), ("requests", 2)])
async def test_tokens_and_requests_that_are_off_are_found_too(
    engine: AsyncEngine, sql_store: SqlStore, column: str, place: int
) -> None:
    rows = [a_ledger_row("att_1", day=20_400), a_ledger_row("att_2", day=20_400)]
    refused = a_ledger_row("att_x_1", day=20_400, outcome="refused", input_tokens=0, output_tokens=0, cost_nano_usd=0)
    await sql_store.append_ledger([*rows, refused, a_ledger_row("att_1", kind="adjust", day=20_400)])
    books = SqlAuditBooks(sql_store)
    assert await books.window_differences(ANY_TENANT) == []
    async with engine.begin() as connection:
        spoil = f"UPDATE spending_windows SET {column} = {column} + 4 WHERE scope = 'key' AND window_id = 'T:total'"
        await connection.execute(text(spoil))
    (found,) = await books.window_differences(ANY_TENANT)
    amounts = [0, 0, 0]
    amounts[place] = -4
    assert found == WindowDifference("T:total", "key", "key_1", *amounts)


async def test_a_total_that_is_off_by_a_nano_dollar_is_found_and_only_in_its_tenant(
    engine: AsyncEngine, sql_store: SqlStore
) -> None:
    books = SqlAuditBooks(sql_store)
    await sql_store.append_ledger([a_ledger_row("att_1", day=20_400, **LEVELS), a_ledger_row("att_2", tenant_id="t2")])
    spoil = "UPDATE spending_windows SET cost_nano_usd = cost_nano_usd + 1 WHERE tenant_id = 't1' AND scope = 'team'"
    async with engine.begin() as connection:
        await connection.execute(text(f"{spoil} AND window_id LIKE 'D:%'"))
        await connection.execute(text("DELETE FROM spending_windows WHERE tenant_id = 't1' AND scope = 'user'"))
    found = await books.window_differences(ANY_TENANT)
    assert WindowDifference("D:2025-11-08", "team", "team_1", -1, 0, 0) in found
    assert WindowDifference("T:total", "user", "usr_1", 3_600, 15, 1) in found
    assert len(found) == 4  # one day of the team, and day, month and total of the user
    assert await books.window_differences("t1") == found
    assert await books.window_differences("t2") == []
