import asyncio
from contextlib import AsyncExitStack
from typing import Any

from ai_gateway.jobs.responses import keep_cutting_responses, keep_responses, keep_writing_responses
from ai_gateway.runtime.tasks import Tasks
from support.turns import until


class Counted:
    def __init__(self, failures: int = 0) -> None:
        self.done: list[str] = []
        self._failures = failures

    async def written(self) -> None:
        await self._do("written")

    async def close(self) -> None:
        self.done.append("close")

    async def cut(self) -> int:
        await self._do("cut")
        return 0

    async def _do(self, what: str) -> None:
        await asyncio.sleep(0)
        if self._failures:
            self._failures -= 1
            raise ConnectionError("away")
        self.done.append(what)


async def test_what_waits_is_written_and_a_vault_that_is_away_asked_again() -> None:
    counted: Any = Counted(failures=2)
    errors: list[Exception] = []
    job = asyncio.ensure_future(keep_writing_responses(counted, errors.append, again_seconds=0))
    await until(lambda: len(counted.done) == 2)
    job.cancel()
    assert [str(error) for error in errors] == ["away", "away"]


async def test_old_ones_are_cut_now_and_then() -> None:
    counted: Any = Counted(failures=1)
    errors: list[Exception] = []
    job = asyncio.ensure_future(keep_cutting_responses(counted, errors.append, every_seconds=0))
    await until(lambda: len(counted.done) == 2)
    job.cancel()
    assert (counted.done[:2], len(errors)) == (["cut", "cut"], 1)


async def test_both_run_and_the_last_ones_are_written_at_the_end() -> None:
    counted: Any = Counted()
    tasks = Tasks(lambda name, error: None)
    async with AsyncExitStack() as stack:
        assert keep_responses(counted, tasks, stack, lambda error: None) is counted
        await until(lambda: {"written", "cut"} <= set(counted.done))
        await tasks.stop()
    assert counted.done[-1] == "close"
