"""The totals of windows against the ledger added up row by row."""

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.domain.budgets import Window
from ai_gateway.domain.traffic import WindowSpent
from ai_gateway.policy.windows import window_id
from ai_gateway.store import schema
from ai_gateway.store.ledger_columns import columns_of
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.windows import Sums, add_up, amounts_of
from store.rows_for_tests import a_compiler, a_ledger_row

DAY = 20_454  # 2026-01-01


def a_row(attempt: str, day: int = DAY, **changes: Any) -> LedgerRow:
    return a_ledger_row(attempt, day=day, **changes)


def told(spent: Sequence[WindowSpent]) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    return {(*it.leg, window_id(it.window, it.number)): it.amounts for it in spent}


A_STEP = st.tuples(
    st.integers(0, 11),
    st.sampled_from(["charge", "charge", "adjust"]),
    st.integers(DAY - 1, DAY + 40),
    st.integers(0, 1000),
    st.sampled_from([{}, {"team_id": "team_1"}, {"team_id": "team_1", "department_id": "dep_1"}, {"user_id": "usr_1"}]),
    st.sampled_from(["key_1", "key_2"]),
)
WINDOW_IDS = [f"D:2026-01-{day:02}" for day in (1, 2, 31)] + ["M:2025-12", "M:2026-01", "M:2026-02", "T:total"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(st.lists(A_STEP, max_size=12), max_size=4))
async def test_totals_are_those_of_the_ledger_after_any_batches(
    sql_store: SqlStore, engine: AsyncEngine, batches: list[list[tuple[Any, ...]]]
) -> None:
    """Attempts repeat within a batch and between batches, and are counted once."""
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM ledger"))
        await connection.execute(text("DELETE FROM spending_windows"))
    twin = MemoryStore(a_compiler())
    for batch in batches:
        rows = [
            a_row(f"att_{n // 3}_{n % 3}", day, kind=kind, cost_nano_usd=cost, key_id=key, **levels)
            for n, kind, day, cost, levels, key in batch
        ]
        assert await sql_store.append_ledger(rows) == await twin.append_ledger(rows)
    expected = told(await twin.spent_in(WINDOW_IDS))
    assert told(await sql_store.spent_in(WINDOW_IDS)) == expected


async def test_a_window_has_what_its_rows_have(sql_store: SqlStore) -> None:
    tokens = {"input_tokens": 30, "output_tokens": 12}
    await sql_store.append_ledger(
        [
            a_row("att_a_1", cost_nano_usd=7, **tokens),
            a_row("att_a_2", cost_nano_usd=5, **tokens),  # a retry: paid for, and no second request
            a_row("att_b_1", DAY + 1, cost_nano_usd=100, team_id="team_1", **tokens),
            a_row("att_a_1", kind="adjust", cost_nano_usd=-2, **tokens),  # a corrected price: no tokens
            a_row("att_c_1", DAY + 31, cost_nano_usd=1_000, **tokens),
        ]
    )
    spent = told(await sql_store.spent_in(["D:2026-01-01", "M:2026-01", "T:total"]))
    assert spent["key", "key_1", "D:2026-01-01"] == (7 + 5 - 2, 42 + 42, 1)
    assert spent["key", "key_1", "M:2026-01"] == (7 + 5 - 2 + 100, 3 * 42, 2)
    assert spent["tenant", "t1", "T:total"] == (7 + 5 - 2 + 100 + 1_000, 4 * 42, 3)
    assert spent["team", "team_1", "M:2026-01"] == (100, 42, 1)
    assert ("team", "team_1", "D:2026-01-01") not in spent


def test_what_a_row_adds() -> None:
    row = a_row("att_x_1", cost_nano_usd=9, input_tokens=3, output_tokens=4)
    assert amounts_of(row) == (9, 7, 1)
    assert amounts_of(a_row("att_x_11", cost_nano_usd=9)) == (9, 12 + 3, 0)
    assert amounts_of(a_row("att_x_1", outcome="refused", cost_nano_usd=0)) == (0, 12 + 3, 0)
    assert amounts_of(a_row("att_x_1", kind="adjust", cost_nano_usd=-9, input_tokens=3)) == (-9, 0, 0)


AN_ENDING = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["charge", "charge", "charge", "adjust"]),
        "outcome": st.sampled_from(["ok", "ok", "ok", "refused"]),
        "key_id": st.sampled_from(["key_1", "key_1", "key_1", "key_2"]),
        "day": st.sampled_from([DAY, DAY, DAY, DAY + 1]),
    }
)
A_COUNT = st.tuples(st.sampled_from(["att_1", "att_2", "att_11", "att_1_1"]), st.integers(-9, 99), st.integers(0, 9))


@given(st.lists(st.tuples(AN_ENDING, st.lists(A_COUNT, min_size=1, max_size=4)), min_size=1, max_size=3))
def test_rows_are_added_up_one_by_one_or_together(
    parts: list[tuple[dict[str, Any], list[tuple[str, int, int]]]],
) -> None:
    rows = [
        a_row(attempt, **ending, cost_nano_usd=cost, input_tokens=tokens, output_tokens=2 * tokens)
        for ending, counts in parts
        for attempt, cost, tokens in counts
    ]
    expected: Sums = {}
    for row in rows:
        caller = (row.tenant_id, row.key_id, row.team_id, row.department_id, row.user_id, row.day)
        before = expected.get(caller, [0, 0, 0])
        expected[caller] = [it + more for it, more in zip(before, amounts_of(row), strict=True)]

    sums: Sums = {}
    add_up(sums, columns_of(rows))

    assert sums == expected


async def test_a_ledger_of_before_gets_its_days_and_its_totals(engine: AsyncEngine, sql_store: SqlStore) -> None:
    """Told from the ids of requests: one of 23:59:59.999 whose attempt began after midnight is yesterday's."""
    midnight_ms = DAY * 86_400_000
    rows = [
        a_row(
            "att_1_1", request_id=f"req_{midnight_ms - 1:012x}00", started_at=midnight_ms / 1000 + 2, cost_nano_usd=1
        ),
        a_row("att_2_1", request_id=f"req_{midnight_ms:012x}00", started_at=midnight_ms / 1000, cost_nano_usd=20),
        a_row("att_3_1", request_id="one of theirs", started_at=midnight_ms / 1000 + 86_400, cost_nano_usd=300),
    ]
    await sql_store.append_ledger(rows)
    await schema.downgrade(engine, "0004")
    await schema.migrate(engine)
    spent = told(await sql_store.spent_in(["D:2025-12-31", "D:2026-01-01", "D:2026-01-02", "M:2026-01", "T:total"]))
    assert {it[2]: amounts for it, amounts in spent.items() if it[0] == "tenant"} == {
        "D:2025-12-31": (1, 15, 1),
        "D:2026-01-01": (20, 15, 1),
        "D:2026-01-02": (300, 15, 1),
        "M:2026-01": (320, 30, 2),
        "T:total": (321, 45, 3),
    }
    assert {it[2]: amounts for it, amounts in spent.items() if it[0] == "key"} == {
        it[2]: amounts for it, amounts in spent.items() if it[0] == "tenant"
    }
    assert [row.day for row in await sql_store.page_ledger("t1")] == [DAY + 1, DAY, DAY - 1]
    assert (await sql_store.spent_in([window_id(Window.DAILY, DAY)]))[0].number == DAY
