"""Drains the journal into the ledger: batches in one statement, idempotent by attempt, and a receipt is let go only
when its row is committed. A database that is away is felt as a queue that grows, never by a request."""

import asyncio
from collections.abc import Callable
from operator import attrgetter
from typing import Final

import msgspec

from ai_gateway.domain.budgets import Window
from ai_gateway.policy.windows import number_of, window_id, windows_at, windows_of_day
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.meters import Meters
from ai_gateway.store.records import Store, StoreUnavailable

BATCH: Final = 5_000
GATHER_SECONDS: Final = 0.4
"""A row is to be readable within a second of its request's end. The longer the batch, the fewer pages of the ledger's
indexes are touched for a row: with 200 tenants at work, 0.1 s cost a tenth of a request more than 0.4 s."""
RETRY_SECONDS: Final = 0.5
_request_id_of: Final = attrgetter("request_id")


class Pace(msgspec.Struct, frozen=True):
    """Seconds to gather a batch, and to leave a database alone that was away."""

    gather_seconds: float = GATHER_SECONDS
    retry_seconds: float = RETRY_SECONDS


async def keep_settling(
    journal: Journal, store: Store, report: Callable[[Exception], None], pace: Pace = Pace(), process_id: str = ""
) -> None:
    """Runs until it is cancelled. `report` hears of every failed batch. `process_id`: whose leases pay.

    A round writes what waited when it began, and not what comes meanwhile: under load something always does, and then
    each commit would be of the few rows that came during the one before (59 rows were measured, at three times the
    price of a row in thousands)."""
    while True:
        await journal.wait()
        await asyncio.sleep(pace.gather_seconds)
        try:
            await settle_waiting(journal, store, process_id)
        except StoreUnavailable as error:
            report(error)
            await asyncio.sleep(pace.retry_seconds)


async def restore_meters(meters: Meters, journal: Journal, store: Store, at: float) -> None:
    """Begin where the books are. What the journal still had is written first, because only the ledger knows which of
    it was there already. Raises StoreUnavailable."""
    await settle_all(journal, store)
    meters.restore(await store.spent_in(current_windows(at)))


def current_windows(at: float) -> list[str]:
    """The ids of every window that may be current in some zone at this instant, and of all of time."""
    today = windows_at(at).day
    around = [windows_of_day(day) for day in (today - 1, today, today + 1)]
    return sorted({window_id(window, number_of(window, windows)) for window in Window for windows in around})


async def settle_waiting(journal: Journal, store: Store, process_id: str = "") -> int:
    """Write what waits now; how many rows were new. Raises StoreUnavailable, losing nothing.

    A batch is in the order of admission, with which request ids begin: so the indexes over ids grow at their end,
    where a database need not look for the place."""
    written, left = 0, journal.depth
    while left > 0 and (receipts := journal.peek(min(BATCH, left))):
        written += await store.append_ledger(sorted(receipts, key=_request_id_of), process_id)
        journal.drop(receipts)
        left -= len(receipts)
    return written


async def settle_all(journal: Journal, store: Store, process_id: str = "") -> int:
    """The same, until nothing waits any more."""
    written = 0
    while journal.depth:
        written += await settle_waiting(journal, store, process_id)
    return written
