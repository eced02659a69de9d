"""Keeps claims of Idempotency-Keys alive while their requests run, and forgets replies whose day is over."""

import asyncio
from collections.abc import Callable
from typing import Final

from ai_gateway.runtime.repeats import ALIVE_SECONDS, Repeats

RENEW_SECONDS: Final = ALIVE_SECONDS / 3
CUT_EVERY: Final = 60
"""So many rounds."""


async def keep_replies(
    repeats: Repeats, report: Callable[[Exception], None], every_seconds: float = RENEW_SECONDS
) -> None:
    """Runs until it is cancelled."""
    rounds = 0
    while True:
        await asyncio.sleep(every_seconds)
        rounds += 1
        await tend(repeats, report, with_cut=rounds % CUT_EVERY == 0)


async def tend(repeats: Repeats, report: Callable[[Exception], None], *, with_cut: bool) -> None:
    """One round. What cannot be written now is written in the next one."""
    try:
        await repeats.renew()
        if with_cut:
            await repeats.cut()
    except ConnectionError as error:
        report(error)
