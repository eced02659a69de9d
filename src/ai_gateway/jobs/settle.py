"""Drains the journal into the ledger: batches in one statement, idempotent by attempt, and a receipt is let go only
when its row is committed. A database that is away is felt as a queue that grows, never by a request."""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from ai_gateway.policy.windows import day_starts_ms, month_starts_ms, windows_at
from ai_gateway.runtime import ids
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.meters import Meters
from ai_gateway.store.receipts import row_of
from ai_gateway.store.records import Store, StoreUnavailable

BATCH: Final = 2_000
GATHER_SECONDS: Final = 0.4
"""A row is to be readable within a second of its request's end. The longer the batch, the fewer pages of the ledger's
indexes are touched for a row: with 200 tenants at work, 0.1 s cost a tenth of a request more than 0.4 s."""
RETRY_SECONDS: Final = 0.5


class Pace(msgspec.Struct, frozen=True):
    """Seconds to gather a batch, and to leave a database alone that was away."""

    gather_seconds: float = GATHER_SECONDS
    retry_seconds: float = RETRY_SECONDS


async def keep_settling(
    journal: Journal, store: Store, report: Callable[[Exception], None], pace: Pace = Pace()
) -> None:
    """Runs until it is cancelled. `report` hears of every failed batch."""
    while True:
        await journal.wait()
        await asyncio.sleep(pace.gather_seconds)
        try:
            await settle_all(journal, store)
        except StoreUnavailable as error:
            report(error)
            await asyncio.sleep(pace.retry_seconds)


async def restore_meters(meters: Meters, journal: Journal, store: Store, at: float) -> None:
    """Begin where the books are. What the journal still had is written first, because only the ledger knows which of
    it was there already. Raises StoreUnavailable."""
    await settle_all(journal, store)
    windows = windows_at(at)
    day, month = (ids.first_request_id(start(windows)) for start in (day_starts_ms, month_starts_ms))
    meters.restore(await store.spent_by_leg(day, month), at)


async def settle_all(journal: Journal, store: Store) -> int:
    """Write everything that waits now; how many rows were new. Raises StoreUnavailable, losing nothing."""
    written = 0
    while receipts := journal.peek(BATCH):
        written += await store.append_ledger([row_of(it) for it in receipts])
        journal.drop(receipts)
    return written
