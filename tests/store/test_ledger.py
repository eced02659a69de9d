"""What is the SQL ledger's own; its promises are in test_contract.py."""

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import LEDGER
from store.rows_for_tests import a_ledger_row


async def test_a_batch_is_few_statements_of_few_kinds_and_its_totals_one_more(
    engine: AsyncEngine, sql_store: SqlStore
) -> None:
    statements: list[str] = []

    def remember(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", remember)
    assert await sql_store.append_ledger([a_ledger_row(f"att_{number}") for number in range(2_000)]) == 2_000
    inserts = [one for one in statements if "INSERT" in one]
    if engine.dialect.name != "sqlite":
        assert len(inserts) == 1  # rows and totals together
        return
    # 2,000 rows = 7 x 256 + 3 x 64 + 1 x 16; each kind stays prepared
    assert (len(inserts), len(set(inserts))) == (7 + 3 + 1 + 1, 3 + 1)


@pytest.mark.parametrize("number", [1, 3, 4, 5, 63, 341])
async def test_batches_of_any_size_arrive_whole_and_once(sql_store: SqlStore, number: int) -> None:
    rows = [a_ledger_row(f"att_{place}", cost_nano_usd=place) for place in range(number)]
    assert await sql_store.append_ledger(rows) == number
    assert await sql_store.append_ledger([*rows, a_ledger_row("att_new")]) == 1
    assert len(await sql_store.page_ledger("t1", limit=1_000)) == number + 1


async def test_places_rise_in_the_order_of_the_batch(sql_store: SqlStore) -> None:
    await sql_store.append_ledger([a_ledger_row(f"att_{number}") for number in range(50)])
    rows = await sql_store.page_ledger("t1")
    assert [row.attempt_id for row in rows] == [f"att_{number}" for number in range(49, -1, -1)]


def test_every_field_of_a_row_has_its_column() -> None:
    assert tuple(LEDGER.columns.keys()) == LedgerRow.__struct_fields__
