"""Tends the journal: what the line must not wait for is done here, in a thread. Writes are made safe in groups, one
sync for all that came within a few milliseconds, unless somebody waits; the next segment is made before it is needed;
and a disk that failed is tried again until it works."""

import asyncio
from collections.abc import Callable
from typing import Final

from ai_gateway.runtime.journal import Journal

GROUP_SECONDS: Final = 0.02
RETRY_SECONDS: Final = 1.0


async def keep_tending(
    journal: Journal, report: Callable[[Exception], None], group_seconds: float = GROUP_SECONDS
) -> None:
    """Runs until it is cancelled. `report` hears once of every problem of the disk."""
    told: OSError | None = None
    while True:
        await journal.has_work.wait()
        problem = journal.problem
        if problem is not None and problem is not told:
            report(problem)
        told = problem
        if not journal.is_awaited:
            await asyncio.sleep(group_seconds if problem is None else RETRY_SECONDS)
        await journal.tend()
