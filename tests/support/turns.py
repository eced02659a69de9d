"""Letting other tasks run without letting time pass."""

import asyncio
from collections.abc import Callable

ENOUGH = 10_000


async def settle(turns: int = 10) -> None:
    """Let every task come as far as it can without a clock."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def until(look: Callable[[], object]) -> None:
    """Let tasks run until something is so; fails where it never comes to be."""
    for _ in range(ENOUGH):
        if look():
            return
        await asyncio.sleep(0)
    raise AssertionError("what was waited for did not come")
