import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ai_gateway.domain.budgets import Window
from ai_gateway.domain.traffic import Receipt
from ai_gateway.jobs.settle import (
    BATCH,
    Pace,
    current_windows,
    keep_settling,
    restore_meters,
    settle_all,
    settle_waiting,
)
from ai_gateway.policy.windows import windows_at
from ai_gateway.runtime import ids
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.meters import Meters
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.receipts import row_of
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import LedgerRow
from store.rows_for_tests import a_compiler
from support.builders import a_receipt
from support.clock import NOON
from support.journal import MemoryFolder, a_journal

DAY = 86_400.0
AT_ONCE = Pace(gather_seconds=0, retry_seconds=0)


class Ledger:
    """The memory twin, which can be away and can be held up."""

    def __init__(self) -> None:
        self.twin = MemoryStore(a_compiler())
        self.failures = 0
        self.batches: list[int] = []
        self.written = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def append_ledger(self, rows: Sequence[LedgerRow], process_id: str = "") -> int:
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable
        self.batches.append(len(rows))
        inserted = await self.twin.append_ledger(rows, process_id)
        self.written.set()
        return inserted

    def __getattr__(self, name: str) -> Any:
        return getattr(self.twin, name)

    async def attempts(self) -> list[str]:
        return sorted(it.attempt_id for it in await self.twin.page_ledger("t1", limit=10_000))


def filled(count: int) -> Journal:
    journal = a_journal()
    for number in range(count):
        journal.append(a_receipt(f"att_{number:05}"))
    return journal


async def test_everything_that_waits_is_written_in_batches() -> None:
    journal, ledger = filled(BATCH + 5), Ledger()

    assert await settle_all(journal, ledger) == BATCH + 5

    assert (ledger.batches, journal.depth) == ([BATCH, 5], 0)
    assert await ledger.attempts() == [f"att_{number:05}" for number in range(BATCH + 5)]


async def test_b06_what_is_there_already_is_not_written_twice() -> None:
    journal, ledger = filled(3), Ledger()
    await ledger.twin.append_ledger([row_of(a_receipt("att_00001"))])

    assert await settle_all(journal, ledger) == 2
    assert await ledger.attempts() == ["att_00000", "att_00001", "att_00002"]


async def test_b06_a_ledger_that_is_away_loses_nothing() -> None:
    journal, ledger = filled(3), Ledger()
    ledger.failures = 1

    with pytest.raises(StoreUnavailable):
        await settle_all(journal, ledger)
    assert journal.depth == 3

    assert await settle_all(journal, ledger) == 3


async def test_two_at_the_same_time_write_everything_once() -> None:
    journal, ledger = filled(3), Ledger()
    ledger.gate = asyncio.Event()
    both = [asyncio.ensure_future(settle_all(journal, ledger)) for _ in range(2)]
    await asyncio.sleep(0)
    journal.append(a_receipt("att_late"))
    ledger.gate.set()

    assert sum([await it for it in both]) == 4

    assert journal.depth == 0
    assert await ledger.attempts() == ["att_00000", "att_00001", "att_00002", "att_late"]


async def test_a_round_leaves_what_comes_meanwhile_to_the_next() -> None:
    journal, ledger = filled(BATCH + 3), Ledger()
    ledger.gate = asyncio.Event()
    round_one = asyncio.ensure_future(settle_waiting(journal, ledger))
    await asyncio.sleep(0)
    journal.append(a_receipt("att_late"))
    journal.append(a_receipt("att_later"))
    ledger.gate.set()

    assert await round_one == BATCH + 3
    assert (ledger.batches, journal.depth) == ([BATCH, 3], 2)

    assert await settle_waiting(journal, ledger) == 2
    assert journal.depth == 0


async def test_a_batch_is_in_the_order_of_admission() -> None:
    journal, ledger = a_journal(), Ledger()
    for at, place in ((3, 1), (1, 1), (2, 1), (1, 2)):  # as they ended
        journal.append(a_receipt(f"att_{at}_{place}", request_id=f"req_{at}"))

    assert await settle_all(journal, ledger) == 4

    newest_first = [it.attempt_id for it in await ledger.twin.page_ledger("t1")]
    assert newest_first == ["att_3_1", "att_2_1", "att_1_2", "att_1_1"]
    assert journal.depth == 0


async def test_the_loop_says_that_the_ledger_is_away_and_goes_on() -> None:
    journal, ledger = a_journal(), Ledger()
    ledger.failures = 2
    told: list[Exception] = []
    loop = asyncio.ensure_future(keep_settling(journal, ledger, told.append, AT_ONCE))
    journal.append(a_receipt("att_1"))
    await ledger.written.wait()
    ledger.written.clear()
    journal.append(a_receipt("att_2"))
    await ledger.written.wait()
    loop.cancel()

    assert [type(it) for it in told] == [StoreUnavailable, StoreUnavailable]
    assert await ledger.attempts() == ["att_1", "att_2"]


def a_spent(at: float, cost: int, **changes: str | None) -> Receipt:
    request_id = ids.request_id(at)
    day = windows_at(at).day
    return a_receipt(ids.attempt_id(request_id, 1), request_id=request_id, cost_nano_usd=cost, day=day, **changes)


async def test_b06_meters_begin_where_the_ledger_and_the_journal_are_and_count_nothing_twice() -> None:
    store, folder = MemoryStore(a_compiler()), MemoryFolder()
    now = NOON + 30 * DAY  # 2026-01-31
    both = a_spent(now, 7)
    history = [a_spent(NOON - DAY, 1), a_spent(NOON, 20), a_spent(now, 300, team_id="team_1"), both]
    await store.append_ledger([row_of(it) for it in history])
    before = a_journal(folder)
    before.append(both)  # its row was committed, and the process ended before it could say so
    before.append(a_spent(now, 4_000))
    before.hold(a_spent(now, 50_000), now, 999_999)

    meters, journal = Meters(), a_journal(folder.after_a_crash())
    await restore_meters(meters, journal, store, now)

    key = [meters.spent(("key", "key_1"), window, now)[0] for window in Window]
    today = 7 + 300 + 4_000 + 50_000
    assert key == [today, 20 + today, 1 + 20 + today]
    assert [meters.spent(("tenant", "t1"), window, now)[0] for window in Window] == key
    assert meters.spent(("tenant", "t1"), Window.TOTAL, now)[2] == 6  # requests
    assert meters.spent(("team", "team_1"), Window.DAILY, now)[0] == 300
    assert journal.depth == meters.open_holds == 0


def test_the_windows_that_may_be_current_are_those_of_every_zone() -> None:
    assert current_windows(NOON + 30 * DAY) == [  # 2026-01-31
        "D:2026-01-30",
        "D:2026-01-31",
        "D:2026-02-01",
        "M:2026-01",
        "M:2026-02",
        "T:total",
    ]
