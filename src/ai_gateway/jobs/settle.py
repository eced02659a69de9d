"""Drains the journal into the ledger: batches in one statement, idempotent by attempt, and a receipt is let go only
when its row is committed. A database that is away is felt as a queue that grows, never by a request."""

import asyncio
from collections.abc import Callable
from typing import Final

from ai_gateway.runtime.journal import Journal
from ai_gateway.store.receipts import row_of
from ai_gateway.store.records import Store, StoreUnavailable

BATCH: Final = 2_000
GATHER_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 0.5


async def keep_settling(journal: Journal, store: Store, report: Callable[[Exception], None]) -> None:
    """Runs until it is cancelled. `report` hears of every failed batch."""
    while True:
        await journal.wait()
        await asyncio.sleep(GATHER_SECONDS)
        try:
            await settle_all(journal, store)
        except StoreUnavailable as error:
            report(error)
            await asyncio.sleep(RETRY_SECONDS)


async def settle_all(journal: Journal, store: Store) -> int:
    """Write everything that waits now; how many rows were new. Raises StoreUnavailable, losing nothing."""
    written = 0
    while receipts := journal.peek(BATCH):
        written += await store.append_ledger([row_of(it) for it in receipts])
        journal.drop(receipts)
    return written
