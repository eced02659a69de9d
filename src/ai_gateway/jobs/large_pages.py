"""Keeps the heap in large pages (runtime/large_pages.py): soon after the start, when most of it is there, and after
changes that made it grow."""

import asyncio
from collections.abc import Callable
from typing import Final

SECONDS_BETWEEN: Final = 2.0


async def keep_pages_large(look: Callable[[], object], seconds: float = SECONDS_BETWEEN) -> None:
    """Runs until it is cancelled. `look` is called in a thread: the system may have to move other memory first."""
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(look)
