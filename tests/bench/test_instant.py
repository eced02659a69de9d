"""The timer that the open loop hangs on."""

import asyncio
import time

from benchmarks.instant import ExactTimer


async def test_it_fires_once_and_not_early() -> None:
    loop = asyncio.get_running_loop()
    fired: asyncio.Future[float] = loop.create_future()
    timer = ExactTimer(loop, lambda: fired.set_result(time.monotonic()))
    meant = time.monotonic() + 0.005
    timer.set(meant)

    assert await fired >= meant
    timer.close()


async def test_an_instant_that_is_past_fires_at_once() -> None:
    loop = asyncio.get_running_loop()
    fired: asyncio.Future[None] = loop.create_future()
    timer = ExactTimer(loop, lambda: fired.set_result(None))
    timer.set(time.monotonic() - 1)

    await fired
    timer.close()
