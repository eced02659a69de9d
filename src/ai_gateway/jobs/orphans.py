"""Journals that nobody lives in any more are settled by whoever gets their lock: what they have goes into the ledger,
in the name of the run that wrote it, and then that run's leases are given back. It is all done again where it was cut
short, since a row arrives once however often it is sent.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ai_gateway.jobs.settle import settle_all
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.journal_places import JournalPlace, orphaned_places
from ai_gateway.runtime.ports import LeaseDesk
from ai_gateway.runtime.segments import DiskFolder, JournalSize
from ai_gateway.store.records import Store, StoreUnavailable

EVERY_SECONDS: Final = 5.0
SMALL: Final = JournalSize(segment_bytes=1 << 20, total_bytes=1 << 40)
"""It takes what was open as orphans, and no more than that is ever written."""


async def keep_adopting(
    data_dir: Path,
    store: Store,
    desk: LeaseDesk,
    report: Callable[[Exception], None],
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """Runs until it is cancelled. `report` hears what stood in the way; it is tried again."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await adopt_all(data_dir, store, desk)
        except (StoreUnavailable, ConnectionError, OSError, ValueError) as error:
            report(error)


async def adopt_all(data_dir: Path, store: Store, desk: LeaseDesk) -> int:
    """Settle every journal that is left behind in this folder; how many there were."""
    adopted = 0
    for place in orphaned_places(data_dir):
        try:
            await _adopt(place, store, desk)
            adopted += 1
        finally:
            place.close()
    return adopted


async def _adopt(place: JournalPlace, store: Store, desk: LeaseDesk) -> None:
    """Reading it may take seconds, which a process that serves does not have: so a thread does."""
    journal = await asyncio.to_thread(Journal, DiskFolder(place.path), SMALL)
    try:
        await close_run(journal, place, store, desk)
    finally:
        journal.close()


async def close_run(journal: Journal, place: JournalPlace, store: Store, desk: LeaseDesk) -> None:
    """Everything that an earlier run left goes to the ledger, and then its leases go back. Raises StoreUnavailable,
    ConnectionError."""
    await settle_all(journal, store, place.process_id or "")
    if place.process_id is not None:
        await desk.close(place.process_id)
        place.empty()
