"""The one place that starts tasks. Each has a name and somebody who hears when it fails: a task that died unseen is
how gateways lose a flush loop on Tuesday and its rows until Friday."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, final

RESTART_SECONDS: Final = 1.0


@final
class Tasks:
    """`report` is told the name and the exception of every task that ended badly."""

    def __init__(self, report: Callable[[str, BaseException], None], restart_seconds: float = RESTART_SECONDS) -> None:
        self._report = report
        self._restart_seconds = restart_seconds
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """A task that must never end: whenever it fails, that is reported and it is started again."""

        async def again() -> None:
            while True:
                try:
                    await work()
                except Exception as error:  # noqa: BLE001  supervision: whatever it was, it is told and survived
                    self._report(name, error)
                await asyncio.sleep(self._restart_seconds)

        return self.spawn(name, again())

    async def stop(self) -> None:
        """Cancel what still runs and wait until it is gone."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._report(task.get_name(), error)


def begin(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """One request of a server, which knows itself what runs and tells of no failure: its coroutine has to. All of them
    have one name: a number for each would be made, and kept, for nobody."""
    return asyncio.Task(work, loop=loop, name="request")
