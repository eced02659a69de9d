"""One suite over the twin in memory, SQLite and PostgreSQL: what they add up is the same to the nano-dollar."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ai_gateway.policy.windows import DAY_MS
from ai_gateway.store import ledger
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.records import ANY_TENANT, Store
from ai_gateway.store.rows import LedgerRow
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.usage import (
    DIMENSIONS,
    LANES,
    SUMS,
    Bound,
    MemoryUsage,
    SqlUsage,
    UsageBooks,
    UsageQuery,
    select_usage,
)
from store.rows_for_tests import a_compiler, a_ledger_row

DAY = 20_400


@pytest.fixture
def books(store: Store) -> UsageBooks:
    if isinstance(store, SqlStore):
        return SqlUsage(store)
    assert isinstance(store, MemoryStore)
    return MemoryUsage(store)


def a_row(number: int, day: int = DAY, **changes: Any) -> LedgerRow:
    request_id = f"req_{day * DAY_MS:012x}{number:016x}"
    fields = {"request_id": request_id, "day": day, "cost_nano_usd": 10}
    return a_ledger_row(**{"attempt_id": f"att_{number}"} | fields | changes)


def bound(day: int, more_ms: int = 0) -> Bound:
    return Bound(day=day, request_id=f"req_{day * DAY_MS + more_ms:012x}")


async def sums(books: UsageBooks, *by: str, **more: Any) -> dict[Any, dict[str, int]]:
    query = UsageQuery(**{"by": by, "scope": "t1", "through": await books.watermark()} | more)
    return {group.values: dict(group.sums) for group in await books.page(query, limit=1_000)}


async def test_every_sum_counts_what_its_name_says(store: Store, books: UsageBooks) -> None:
    lanes = {lane: 2**place for place, lane in enumerate(LANES)}
    retried = {"request_id": a_row(1).request_id, "outcome": "timeout", "estimated": True, "output_tokens": 0}
    await store.append_ledger(
        [
            a_row(1, cost_nano_usd=100, **lanes),
            a_row(2, cost_nano_usd=7, **retried),
            a_row(1, kind="adjust", cost_nano_usd=-30, **lanes),
            a_row(3, outcome="cancelled", estimated=True),
            a_row(4, outcome="refused", cost_nano_usd=0, input_tokens=0, output_tokens=0),
            a_row(5, tenant_id="t2"),
        ]
    )
    found = await sums(books)
    assert set(found) == {()}
    expected = {"requests": 3, "attempts": 3, "refused": 1, "cached": 0, "errors": 1, "estimated": 2}
    expected |= {**lanes, "input_tokens": lanes["input_tokens"] + 2 * 12, "output_tokens": lanes["output_tokens"] + 3}
    assert found[()] == {**expected, "cost_nano_usd": 100 + 7 - 30 + 10}
    assert tuple(found[()]) == SUMS


async def test_nothing_is_a_sum_of_zeros(books: UsageBooks) -> None:
    assert await sums(books) == {(): dict.fromkeys(SUMS, 0)}
    assert await sums(books, "day") == {}


@pytest.mark.parametrize("name", list(DIMENSIONS))
async def test_each_dimension_tells_its_values_apart(store: Store, books: UsageBooks, name: str) -> None:
    values: tuple[Any, ...] = (7, 8) if name == "day" else ("B", "a")  # capitals sort first, as bytes do
    column = DIMENSIONS[name]
    await store.append_ledger(
        [
            a_row(1, **{"day": 5, column: values[0]}),
            a_row(2, **{"day": 5, column: values[1]}),
            a_row(3, **{"day": 5, column: values[1]}),
        ]
    )
    found = await sums(books, name, scope=ANY_TENANT)
    assert [(key, it["requests"]) for key, it in found.items()] == [((values[0],), 1), ((values[1],), 2)]


async def test_rows_that_name_nobody_are_a_group_and_come_first(store: Store, books: UsageBooks) -> None:
    await store.append_ledger([a_row(1, team_id="red"), a_row(2), a_row(3, team_id="red", model="m2")])
    found = await sums(books, "team", "model")
    assert list(found) == [(None, "m1"), ("red", "m1"), ("red", "m2")]


async def test_a_tenant_sees_its_own_and_everybody_only_who_says_so(store: Store, books: UsageBooks) -> None:
    await store.append_ledger([a_row(1), a_row(2, tenant_id="t2")])
    assert list(await sums(books, "tenant")) == [("t1",)]
    assert list(await sums(books, "tenant", scope=ANY_TENANT)) == [("t1",), ("t2",)]
    assert list(await sums(books, "tenant", scope=None)) == []


@pytest.mark.parametrize(
    ("since", "until", "days"),
    [
        (None, None, [DAY, DAY + 1, DAY + 2]),
        (bound(DAY + 1), None, [DAY + 1, DAY + 2]),
        (None, bound(DAY + 1), [DAY]),
        (bound(DAY + 1), bound(DAY + 2), [DAY + 1]),
        (bound(DAY, 1), bound(DAY + 1, 1), [DAY + 1]),
        (bound(DAY + 2), bound(DAY), []),
    ],
)
async def test_a_time_begins_with_since_and_ends_before_until(
    store: Store, books: UsageBooks, since: Bound | None, until: Bound | None, days: list[int]
) -> None:
    await store.append_ledger([a_row(number, DAY + number) for number in range(3)])
    assert list(await sums(books, "day", since=since, until=until)) == [(day,) for day in days]


async def test_a_filter_keeps_what_equals(store: Store, books: UsageBooks) -> None:
    await store.append_ledger([a_row(1), a_row(2, key_id="key_2"), a_row(3, key_id="key_2", model="m2")])
    assert list(await sums(books, "model", equal={"key_id": "key_2"})) == [("m1",), ("m2",)]
    assert list(await sums(books, "model", equal={"key_id": "key_2", "model": "m2"})) == [("m2",)]


async def test_a_watermark_holds_still_and_pages_behind_it_fit_together(store: Store, books: UsageBooks) -> None:
    await store.append_ledger([a_row(number, model=f"m{number % 5}") for number in range(10)])
    query = UsageQuery(by=("model",), scope="t1", through=await books.watermark())
    before = await books.page(query, limit=100)
    await store.append_ledger([a_row(number, model=f"m{number % 7}") for number in range(10, 30)])
    assert await books.page(query, limit=100) == before
    assert [*await books.page(query, limit=2), *await books.page(query, offset=2, limit=3)] == before
    assert await books.watermark() == 30


async def test_no_row_comes_before_a_watermark_however_writers_overlap(engine: AsyncEngine) -> None:
    """One transaction has taken its places and not committed; another has, behind it. On SQLite writers take turns, so
    there the question is answered by the database itself."""
    if engine.dialect.name == "sqlite":
        return
    store = SqlStore(engine, a_compiler(), lambda: 1.0)
    books = SqlUsage(store)
    async with store.writing() as slow:
        await ledger.append(slow, [a_row(1)])
        await store.append_ledger([a_row(2, tenant_id="t2")])
        asking = asyncio.ensure_future(books.watermark())
        async with store.reading() as watcher:
            waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            while not (await watcher.execute(waits)).scalar_one():  # noqa: ASYNC110  the event is in PostgreSQL
                await asyncio.sleep(0)
        assert not asking.done()
    assert await asking == 2
    assert [row.attempt_id for row in await store.page_ledger(ANY_TENANT)] == ["att_2", "att_1"]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (UsageQuery(("key",), "t1", 10**6, bound(DAY), bound(DAY + 1)), "ix_ledger_tenant_id_day"),
        (UsageQuery(("model",), "t1", 10**6), "ix_ledger_tenant_id"),
    ],
)
async def test_a_tenants_question_reads_that_tenants_rows(
    engine: AsyncEngine, sql_store: SqlStore, query: UsageQuery, index: str
) -> None:
    rows = [a_row(number, DAY + number % 50, tenant_id=f"t{number % 40}") for number in range(6_000)]
    await sql_store.append_ledger(rows)
    async with engine.begin() as connection:
        await connection.execute(text("ANALYZE"))
    statement = select_usage(query, engine.dialect.name)
    spelled = str(statement.compile(engine.sync_engine, compile_kwargs={"literal_binds": True}))
    word = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    async with engine.connect() as connection:
        plan = "\n".join(str(row[-1]) for row in await connection.exec_driver_sql(f"{word} {spelled}"))
    assert index in plan, plan


_ROWS = st.lists(
    st.builds(
        a_row,
        st.integers(1, 6),
        st.integers(DAY, DAY + 2),
        tenant_id=st.sampled_from(["t1", "t2"]),
        team_id=st.sampled_from([None, "a", "b"]),
        model=st.sampled_from(["m1", "m2"]),
        kind=st.sampled_from(["charge", "adjust"]),
        outcome=st.sampled_from(["ok", "refused", "cut", "cancelled"]),
        cost_nano_usd=st.integers(-(10**12), 10**12),
        estimated=st.booleans(),
    ),
    max_size=12,
)


@given(rows=_ROWS, by=st.lists(st.sampled_from(list(DIMENSIONS)), unique=True, max_size=3))
async def test_whatever_it_is_grouped_by_the_cost_is_the_same(rows: list[LedgerRow], by: list[str]) -> None:
    store = MemoryStore(a_compiler())
    books = MemoryUsage(store)
    await store.append_ledger(rows)
    kept = await store.page_ledger("t1", limit=100)
    groups = await sums(books, *by)
    assert sum(it["cost_nano_usd"] for it in groups.values()) == sum(row.cost_nano_usd for row in kept)
    assert sum(it["attempts"] for it in groups.values()) == (await sums(books))[()]["attempts"]
