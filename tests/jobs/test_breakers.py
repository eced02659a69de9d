import asyncio
from collections.abc import Sequence
from random import Random

import msgspec

from ai_gateway.domain.config import BreakerSettings
from ai_gateway.domain.faults import ProviderFailed
from ai_gateway.jobs.breakers import Moves, Names, keep_saving, load, row_of, save, saved_of
from ai_gateway.policy.circuit_breaker import State
from ai_gateway.policy.health import Source
from ai_gateway.runtime.breakers import Breakers
from ai_gateway.runtime.health import Healths
from ai_gateway.store.breaker_states import MemoryBreakerStates
from ai_gateway.store.observations import BreakerRow, HealthRow
from ai_gateway.store.records import StoreUnavailable
from support.builders import an_endpoint
from support.clock import NOON, FakeClock
from support.turns import until

ENDPOINT = an_endpoint("up-1")
ANOTHER_POOLS = BreakerSettings(failure_threshold=2)
NEVER = 3_600.0


class Table:
    """The memory twin, which can be away."""

    def __init__(self) -> None:
        self.twin = MemoryBreakerStates()
        self.away = False
        self.asked = 0

    async def put(self, rows: Sequence[BreakerRow]) -> None:
        self.asked += 1
        if self.away:
            raise StoreUnavailable
        await self.twin.put(rows)

    async def all(self) -> list[BreakerRow]:
        return await self.twin.all()

    async def cut(self, before: float) -> int:
        return await self.twin.cut(before)


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.breakers = a_registry(self.clock)
        self.healths = Healths()
        self.rows: list[HealthRow] = []
        self.told: list[Exception] = []
        self.table = Table()
        names = {ENDPOINT.id: Names(ENDPOINT.name, ENDPOINT.provider.value)}
        self.moves = Moves(
            self.breakers,
            self.healths,
            lambda it: names.get(ENDPOINT.id) if it == ENDPOINT.id else None,
            self.rows.append,
        )
        self.breakers.listen(self.moves.heard)

    def fail(self, times: int, settings: BreakerSettings = BreakerSettings()) -> None:
        gate = self.breakers.of(ENDPOINT, settings)
        for _ in range(times):
            now = self.clock.now()
            gate.fail(gate.send(now), ProviderFailed(), now)

    def succeed(self, times: int, settings: BreakerSettings = BreakerSettings()) -> None:
        gate = self.breakers.of(ENDPOINT, settings)
        for _ in range(times):
            now = self.clock.now()
            assert gate.admits(now)
            gate.succeed(gate.answered(gate.send(now), now, 0.1), now)

    def is_healthy(self) -> bool:
        return self.healths.verdict(ENDPOINT.id, self.clock.wall()).healthy


def a_registry(clock: FakeClock) -> Breakers:
    return Breakers(clock, Random(1), lambda text: text[:16].ljust(16))


def test_a_breaker_that_opens_is_an_endpoint_that_is_unhealthy_and_a_row_that_says_why() -> None:
    world = World()
    world.fail(5)
    (row,) = world.rows
    assert (row.endpoint, row.provider, row.tenant_id, row.at) == ("up-1", "openai", "t1", NOON)
    assert (row.source, row.ok, row.healthy) == ("traffic", False, False)
    assert row.reason is not None
    assert row.reason.startswith("CLOSED -> OPEN: 5 failures in a row")
    assert not world.is_healthy()


def test_an_endpoint_is_well_again_when_its_breaker_closes() -> None:
    world = World()
    world.fail(5)
    world.clock.advance(40)
    world.succeed(2)
    assert [(row.ok, row.healthy) for row in world.rows] == [(False, False), (None, False), (True, True)]
    verdict = world.healths.verdict(ENDPOINT.id, world.clock.wall())
    assert (verdict.healthy, verdict.source, verdict.since) == (True, Source.TRAFFIC, NOON + 40)


def test_an_endpoint_with_two_breakers_is_well_when_none_of_them_is_open() -> None:
    world = World()
    world.fail(5)
    world.fail(2, ANOTHER_POOLS)
    world.clock.advance(40)
    world.succeed(2)
    assert not world.is_healthy()
    world.succeed(2, ANOTHER_POOLS)
    assert world.is_healthy()


def test_what_an_operator_forced_is_his_word_in_the_history() -> None:
    world = World()
    world.breakers.force_open([ENDPOINT], None, "maintenance")
    assert [(row.source, row.ok) for row in world.rows] == [("manual", False)]


def test_an_endpoint_that_nobody_knows_has_no_row() -> None:
    world = World()
    world.breakers.force_open([an_endpoint("gone")], None, "maintenance")
    assert world.rows == []


async def test_a_transition_is_written_at_once_and_not_after_the_interval() -> None:
    world = World()
    loop = asyncio.ensure_future(keep_saving(world.breakers, world.moves, world.table, world.told.append, NEVER))
    await asyncio.sleep(0)
    world.fail(5)
    await until(lambda: world.table.asked)
    loop.cancel()
    (row,) = await world.table.all()
    assert (row.state, row.forced, row.tenant_id, row.endpoint_id) == ("OPEN", False, "t1", ENDPOINT.id)


async def test_what_could_not_be_written_is_written_later_as_it_is_then() -> None:
    world = World()
    world.table.away = True
    world.fail(5)
    loop = asyncio.ensure_future(keep_saving(world.breakers, world.moves, world.table, world.told.append, 0))
    await until(lambda: world.table.asked >= 3)
    assert {type(error) for error in world.told} == {StoreUnavailable}
    world.breakers.reset([ENDPOINT.id], "by hand")
    world.table.away = False
    before = world.table.asked
    await until(lambda: world.table.asked > before)
    loop.cancel()
    assert [row.state for row in await world.table.all()] == ["CLOSED"]


async def test_nothing_that_moved_is_nothing_to_write() -> None:
    world = World()
    world.succeed(3)
    assert await save(world.breakers, world.table) == 0
    assert world.table.asked == 0


async def test_a_restart_finds_the_breaker_open_and_the_operators_word_in_force() -> None:
    world = World()
    other = an_endpoint("up-2")
    world.fail(5)
    world.breakers.force_open([other], None, "maintenance")
    await save(world.breakers, world.table)

    after = a_registry(world.clock)
    after.restore(await load(world.table, world.told.append))
    assert after.view(ENDPOINT.id).state is State.OPEN
    assert not after.of(ENDPOINT).admits(world.clock.now())
    assert after.view(other.id).reason == "maintenance"
    assert after.view(other.id).forced
    assert world.told == []


async def test_a_row_that_no_version_wrote_is_reported_and_left_out() -> None:
    world = World()
    world.fail(5)
    await save(world.breakers, world.table)
    (row,) = await world.table.all()
    await world.table.put([msgspec.structs.replace(row, key="broken", saved={"state": "AJAR"})])
    assert [it.key for it in await load(world.table, world.told.append)] == [row.key]
    assert len(world.told) == 1


def test_a_row_becomes_the_breaker_again() -> None:
    world = World()
    world.fail(5)
    (saved,) = world.breakers.dirty()
    assert saved_of(row_of(saved)) == saved
