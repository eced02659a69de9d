"""Sees configuration changes that other processes committed: asks every second for the revisions since the one in
force, and applies what they touch. A change of this process does not wait for it: the admin side publishes it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

EVERY_SECONDS: Final = 1.0


async def keep_refreshing(
    refresh: Callable[[], Awaitable[object]], report: Callable[[Exception], None], every_seconds: float = EVERY_SECONDS
) -> None:
    """Runs until it is cancelled. While the database is away the last Snapshot stays in force."""
    while True:
        await asyncio.sleep(every_seconds)
        try:
            await refresh()
        except Exception as error:  # noqa: BLE001  a refused snapshot is an event, and the last good one serves on
            report(error)
