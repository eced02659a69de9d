"""On every store: what happened in a span of time, page by page, and what adjusted it."""

import msgspec

from ai_gateway.store.charges import Span
from ai_gateway.store.records import ANY_TENANT, Store
from store.rows_for_tests import a_ledger_row, a_price

SPAN = Span(first_id="req_2", until_id="req_5", model="m")


async def fill(store: Store) -> None:
    rows = [
        a_ledger_row(attempt_id=f"att_{number}_{place}", request_id=f"req_{number}", model="m", provider="openai")
        for number in (4, 1, 3, 2, 5)
        for place in (1, 2)
    ]
    first = rows[4]
    rows.append(msgspec.structs.replace(first, attempt_id=f"{first.attempt_id}~price_2", kind="adjust"))
    rows.append(msgspec.structs.replace(first, attempt_id="att_3_3", model="another"))
    rows.append(msgspec.structs.replace(first, attempt_id="att_3_4", provider="anthropic"))
    rows.append(msgspec.structs.replace(first, attempt_id="att_3_5", tenant_id="t2"))
    await store.append_ledger(rows)


async def test_a_span_has_its_charges_in_the_order_of_requests(store: Store) -> None:
    await fill(store)
    found = await store.charges("t1", SPAN, 100)
    ids = ["att_2_1", "att_2_2", "att_3_1", "att_3_2", "att_3_4", "att_4_1", "att_4_2"]
    assert [row.attempt_id for row in found] == ids
    assert [row.attempt_id for row in await store.charges(ANY_TENANT, SPAN, 100) if row.tenant_id == "t2"] == [
        "att_3_5"
    ]
    of_one = msgspec.structs.replace(SPAN, provider="anthropic")
    assert [row.attempt_id for row in await store.charges("t1", of_one, 100)] == ["att_3_4"]


async def test_pages_lose_and_repeat_nothing(store: Store) -> None:
    await fill(store)
    whole = await store.charges("t1", SPAN, 100)
    walked, span = [], SPAN
    while page := await store.charges("t1", span, 2):
        walked += page
        span = msgspec.structs.replace(span, after=(page[-1].request_id, page[-1].id))
    assert walked == whole


async def test_adjustments_are_found_by_their_requests(store: Store) -> None:
    await fill(store)
    (row,) = await store.adjustments(["req_2", "req_3"])
    assert row.attempt_id == "att_3_1~price_2"
    assert await store.adjustments(["req_1"]) == []


async def test_rows_that_are_there_are_skipped_and_the_new_ones_counted(store: Store) -> None:
    rows = [a_price(f"price_{place}", None, model=f"m{place}") for place in range(300)]
    async with store.begin() as unit:
        assert await unit.insert_missing(rows[:200]) == 200
        assert await unit.insert_missing(rows) == 100
        assert await unit.insert_missing([]) == 0
    async with store.begin() as unit:
        assert len(await unit.find(type(rows[0]), None)) == 300
