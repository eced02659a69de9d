"""Rounds of checks in virtual time: the clock stands still until a test moves it, and providers answer as scripted."""

import asyncio
from random import Random

from ai_gateway.domain.config import Endpoint
from ai_gateway.domain.faults import Fault, NotFound, ProviderFailed
from ai_gateway.jobs.health import CheckDoors, CheckPace, Checks, keep_checking
from ai_gateway.policy.health import Override
from ai_gateway.runtime.health import Healths
from ai_gateway.runtime.probe import Checked
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.store.observations import HealthRow
from support.builders import an_endpoint
from support.clock import NOON, FakeClock
from support.turns import settle, until


class World:
    """`faults` is what each endpoint's check says (None: fine); who is in `hanging` does not answer until he is let
    go; who is in `broken` makes the check itself fail."""

    def __init__(self, *names: str, pace: CheckPace = CheckPace()) -> None:
        self.endpoints = {name: an_endpoint(name) for name in names}
        self.faults: dict[str, Fault | None] = {}
        self.hanging: dict[str, asyncio.Event] = {}
        self.broken: set[str] = set()
        self.served: dict[str, object] = {}
        self.asked: list[str] = []
        self.asking = 0
        self.most_asking = 0
        self.rows: list[HealthRow] = []
        self.failures: list[str] = []
        self.clock = FakeClock()
        self.healths = Healths()
        self.tasks = Tasks(lambda name, error: self.failures.append(name))
        self.doors = CheckDoors(
            endpoints=self.endpoints.values,
            check=self._check,
            last_success=self.served.get,
            note=self.rows.append,
            healths=self.healths,
            tasks=self.tasks,
            clock=self.clock,
            rng=Random(7),
        )
        self.checks = Checks(self.doors, pace)

    async def pass_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.checks.tick()
            await settle()
            self.clock.advance(1)

    async def _check(self, endpoint: Endpoint) -> Checked:
        self.asked.append(endpoint.name)
        self.asking += 1
        self.most_asking = max(self.most_asking, self.asking)
        try:
            if endpoint.name in self.hanging:
                await self.hanging[endpoint.name].wait()
            if endpoint.name in self.broken:
                raise RuntimeError("a mistake of ours")
        finally:
            self.asking -= 1
        fault = self.faults.get(endpoint.name)
        return Checked(status=200 if fault is None else 503, latency_ms=4.5, fault=fault)


def is_healthy(world: World, name: str) -> bool:
    return world.healths.verdict(f"pc_{name}", world.clock.wall()).healthy


async def test_every_endpoint_is_looked_at_every_30_seconds_and_each_look_is_a_row() -> None:
    """In 300 s at 30 s each has 10 looks, one more or less; 40 endpoints have 400 rows, spread over all seconds."""
    names = [f"up-{number}" for number in range(40)]
    world = World(*names)
    await world.pass_seconds(300)
    for name in names:
        assert 9 <= world.asked.count(name) <= 11
    assert len(world.rows) == len(world.asked)
    in_one_second = [sum(row.at == NOON + second for row in world.rows) for second in range(300)]
    assert max(in_one_second) <= 8


async def test_a_row_says_who_was_asked_and_what_came_of_it() -> None:
    world = World("up-1", "up-2", "up-3")
    world.faults = {"up-2": ProviderFailed("It broke."), "up-3": NotFound("No list.")}
    await world.pass_seconds(31)
    rows = {row.endpoint: row for row in world.rows}
    assert (rows["up-1"].ok, rows["up-1"].healthy, rows["up-1"].status, rows["up-1"].latency_ms) == (
        True,
        True,
        200,
        4.5,
    )
    assert (rows["up-1"].tenant_id, rows["up-1"].endpoint_id, rows["up-1"].provider) == ("t1", "pc_up-1", "openai")
    assert (rows["up-2"].ok, rows["up-2"].category, rows["up-2"].reason) == (False, "provider_error", "It broke.")
    assert (rows["up-3"].ok, rows["up-3"].healthy, rows["up-3"].source) == (None, True, "check")


async def test_three_bad_looks_take_an_endpoint_out_and_two_good_ones_bring_it_back() -> None:
    world = World("up-1")
    world.faults["up-1"] = ProviderFailed()
    await world.pass_seconds(140)
    assert not is_healthy(world, "up-1")
    assert [row.healthy for row in world.rows][:4] == [True, True, False, False]
    assert world.healths.out == {"pc_up-1"}
    world.faults.clear()
    await world.pass_seconds(70)
    assert is_healthy(world, "up-1")


async def test_an_endpoint_that_serves_stays_in_whatever_its_checks_say() -> None:
    world = World("up-1")
    world.faults["up-1"] = ProviderFailed()
    for _ in range(30):
        world.served["pc_up-1"] = object()
        await world.pass_seconds(10)
    assert all(row.healthy for row in world.rows)


async def test_requests_that_were_served_long_ago_prove_nothing_now() -> None:
    world = World("up-1")
    world.served["pc_up-1"] = object()
    world.faults["up-1"] = ProviderFailed()
    await world.pass_seconds(140)
    assert not is_healthy(world, "up-1")


async def test_one_that_hangs_or_breaks_the_check_stops_no_other() -> None:
    world = World("up-1", "hangs", "breaks")
    world.hanging["hangs"] = asyncio.Event()
    world.broken.add("breaks")
    await world.pass_seconds(300)
    assert world.asked.count("hangs") == 1
    assert world.asked.count("up-1") >= 9
    assert world.asked.count("breaks") >= 9
    assert set(world.failures) == {"health check of pc_breaks"}
    world.hanging["hangs"].set()
    await world.pass_seconds(70)
    assert world.asked.count("hangs") >= 2


async def test_no_more_are_asked_at_once_than_there_is_room_for() -> None:
    names = [f"up-{number}" for number in range(9)]
    world = World(*names, pace=CheckPace(at_once=3))
    world.hanging = {name: asyncio.Event() for name in names}
    rounds = asyncio.ensure_future(world.pass_seconds(60))
    await settle(400)
    assert not rounds.done()
    for answers in world.hanging.values():
        answers.set()
    await rounds
    assert world.most_asking == 3
    assert set(world.asked) == set(names)


async def test_an_operators_word_that_ran_out_is_noticed_between_two_looks() -> None:
    world = World("up-1")
    await world.pass_seconds(31)
    world.healths.override("pc_up-1", Override(healthy=False, until=world.clock.wall() + 2), world.clock.wall())
    assert world.healths.withdrawn
    await world.pass_seconds(3)
    assert not world.healths.withdrawn


async def test_an_endpoint_that_is_gone_is_asked_no_more() -> None:
    world = World("up-1", "up-2")
    await world.pass_seconds(31)
    del world.endpoints["up-1"]
    before = world.asked.count("up-1")
    await world.pass_seconds(60)
    assert world.asked.count("up-1") == before


async def test_the_loop_runs_until_it_is_cancelled() -> None:
    world = World("up-1")
    loop = asyncio.ensure_future(keep_checking(world.doors, CheckPace(every_seconds=0.0, tick_seconds=0)))
    await until(lambda: (world.clock.advance(1), len(world.rows) >= 5)[1])
    loop.cancel()
