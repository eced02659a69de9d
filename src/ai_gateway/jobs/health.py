"""Looks at every endpoint every 30 seconds, busy or not, with a question that costs nothing, and writes down each look.

Endpoints are asked one by one as their turns come (policy/rota.py), each in a task of its own and no more than some at
once: one that hangs keeps a place, never the others. The question goes through the same port as a request, so that
what egress refuses is refused here too. What the answer means is decided in policy/health.py; whether a request was
served meanwhile, which proves more, is seen on the board without asking the line anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from random import Random
from typing import Final, final

import msgspec

from ai_gateway.domain.config import Endpoint
from ai_gateway.policy.health import Finding, Source, finding_of
from ai_gateway.policy.rota import Rota
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.health import Healths
from ai_gateway.runtime.probe import Checked
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.store.observations import HealthRow

EVERY_SECONDS: Final = 30.0
TICK_SECONDS: Final = 1.0
AT_ONCE: Final = 32


class CheckPace(msgspec.Struct, frozen=True):
    """How often each endpoint is looked at, how many at once, and how often it is seen whose turn it is (seconds)."""

    every_seconds: float = EVERY_SECONDS
    at_once: int = AT_ONCE
    tick_seconds: float = TICK_SECONDS


class CheckDoors(msgspec.Struct, frozen=True):
    """`endpoints` gives those that are configured now. `check` asks one its free question. `last_success` gives what
    was measured of an endpoint's last served request: another object after every one, None before the first. `note`
    takes the row of a look, without waiting."""

    endpoints: Callable[[], Iterable[Endpoint]]
    check: Callable[[Endpoint], Awaitable[Checked]]
    last_success: Callable[[str], object | None]
    note: Callable[[HealthRow], None]
    healths: Healths
    tasks: Tasks
    clock: Clock
    rng: Random


@final
class Checks:
    def __init__(self, doors: CheckDoors, pace: CheckPace = CheckPace()) -> None:
        self._doors = doors
        self._rota = Rota(pace.every_seconds, doors.rng)
        self._room = asyncio.Semaphore(pace.at_once)
        self._running: set[str] = set()
        self._successes: dict[str, object | None] = {}

    async def tick(self) -> None:
        """Begin the checks whose turn has come; waits only for room."""
        doors = self._doors
        doors.healths.lapse(doors.clock.wall())
        endpoints: dict[str, Endpoint] = {it.id: it for it in doors.endpoints()}
        for endpoint_id in self._rota.due(endpoints, doors.clock.now()):
            if endpoint_id not in self._running:
                await self._room.acquire()
                self._running.add(endpoint_id)
                doors.tasks.spawn(f"health check of {endpoint_id}", self._look(endpoints[endpoint_id]))
        for gone in self._successes.keys() - endpoints.keys():
            del self._successes[gone]

    async def _look(self, endpoint: Endpoint) -> None:
        try:
            self._note_success(endpoint.id)
            checked = await self._doors.check(endpoint)
            self._note_success(endpoint.id)
            self._doors.note(self._judge(endpoint, checked))
        finally:
            self._running.discard(endpoint.id)
            self._room.release()

    def _note_success(self, endpoint_id: str) -> None:
        last = self._doors.last_success(endpoint_id)
        if last is not None and last is not self._successes.get(endpoint_id):
            self._doors.healths.served(endpoint_id, self._doors.clock.wall())
        self._successes[endpoint_id] = last

    def _judge(self, endpoint: Endpoint, checked: Checked) -> HealthRow:
        at = self._doors.clock.wall()
        finding = finding_of(checked.fault)
        fault = checked.fault
        reason = None if fault is None else fault.message
        verdict = self._doors.healths.checked(endpoint.id, finding, at, reason)
        return HealthRow(
            tenant_id=endpoint.tenant_id,
            endpoint_id=endpoint.id,
            endpoint=endpoint.name,
            provider=endpoint.provider.value,
            at=at,
            source=Source.CHECK.value,
            ok=None if finding is Finding.UNCLEAR else finding is Finding.GOOD,
            healthy=verdict.healthy,
            status=checked.status,
            latency_ms=checked.latency_ms,
            category=None if fault is None else fault.category.value,
            reason=reason,
            paid=checked.paid,
        )


async def keep_checking(doors: CheckDoors, pace: CheckPace = CheckPace()) -> None:
    """Runs until it is cancelled. A check that fails for a reason of our own is reported by its task."""
    checks = Checks(doors, pace)
    while True:
        await checks.tick()
        await asyncio.sleep(pace.tick_seconds)
