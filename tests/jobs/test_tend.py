"""The loop that tends the journal: groups, urgency, and one word about a problem."""

import asyncio
import errno

from ai_gateway.jobs.tend import keep_tending
from ai_gateway.runtime.journal import Durability, Journal
from support.builders import a_receipt
from support.journal import MemoryFolder, a_journal

NEVER = 3600.0


async def run_until(
    journal: Journal, look: asyncio.Future[None] | asyncio.Task[None], group_seconds: float
) -> list[Exception]:
    told: list[Exception] = []
    tending = asyncio.ensure_future(keep_tending(journal, told.append, group_seconds))
    await look
    tending.cancel()
    await asyncio.gather(tending, return_exceptions=True)
    return told


async def test_who_waits_for_the_disk_does_not_wait_for_the_group() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder, durability=Durability.ALWAYS)
    before = folder.syncs
    journal.append(a_receipt())
    waiting = asyncio.ensure_future(journal.safe())
    await asyncio.sleep(0)
    assert await run_until(journal, waiting, NEVER) == []
    assert folder.syncs > before


async def test_many_records_are_made_safe_together() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    before = folder.syncs
    for number in range(50):
        journal.append(a_receipt(f"att_{number}"))
    while folder.syncs == before:
        await run_until(journal, asyncio.ensure_future(asyncio.sleep(0.02)), 0)
    assert folder.syncs == before + 1


async def test_a_problem_is_told_once() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    folder.failing_syncs = errno.EIO
    journal.append(a_receipt())
    await journal.tend()
    assert journal.problem is not None
    (told,) = await run_until(journal, asyncio.ensure_future(asyncio.sleep(0.01)), 0)
    assert isinstance(told, OSError)
