"""Two processes on one PostgreSQL, each with a slice, and a price that is corrected in one of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from sqlalchemy import text

from ai_gateway.domain.budgets import Limit, Mode, Unit, Window
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.policy.rerating import adjust
from ai_gateway.runtime.cells import Short, Shortage
from ai_gateway.runtime.leases import Leases
from ai_gateway.runtime.meters import Meters
from ai_gateway.store.leases import SqlLeaseDesk
from ai_gateway.store.receipts import row_of
from ai_gateway.store.sql import SqlStore
from store.conftest import open_empty
from store.rows_for_tests import a_compiler
from support.builders import a_price, a_receipt
from support.clock import NOON, FakeClock

KEY = ("key", "key_1")
LIMIT = Limit(KEY, Window.DAILY, Unit.USD, 1_000_000, mode=Mode.STRICT, tenant_id="t1")
CHARGE = Charge((KEY, ("tenant", "t1")), 10_000, at=NOON, limits=(LIMIT,))
DAY = int(NOON // 86_400)


class Process:
    def __init__(self, desk: Any, name: str) -> None:
        self.leases = Leases(desk, FakeClock(), name, wait_seconds=30)
        self.meters = Meters(self.leases)
        self.leases.granted = self.meters.granted
        self.heard: list[int] = []
        self.meters.crossed = lambda crossing: self.heard.append(crossing.percent)
        self.holds = 0

    def take(self) -> Hold | Shortage:
        self.holds += 1
        return self.meters.take(f"{self.leases.process_id} {self.holds}", CHARGE)

    async def hold(self) -> Hold | Shortage:
        """As the line does it, with grants fetched meanwhile."""
        asking = asyncio.ensure_future(self.leases.ask(self.meters.lacking(CHARGE), CHARGE))
        while not asking.done():
            await asyncio.sleep(0)
            await self.leases.fetch()
        await asking
        return self.take()

    def settle(self, hold: Hold | Shortage, cost: int) -> None:
        assert isinstance(hold, Hold)
        self.meters.book(hold, cost)
        self.meters.settle(hold)


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    store = SqlStore(await open_empty(migrated_url), a_compiler(), lambda: NOON)
    yield store
    await store.close()


async def test_a_corrected_price_reaches_every_process_before_it_holds_anything_more(store: SqlStore) -> None:
    desk = SqlLeaseDesk(store)
    one, other = Process(desk, "prc_1"), Process(desk, "prc_2")
    for process in (one, other):
        await desk.open(process.leases.process_id, "here")
        process.settle(await process.hold(), 6_000)
        again = process.take()
        assert isinstance(again, Hold)  # its slice has room for more, and nobody was asked
        process.settle(again, 0)
    charge = a_receipt("att_1", cost_nano_usd=6_000, day=DAY)
    await store.append_ledger([row_of(charge)], "prc_1")

    dearer = a_price(version="dearer", input_pico=0, output_pico=0, request_pico=995_000_000)
    adjustment = adjust(charge, [], dearer)
    assert adjustment is not None
    await store.append_ledger([row_of(adjustment)])

    for process in (one, other):
        await process.leases.answer_the_wanted()
    for process in (one, other):
        told = process.take()
        assert isinstance(told, Shortage)
        assert told.short is Short.NEEDS_GRANT
        refused = await process.hold()
        assert isinstance(refused, Shortage)
        assert refused.short is Short.EXHAUSTED
        assert refused.cell.spent + refused.cell.others >= 995_000
        assert process.heard[:3] == [50, 80, 90]
    assert [it.amounts[0] for it in await store.spent_in(["D:2026-01-01"]) if it.leg == KEY] == [995_000]


async def test_rows_that_correct_nothing_or_nobodys_lease_recall_nothing(store: SqlStore) -> None:
    await store.append_ledger([row_of(a_receipt("att_1", day=DAY))])
    await store.append_ledger([row_of(msgspec.structs.replace(a_receipt("att_1~p", day=DAY), kind="adjust"))])
    async with store.reading() as connection:
        assert list(await connection.execute(text("SELECT * FROM lease_wants"))) == []
