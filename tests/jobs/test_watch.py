import asyncio
from random import Random
from typing import Any

from ai_gateway.domain.config import Endpoint, ProviderType
from ai_gateway.domain.faults import ProviderFailed
from ai_gateway.jobs.health import CheckPace
from ai_gateway.jobs.watch import Histories, Watch, WatchDoors, check_of
from ai_gateway.policy.circuit_breaker import State
from ai_gateway.policy.health import Override
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.board import Board
from ai_gateway.runtime.probe import Checked
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.runtime.telemetry import Ended
from ai_gateway.store.breaker_states import MemoryBreakerStates
from ai_gateway.store.decisions import MemoryDecisions
from ai_gateway.store.health import MemoryHealthHistory
from ai_gateway.store.metrics_history import MemoryMetricsHistory
from ai_gateway.store.observations import OverrideRow
from ai_gateway.store.records import StoreUnavailable
from support.builders import a_receipt, an_endpoint
from support.clock import NOON, FakeClock
from support.turns import settle

ENDPOINT = an_endpoint("up-1")


def memory() -> Histories:
    return Histories(MemoryHealthHistory(), MemoryBreakerStates(), MemoryMetricsHistory(), MemoryDecisions())


class World:
    def __init__(self, histories: Histories | None = None, pace: CheckPace = CheckPace()) -> None:
        self.clock = FakeClock()
        self.told: list[str] = []
        self.asked: list[str] = []
        self.failed: list[str] = []
        self.tasks = Tasks(lambda name, error: self.failed.append(f"{name}: {error!r}"))
        self.board = Board()
        self.watch = Watch(
            WatchDoors(
                histories=histories or memory(),
                clock=self.clock,
                rng=Random(3),
                digest=lambda text: text[:16].ljust(16),
                report=lambda what, error: self.told.append(what),
                writer="p1",
                pace=pace,
            )
        )
        self.watch.configured([ENDPOINT])

    async def check(self, endpoint: Endpoint) -> Checked:
        self.asked.append(endpoint.name)
        return Checked(status=200, latency_ms=1.0, fault=None)

    def fail(self, times: int) -> None:
        gate = self.watch.breakers.of(ENDPOINT)
        for _ in range(times):
            now = self.clock.now()
            gate.fail(gate.send(now), ProviderFailed(), now)


async def test_what_was_open_and_who_was_taken_out_is_so_after_a_restart() -> None:
    world = World()
    world.fail(5)
    await world.watch.flush()
    word = OverrideRow(endpoint_id=ENDPOINT.id, tenant_id="t1", healthy=False, reason=None, until=None, at=NOON)
    await world.watch.histories.health.put_overrides([word])

    after = World(world.watch.histories)
    await after.watch.restore()
    assert after.watch.breakers.view(ENDPOINT.id).state is State.OPEN
    assert after.watch.healths.withdrawn == {ENDPOINT.id}


async def test_a_word_that_ran_out_while_nobody_was_there_is_not_in_force() -> None:
    world = World()
    word = OverrideRow(endpoint_id=ENDPOINT.id, tenant_id="t1", healthy=False, reason=None, until=NOON - 1, at=NOON - 9)
    await world.watch.histories.health.put_overrides([word])
    await world.watch.restore()
    assert world.watch.healths.out == set()


async def test_all_that_happens_to_an_endpoint_arrives_in_its_histories() -> None:
    world = World()
    world.fail(5)
    world.watch.decisions.note(
        Ended("req_1", "chat", 502, NOON, 0.1, ProviderFailed(), receipts=(a_receipt(),), tenant_id="t1")
    )
    await world.watch.flush()
    histories = world.watch.histories
    assert [row.source for row in await histories.health.page("t1", ENDPOINT.id)] == ["traffic"]
    assert [row.state for row in await histories.breakers.all()] == ["OPEN"]
    assert await histories.decisions.of("t1", "req_1") is not None
    assert [move.after for move in world.watch.transitions.of("t1", most=9)] == [State.OPEN]
    assert world.watch.dropped() == 0


async def test_the_loops_run_and_endpoints_are_looked_at() -> None:
    world = World(pace=CheckPace(every_seconds=1.0, tick_seconds=0))
    world.watch.start(world.tasks, world.board, world.check)
    await settle()
    world.clock.advance(2)
    await settle()
    await world.tasks.stop()
    assert world.asked == ["up-1"]
    assert world.failed == []


async def test_no_endpoint_is_looked_at_where_that_is_switched_off() -> None:
    world = World(pace=CheckPace(every_seconds=0, tick_seconds=0))
    world.watch.start(world.tasks, world.board, world.check)
    await settle(50)
    world.clock.advance(60)
    await settle(50)
    names = {task.get_name() for task in asyncio.all_tasks()}
    await world.tasks.stop()
    assert world.asked == []
    assert {"save breakers", "flush history", "minutes", "retention"} <= names
    assert "health checks" not in names


async def test_an_endpoint_that_is_no_longer_configured_is_forgotten() -> None:
    world = World()
    world.fail(5)
    world.watch.healths.override(ENDPOINT.id, Override(healthy=False), NOON)
    world.watch.configured([])
    assert world.watch.breakers.view(ENDPOINT.id).state is State.CLOSED
    assert world.watch.healths.out == set()


class Away:
    async def put(self, rows: object) -> None:
        raise StoreUnavailable

    async def all(self) -> list[object]:
        raise StoreUnavailable

    async def cut(self, before: float) -> int:
        raise StoreUnavailable


async def test_a_database_that_is_away_at_the_end_is_told_of_and_waited_for_by_nobody() -> None:
    histories = memory()
    away: Any = Away()
    world = World(Histories(histories.health, away, histories.metrics, histories.decisions))
    world.fail(5)
    await world.watch.flush()
    assert world.told == ["history"]


class Asker:
    """A probe that answers as it was told and remembers what it was asked."""

    def __init__(self, fault: ProviderFailed | None = None) -> None:
        self.fault = fault
        self.asked: list[str] = []

    async def check(self, endpoint: Endpoint, how: object) -> Checked:
        self.asked.append(endpoint.name)
        return Checked(status=200, latency_ms=1.0, fault=self.fault, paid=how == "m")


async def test_a_paid_question_is_asked_only_where_the_tenant_said_so_and_the_free_one_was_answered() -> None:
    free: Any = Asker()
    paid: Any = Asker()
    check = check_of(free, paid, KINDS)
    assert not (await check(an_endpoint("plain"))).paid
    assert (await check(an_endpoint("payer", paid_check_model="m"))).paid
    free.fault = ProviderFailed()
    assert not (await check(an_endpoint("down", paid_check_model="m"))).paid
    assert (free.asked, paid.asked) == (["plain", "payer", "down"], ["payer"])


async def test_where_no_question_is_free_the_tenant_that_pays_is_asked_all_the_same() -> None:
    free: Any = Asker(ProviderFailed())
    paid: Any = Asker()
    check = check_of(free, paid, KINDS)
    bedrock = {"provider": ProviderType.BEDROCK}
    assert (await check(an_endpoint("payer", paid_check_model="m", **bedrock))).paid
    assert not (await check(an_endpoint("plain", **bedrock))).paid
