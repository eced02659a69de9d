"""Writes responses that are to be kept, and forgets those whose days are over."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from ai_gateway.runtime.stored_responses import StoredResponses
from ai_gateway.runtime.tasks import Tasks

AGAIN_SECONDS: Final = 1.0
CUT_SECONDS: Final = 3_600.0


def keep_responses(
    stored: StoredResponses, tasks: Tasks, stack: AsyncExitStack, report: Callable[[Exception], None]
) -> StoredResponses:
    """Both loops; what still waits at the end is written when the stack is left."""
    tasks.keep("responses", lambda: keep_writing_responses(stored, report))
    tasks.keep("old responses", lambda: keep_cutting_responses(stored, report))
    stack.push_async_callback(stored.close)
    return stored


async def keep_writing_responses(
    stored: StoredResponses, report: Callable[[Exception], None], again_seconds: float = AGAIN_SECONDS
) -> None:
    """Runs until it is cancelled. A vault that is away is asked again."""
    while True:
        try:
            await stored.written()
        except ConnectionError as error:
            report(error)
            await asyncio.sleep(again_seconds)


async def keep_cutting_responses(
    stored: StoredResponses, report: Callable[[Exception], None], every_seconds: float = CUT_SECONDS
) -> None:
    """Runs until it is cancelled."""
    while True:
        try:
            await stored.cut()
        except ConnectionError as error:
            report(error)
        await asyncio.sleep(every_seconds)
