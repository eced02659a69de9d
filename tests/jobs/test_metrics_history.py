import asyncio
from collections import deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec

from ai_gateway.jobs.metrics_history import AT_A_TIME, MinuteDoors, Minutes, keep_minutes, roll_up
from ai_gateway.policy.histogram import count, size
from ai_gateway.runtime.board import WINDOW, Board
from ai_gateway.store.metrics_history import DAY, HOUR, MINUTE, MemoryMetricsHistory
from ai_gateway.store.observations import MetricsRow
from ai_gateway.store.records import StoreUnavailable
from support.builders import an_endpoint
from support.clock import NOON, FakeClock
from support.turns import until

FOREVER = 1e12


class World:
    """Two endpoints on a real board, a clock that a test moves, and rows as they are noted."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.board = Board()
        self.endpoints = [an_endpoint("up-1"), an_endpoint("up-2")]
        self.rows: list[MetricsRow] = []
        self.minutes = Minutes(
            MinuteDoors(
                endpoints=lambda: self.endpoints,
                numbers=self.board.of,
                note=self.rows.append,
                wall=self.clock.wall,
                writer="p1",
            )
        )

    def serve(self, *latencies: float, name: str = "up-1") -> None:
        for latency in latencies:
            standing = self.board.of(f"pc_{name}")
            standing.start()
            standing.succeed(fresh(latency), fresh(latency / 2), 0.0)

    def fail(self, name: str = "up-1") -> None:
        self.board.of(f"pc_{name}").start()
        self.board.of(f"pc_{name}").fail()

    async def end_minute(self) -> list[MetricsRow]:
        self.rows.clear()
        self.clock.advance(60)
        assert await self.minutes.look()
        return list(self.rows)


def fresh(latency: float) -> float:
    """A number of its own, as every measurement is."""
    return float(str(latency))


async def test_a_minute_has_what_was_done_in_it_and_no_more() -> None:
    world = World()
    world.serve(20.0, 40.0)
    world.fail()
    assert not await world.minutes.look()
    world.serve(60.0)
    (row,) = await world.end_minute()
    assert (row.span, row.starts_at, row.writer, row.endpoint, row.tenant_id) == (MINUTE, NOON, "p1", "up-1", "t1")
    assert (row.requests, row.errors) == (4, 1)
    assert row.latencies == count([20.0, 40.0, 60.0])
    assert row.first_tokens == count([10.0, 20.0, 30.0])
    world.serve(80.0)
    (next_row,) = await world.end_minute()
    assert (next_row.starts_at, next_row.requests, next_row.latencies) == (NOON + 60, 1, count([80.0]))


async def test_a_minute_in_which_nothing_was_done_has_no_row() -> None:
    world = World()
    assert await world.end_minute() == []
    world.serve(20.0)
    assert len(await world.end_minute()) == 1
    assert await world.end_minute() == []


async def test_answers_that_took_equally_long_are_counted_each() -> None:
    world = World()
    world.serve(*[20.0] * 5)
    await world.minutes.look()
    world.serve(*[20.0] * 3)
    (row,) = await world.end_minute()
    assert size(row.latencies) == 8


async def test_of_more_answers_than_the_board_remembers_there_is_a_sample() -> None:
    world = World()
    world.serve(*[20.0] * (WINDOW + 100))
    (row,) = await world.end_minute()
    assert (row.requests, size(row.latencies)) == (WINDOW + 100, WINDOW)


async def test_what_runs_through_a_minute_is_in_its_row_though_nothing_began_or_ended() -> None:
    world = World()
    world.board.of("pc_up-1").start()
    await world.end_minute()
    (row,) = await world.end_minute()
    assert (row.requests, row.most_active) == (0, 1)


async def test_each_endpoint_has_a_row_and_one_that_is_gone_has_none() -> None:
    world = World()
    world.serve(20.0)
    world.serve(30.0, name="up-2")
    assert [row.endpoint for row in await world.end_minute()] == ["up-1", "up-2"]
    world.serve(20.0)
    world.serve(30.0, name="up-2")
    world.endpoints.pop()
    assert [row.endpoint for row in await world.end_minute()] == ["up-1"]


async def test_an_endpoint_that_the_board_forgot_begins_at_nothing_again() -> None:
    world = World()
    world.serve(20.0, 20.0, 20.0)
    await world.end_minute()
    world.board.keep_only(set())
    world.serve(20.0)
    (row,) = await world.end_minute()
    assert (row.requests, size(row.latencies)) == (1, 1)


def a_minute(starts_at: float) -> MetricsRow:
    return MetricsRow(
        span=MINUTE,
        endpoint_id="pc_up-1",
        starts_at=starts_at,
        writer="p1",
        tenant_id="t1",
        endpoint="up-1",
        provider="openai",
        requests=1,
        errors=0,
        most_active=1,
        latencies=(),
        first_tokens=(),
    )


async def read(history: MemoryMetricsHistory, span: str) -> list[tuple[float, int]]:
    rows = await history.read("t1", "pc_up-1", span, 0.0, FOREVER)
    return [(row.starts_at, row.requests) for row in rows]


async def with_minutes(instants: Iterable[float]) -> MemoryMetricsHistory:
    history = MemoryMetricsHistory()
    await history.put([a_minute(at) for at in instants])
    return history


async def test_hours_and_days_that_have_ended_are_rolled_up_and_the_running_ones_are_not() -> None:
    """Two days and half an hour of minutes, one in ten: six an hour, 144 a day."""
    now = 2 * 86_400.0 + 1_800.0
    history = await with_minutes(60.0 * at for at in range(0, int(now // 60), 10))
    await roll_up(history, now)
    hours = await read(history, HOUR)
    assert hours == [(3_600.0 * hour, 6) for hour in range(48)]
    assert await read(history, DAY) == [(0.0, 144), (86_400.0, 144)]


async def test_a_process_that_was_away_catches_up_and_does_the_last_hour_again() -> None:
    history = await with_minutes([0.0, 3_600.0])
    await roll_up(history, 7_200.0)
    await history.put([msgspec.structs.replace(a_minute(3_660.0), writer="late"), a_minute(14_400.0)])
    await roll_up(history, 18_000.0)
    assert await read(history, HOUR) == [(0.0, 1), (3_600.0, 2), (14_400.0, 1)]


async def test_nothing_to_roll_up_is_nothing_done() -> None:
    history = MemoryMetricsHistory()
    await roll_up(history, 1e6)
    assert await history.reaches(HOUR) is None


class AwayOnce:
    """A history that cannot be asked the first time."""

    def __init__(self) -> None:
        self.asked = 0

    async def reaches(self, span: str) -> tuple[float, float] | None:
        self.asked += 1
        if self.asked == 1:
            raise StoreUnavailable
        return None

    def __getattr__(self, name: str) -> None:
        raise AssertionError(name)


async def test_a_thousand_endpoints_do_not_hold_the_loop_and_have_their_rows() -> None:
    world = World()
    world.endpoints = [an_endpoint(f"up-{place}") for place in range(1_000)]
    for endpoint in world.endpoints:
        world.serve(20.0, name=endpoint.name)
    world.clock.advance(60)
    look = asyncio.ensure_future(world.minutes.look())
    seen = []
    while not look.done():
        await asyncio.sleep(0)
        seen.append(len(world.rows))
    assert max(later - earlier for earlier, later in pairwise([0, *seen])) == AT_A_TIME
    assert await look
    assert [row.endpoint for row in world.rows] == [it.name for it in world.endpoints]


async def test_the_loop_goes_on_when_the_database_was_away() -> None:
    world, told = World(), list[Exception]()
    history: Any = AwayOnce()

    def wall() -> float:
        world.clock.advance(60)
        return world.clock.wall()

    minutes = Minutes(
        MinuteDoors(endpoints=list, numbers=world.board.of, note=world.rows.append, wall=wall, writer="p1")
    )
    loop = asyncio.ensure_future(keep_minutes(minutes, history, wall, told.append, every_seconds=0))
    await until(lambda: history.asked >= 3)
    loop.cancel()
    assert len(told) == 1


def test_the_board_keeps_as_many_latencies_as_this_loop_believes() -> None:
    samples = Board().of("pc_1").latencies
    assert isinstance(samples, deque)
    assert samples.maxlen == WINDOW
