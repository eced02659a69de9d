import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from ai_gateway.jobs.settle import BATCH, Pace, keep_settling, settle_all
from ai_gateway.runtime.journal import Journal
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.receipts import row_of
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import LedgerRow
from store.rows_for_tests import a_compiler
from support.builders import a_receipt

AT_ONCE = Pace(gather_seconds=0, retry_seconds=0)


class Ledger:
    """The memory twin, which can be away and can be held up."""

    def __init__(self) -> None:
        self.twin = MemoryStore(a_compiler())
        self.failures = 0
        self.batches: list[int] = []
        self.written = asyncio.Event()
        self.gate: asyncio.Event | None = None

    async def append_ledger(self, rows: Sequence[LedgerRow]) -> int:
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable
        self.batches.append(len(rows))
        inserted = await self.twin.append_ledger(rows)
        self.written.set()
        return inserted

    def __getattr__(self, name: str) -> Any:
        return getattr(self.twin, name)

    async def attempts(self) -> list[str]:
        return sorted(it.attempt_id for it in await self.twin.page_ledger("t1", limit=10_000))


def filled(count: int) -> Journal:
    journal = Journal()
    for number in range(count):
        journal.append(a_receipt(f"att_{number:05}"))
    return journal


async def test_everything_that_waits_is_written_in_batches() -> None:
    journal, ledger = filled(BATCH + 5), Ledger()

    assert await settle_all(journal, ledger) == BATCH + 5

    assert (ledger.batches, journal.depth) == ([BATCH, 5], 0)
    assert await ledger.attempts() == [f"att_{number:05}" for number in range(BATCH + 5)]


async def test_what_is_there_already_is_not_written_twice() -> None:
    journal, ledger = filled(3), Ledger()
    await ledger.twin.append_ledger([row_of(a_receipt("att_00001"))])

    assert await settle_all(journal, ledger) == 2
    assert await ledger.attempts() == ["att_00000", "att_00001", "att_00002"]


async def test_a_ledger_that_is_away_loses_nothing() -> None:
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


async def test_the_loop_says_that_the_ledger_is_away_and_goes_on() -> None:
    journal, ledger = Journal(), Ledger()
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
