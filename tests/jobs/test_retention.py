import asyncio
from typing import Any

from ai_gateway.jobs.retention import A_DAY, Retention, RetentionDoors, cut, keep_cutting
from ai_gateway.store.breaker_states import MemoryBreakerStates
from ai_gateway.store.decisions import MemoryDecisions
from ai_gateway.store.health import MemoryHealthHistory
from ai_gateway.store.metrics_history import DAY, HOUR, MINUTE, MemoryMetricsHistory
from ai_gateway.store.observations import BreakerRow, DecisionRow, HealthRow, MetricsRow
from ai_gateway.store.records import StoreUnavailable
from support.turns import settle

NOW = 1_000 * A_DAY + 7_777.0
FOREVER = 1e12


class World:
    def __init__(self, kept: Retention = Retention()) -> None:
        self.health = MemoryHealthHistory()
        self.breakers = MemoryBreakerStates()
        self.metrics = MemoryMetricsHistory()
        self.decisions = MemoryDecisions()
        self.kept = kept
        self.told: list[Exception] = []
        self.doors = RetentionDoors(
            health=self.health, breakers=self.breakers, metrics=self.metrics, decisions=self.decisions, wall=lambda: NOW
        )

    async def cut(self) -> int:
        return await cut(self.doors, self.kept, self.told.append)

    async def spans(self, span: str) -> list[float]:
        return [row.starts_at for row in await self.metrics.read("t1", "pc_1", span, 0.0, FOREVER)]


def a_span(span: str, starts_at: float) -> MetricsRow:
    names: dict[str, Any] = {"endpoint_id": "pc_1", "tenant_id": "t1", "endpoint": "up-1", "provider": "mock"}
    numbers: dict[str, Any] = {"requests": 1, "errors": 0, "most_active": 0, "latencies": (), "first_tokens": ()}
    return MetricsRow(span=span, starts_at=starts_at, writer="", **names, **numbers)


def a_look(at: float) -> HealthRow:
    names: dict[str, Any] = {"tenant_id": "t1", "endpoint_id": "pc_1", "endpoint": "up-1", "provider": "mock"}
    return HealthRow(at=at, source="check", ok=True, healthy=True, **names)


def a_breaker(key: str, updated_at: float) -> BreakerRow:
    names: dict[str, Any] = {"key": key, "tenant_id": "t1", "endpoint_id": "pc_1", "state": "CLOSED", "saved": {}}
    return BreakerRow(forced=False, reason=None, updated_at=updated_at, **names)


def a_record(request_id: str, at: float) -> DecisionRow:
    return DecisionRow(tenant_id="t1", request_id=request_id, at=at, why="error", status=502, model=None, record={})


async def test_health_and_decisions_are_kept_for_their_days() -> None:
    world = World(Retention(health=30, decisions=7))
    await world.health.append([a_look(NOW - 31 * A_DAY), a_look(NOW - 29 * A_DAY)])
    await world.decisions.append([a_record("req_1", NOW - 8 * A_DAY), a_record("req_2", NOW - 6 * A_DAY)])
    assert await world.cut() == 2
    assert [row.at for row in await world.health.page("t1", "pc_1")] == [NOW - 29 * A_DAY]
    assert [row.request_id for row in await world.decisions.page("t1")] == ["req_2"]


async def test_a_breaker_that_has_not_moved_for_as_long_is_forgotten() -> None:
    world = World()
    await world.breakers.put([a_breaker("old", NOW - 31 * A_DAY), a_breaker("new", NOW)])
    await world.cut()
    assert [row.key for row in await world.breakers.all()] == ["new"]


async def test_minutes_are_cut_by_whole_hours_and_hours_by_whole_days() -> None:
    """Now is 7,777 s (2 h 9 min 37 s) into day 1000: of two days of minutes the limit falls into 02:00 of day 998."""
    world = World(Retention(minutes=2, hours=60, days=730))
    limit = 998 * A_DAY + 7_200.0
    await world.metrics.put([a_span(MINUTE, at) for at in (limit - 60, limit, limit + 60, limit + 3_600)])
    day = 940 * A_DAY
    await world.metrics.put([a_span(HOUR, at) for at in (day - 3_600, day, day + 3_600, NOW - 7_777.0)])
    await world.metrics.put([a_span(DAY, at) for at in (269 * A_DAY, 271 * A_DAY, 999 * A_DAY)])
    await world.cut()
    assert await world.spans(MINUTE) == [limit, limit + 60, limit + 3_600]
    assert await world.spans(HOUR) == [day, day + 3_600, NOW - 7_777.0]
    assert await world.spans(DAY) == [271 * A_DAY, 999 * A_DAY]


async def test_what_was_not_rolled_up_yet_is_kept_however_old() -> None:
    world = World()
    await world.metrics.put([a_span(MINUTE, at) for at in (0.0, 3_600.0, 7_200.0)])
    assert await world.cut() == 0
    await world.metrics.put([a_span(HOUR, 3_600.0)])
    await world.cut()
    assert await world.spans(MINUTE) == [7_200.0]


class Away:
    async def cut(self, *_: object) -> int:
        raise StoreUnavailable


async def test_one_table_that_cannot_be_cut_keeps_no_other_from_it() -> None:
    world = World()
    away: Any = Away()
    doors = RetentionDoors(
        health=away, breakers=world.breakers, metrics=world.metrics, decisions=world.decisions, wall=lambda: NOW
    )
    await world.decisions.append([a_record("req_1", 0.0)])
    assert await cut(doors, world.kept, world.told.append) == 1
    assert len(world.told) == 1


async def test_the_loop_cuts_again_and_again() -> None:
    world = World()
    loop = asyncio.ensure_future(keep_cutting(world.doors, world.kept, world.told.append, every_seconds=0))
    for number in range(2):
        await world.decisions.append([a_record(f"req_{number}", 0.0)])
        await settle()
        assert await world.decisions.page("t1") == []
    loop.cancel()
