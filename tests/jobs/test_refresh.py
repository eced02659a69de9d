import asyncio

from ai_gateway.jobs.refresh import keep_refreshing


async def test_the_loop_asks_again_and_again_whatever_went_wrong() -> None:
    told: list[Exception] = []
    asked: list[int] = []
    enough = asyncio.Event()

    async def refresh() -> None:
        asked.append(len(asked))
        if len(asked) == 4:
            enough.set()
        if len(asked) % 2 == 0:
            raise ValueError("refused")

    loop = asyncio.ensure_future(keep_refreshing(refresh, told.append, every_seconds=0))
    await enough.wait()
    await asyncio.sleep(0)
    loop.cancel()

    assert [repr(it) for it in told[:2]] == ["ValueError('refused')"] * 2
