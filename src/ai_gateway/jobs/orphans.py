"""Journals that nobody lives in any more are settled by whoever gets their lock: what they have goes into the ledger,
in the name of the run that wrote it, and then that run's leases are given back. It is all done again where it was cut
short, since a row arrives once however often it is sent.

A journal with damaged slots may lack requests that were sent and paid for. What can be read of it is booked like any
other's, but nobody can say that the rest of its leases is unspent: so they are not given back, and stand in suspense
like those of a journal that is lost, until somebody resolves them.
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


class Damaged(Exception):
    """For the log."""

    def __init__(self, path: Path, run: str | None, slots: int) -> None:
        super().__init__(f"{path}: {slots} damaged slots; the leases of {run} stay charged until they are resolved")


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
            await adopt_all(data_dir, store, desk, report)
        except (StoreUnavailable, ConnectionError, OSError, ValueError) as error:
            report(error)


async def adopt_all(data_dir: Path, store: Store, desk: LeaseDesk, report: Callable[[Exception], None]) -> int:
    """Settle every journal that is left behind in this folder; how many there were. `report` hears of damaged ones."""
    adopted = 0
    for place in orphaned_places(data_dir):
        try:
            await _adopt(place, store, desk, report)
            adopted += 1
        finally:
            place.close()
    return adopted


async def _adopt(place: JournalPlace, store: Store, desk: LeaseDesk, report: Callable[[Exception], None]) -> None:
    """Reading it may take seconds, which a process that serves does not have: so a thread does."""
    journal = await asyncio.to_thread(Journal, DiskFolder(place.path), SMALL)
    try:
        run, found = place.process_id, journal.replayed
        if not await close_run(journal, place, store, desk):
            report(Damaged(place.path, run, found.damaged + found.lost))
    finally:
        journal.close()


async def close_run(journal: Journal, place: JournalPlace, store: Store, desk: LeaseDesk) -> bool:
    """Everything that an earlier run left goes to the ledger, and then its leases go back. False: they do not, because
    the journal does not say all that it had. Raises StoreUnavailable, ConnectionError."""
    run, found = place.process_id, journal.replayed
    if found.damaged or found.lost:
        place.empty()  # before the damage can be gone with its segment: whoever goes on here gives nothing back
        await settle_all(journal, store, run or "")
        return run is None
    await settle_all(journal, store, run or "")
    if run is not None:
        await desk.close(run)
        place.empty()
    return True
