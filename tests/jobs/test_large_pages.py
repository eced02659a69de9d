import asyncio
from contextlib import suppress

from ai_gateway.jobs.large_pages import keep_pages_large


async def test_it_looks_again_and_again_until_it_is_cancelled() -> None:
    looked, enough = 0, asyncio.Event()
    loop = asyncio.get_running_loop()

    def look() -> None:
        nonlocal looked
        looked += 1
        if looked == 3:
            loop.call_soon_threadsafe(enough.set)

    task = asyncio.ensure_future(keep_pages_large(look, 0.0))
    await asyncio.wait_for(enough.wait(), 10)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
