"""What is the SQL ledger's own; its promises are in test_contract.py."""

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import LEDGER
from store.rows_for_tests import a_ledger_row


async def test_a_batch_on_postgresql_is_one_statement_totals_included(engine: AsyncEngine, sql_store: SqlStore) -> None:
    if engine.dialect.name == "sqlite":
        return  # tests/store/test_ledger_file.py
    statements: list[str] = []

    def remember(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", remember)
    assert await sql_store.append_ledger([a_ledger_row(f"att_{number}") for number in range(2_000)]) == 2_000
    assert len([one for one in statements if "INSERT" in one]) == 1


A_CHANGE = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["charge", "adjust"]),
        "delivered_tokens": st.none() | st.integers(0, 9),
        "cached": st.booleans(),
        "priced": st.booleans(),
        "outcome": st.sampled_from(["ok", "timeout"]),
        "ttft_ms": st.none() | st.floats(0, 9),
        "reasoning_tokens": st.integers(0, 2),
        "team_id": st.none() | st.sampled_from(["team_1", "team_2"]),
        "route": st.none() | st.just("fast"),
        "model": st.sampled_from(["m1", "m2"]),
        "client_request_id": st.none() | st.just(""),
        "day": st.integers(0, 2),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(A_CHANGE, min_size=1, max_size=40))
async def test_whatever_rows_have_in_common_they_come_back_as_they_were(
    engine: AsyncEngine, sql_store: SqlStore, changes: list[dict[str, Any]]
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM ledger"))
    rows = [a_ledger_row(f"att_{number}", **change) for number, change in enumerate(changes)]
    await sql_store.append_ledger(rows)
    found = [msgspec.structs.replace(row, id=0) for row in await sql_store.page_ledger("t1")]
    assert found == rows[::-1]


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
