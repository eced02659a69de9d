import asyncio

import pytest

from ai_gateway.runtime.tasks import Tasks, begin


async def test_a_task_that_dies_is_reported_by_name() -> None:
    told: list[tuple[str, str]] = []

    async def die() -> None:
        raise ValueError("why")

    tasks = Tasks(lambda name, error: told.append((name, repr(error))))
    with pytest.raises(ValueError, match="why"):
        await tasks.spawn("flush", die())

    assert told == [("flush", "ValueError('why')")]


async def test_a_task_that_ends_well_is_nobodys_business() -> None:
    told: list[str] = []
    tasks = Tasks(lambda name, _: told.append(name))
    await tasks.spawn("once", asyncio.sleep(0))
    await tasks.stop()
    assert told == []


async def test_what_must_never_end_is_started_again_and_each_failure_told() -> None:
    told: list[str] = []
    runs: list[int] = []
    third = asyncio.Event()

    async def work() -> None:
        runs.append(len(runs))
        if len(runs) == 3:
            third.set()
            await asyncio.Event().wait()
        raise ValueError(f"run {len(runs)}")

    tasks = Tasks(lambda name, error: told.append(f"{name}: {error}"), restart_seconds=0)
    tasks.keep("settle", work)
    await third.wait()
    await tasks.stop()

    assert told == ["settle: run 1", "settle: run 2"]


async def test_what_must_never_end_is_started_again_also_when_it_returns() -> None:
    runs: list[int] = []
    second = asyncio.Event()

    async def work() -> None:
        runs.append(1)
        if len(runs) == 2:
            second.set()

    tasks = Tasks(lambda *_: None, restart_seconds=0)
    tasks.keep("settle", work)
    await second.wait()
    await tasks.stop()


async def test_stopping_waits_until_everything_is_gone() -> None:
    cleaned: list[str] = []
    running = asyncio.Event()

    async def work() -> None:
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append("done")

    told: list[str] = []
    tasks = Tasks(lambda name, _: told.append(name))
    task = tasks.spawn("server", work())
    await running.wait()
    await tasks.stop()

    assert (cleaned, told, task.cancelled()) == (["done"], [], True)
    assert task.get_name() == "server"


async def test_what_a_server_begins_runs_and_has_no_name_of_its_own() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("work")

    tasks = [begin(asyncio.get_running_loop(), work()) for _ in range(2)]
    await asyncio.gather(*tasks)
    assert done == ["work", "work"]
    assert tasks[0].get_name() is tasks[1].get_name()
