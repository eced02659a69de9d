"""A request that is broken off at any place where it waits: the same scene is played again and again, and each time it
ends one suspension later, until there are no more.

A suspension is every time that the request's coroutine hands control back to the event loop. There it is broken off in
one of three ways (its caller leaves, the gateway drains, its task is cancelled as at the end of a process), and at one
of two moments: while it waits, or when what it waits for has come and it has not heard of it yet. The second is where
places and money are lost: they were given to somebody who will never use them.

Everything else in a scene (who holds the money until when, what a provider says when) goes by virtual timers, so it is
the same each time up to the break.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, final

from ai_gateway.domain.budgets import Window
from ai_gateway.gateway.http import drain
from gateway.budgets import LEGS
from gateway.survivors import CHAT, World
from support.line import BEARER, Answered, Visit
from support.turns import settle

ROUND_SECONDS = 0.05
MOST_ROUNDS = 400
FEW_ROUNDS = 10
SPARE_SECONDS = 31.0
"""After which nobody counts as running any more who does not say so."""


class Ending(Enum):
    LEFT = "the caller leaves"
    DRAINED = "the gateway drains"
    CANCELLED = "the task is cancelled"


class Moment(Enum):
    WAITING = "while it waits"
    ANSWERED = "when it was answered and has not heard"


@final
class Stepped(Coroutine[Any, Any, None]):
    """A request's coroutine that says how often it was suspended, and calls `act` at the `at`-th time."""

    def __init__(self, work: Coroutine[Any, Any, None], at: int, moment: Moment, act: Callable[[], object]) -> None:
        self.count = 0
        self.acted = False
        self._work = work
        self._at = at
        self._moment = moment
        self._act = act

    def send(self, value: Any) -> Any:
        return self._suspended(self._work.send(value))

    def throw(self, *error: Any) -> Any:
        return self._suspended(self._work.throw(*error))

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, None]:
        raise AssertionError("a task runs it")

    def _suspended(self, awaited: Any) -> Any:
        self.count += 1
        if self.count == self._at:
            if self._moment is Moment.WAITING:
                self._break_off()
            elif awaited is not None:  # before the task's own callback, which wakes it
                awaited.add_done_callback(lambda _: self._break_off())
        return awaited

    def _break_off(self) -> None:
        self.acted = True
        self._act()


@dataclass
class Stage:
    """A scene that is set: the request that is broken off, who else is on stage, and what has to be done in between for
    the world to go on. `again` is what a caller sends afterwards, who must be served."""

    world: World
    body: bytes
    path: str = CHAT
    headers: dict[str, str] = field(default_factory=lambda: dict(BEARER))
    others: list[Visit] = field(default_factory=list[Visit])
    tend: Callable[[], Awaitable[object]] | None = None
    again: dict[str, str] = field(default_factory=lambda: dict(BEARER))

    async def ask(self, headers: dict[str, str]) -> Answered:
        line = self.world.line
        end = asyncio.ensure_future(line.visit(self.path, self.body, headers).start(line.app).end())
        await self.play_on(end)
        return end.result()

    async def come_to_rest(self) -> None:
        """What runs beside the requests ends too, and soon."""
        for _ in range(FEW_ROUNDS):
            await settle()
            if asyncio.all_tasks() == {asyncio.current_task()}:
                return
            if self.tend is not None:
                await self.tend()
            await self.world.line.timers.advance(ROUND_SECONDS)
        raise AssertionError("a task of it is left")

    async def play_on(self, *ends: "asyncio.Future[Answered]") -> None:
        """Until all of these are over. Time passes as it has to."""
        for _ in range(MOST_ROUNDS):
            await settle()
            if self.tend is not None:
                await self.tend()
            if all(it.done() for it in ends):
                return
            await self.world.line.timers.advance(ROUND_SECONDS)
        raise AssertionError("it does not end")


Scene = Callable[[], Awaitable[Stage]]


class Played(NamedTuple):
    """`broken`: there was a place to break off at."""

    broken: bool
    suspensions: int


async def play(scene: Scene, ending: Ending, moment: Moment, at: int) -> Played:
    """Break the request off at its `at`-th suspension, and assert that nothing of it is left."""
    stage = await scene()
    line = stage.world.line
    visit = line.visit(stage.path, stage.body, stage.headers)
    acts = {Ending.LEFT: visit.leave, Ending.DRAINED: lambda: drain(line.doors), Ending.CANCELLED: visit.cancel}
    stepped: list[Stepped] = []

    def app(scope: Any, receive: Any, send: Any) -> Any:
        stepped.append(Stepped(line.app(scope, receive, send), at, moment, acts[ending]))
        return stepped[0]

    visit.start(app)
    ends = [asyncio.ensure_future(it.end()) for it in (visit, *stage.others)]
    await stage.play_on(*ends)
    for end in ends:
        if not end.cancelled():
            end.result()
    await stage.come_to_rest()
    assert_nothing_is_left(stage.world)
    line.clock.advance(SPARE_SECONDS)
    assert (await stage.ask(stage.headers)).status != 409, "nobody is taken for one that still runs"
    again = await stage.ask(stage.again)
    assert again.status == 200, again.body
    await stage.come_to_rest()
    assert_nothing_is_left(stage.world)
    return Played(stepped[0].acted, stepped[0].count)


def assert_nothing_is_left(world: World) -> None:
    """Held: nothing, nowhere. Written: a row for each attempt that was sent, and what it says is what is spent."""
    line = world.line
    line.assert_at_rest()
    assert line.crashes == []
    doors, receipts = line.doors, line.receipts
    assert doors.meters.awaited == {}
    assert not doors.rooms.crowded
    assert doors.leftovers.running == 0
    sent = Counter(world.providers.asked)
    written = Counter(it.endpoint for it in receipts if not it.cached)
    never_sent = written - sent
    assert sent - written == Counter(), "every attempt that was sent has its row"
    free = Counter(it.endpoint for it in receipts if not it.cost_nano_usd)
    assert never_sent <= free, "what was not sent costs nothing"
    assert len({it.attempt_id for it in receipts}) == len(receipts)
    cost = sum(it.cost_nano_usd for it in receipts)
    tokens = sum(it.usage.input_tokens + it.usage.output_tokens for it in receipts if not it.cached)
    at = line.clock.wall()
    for leg in LEGS:
        nano, used, _ = doors.meters.spent(leg, Window.DAILY, at)
        assert (nano, used) == (cost, tokens), "the windows are the sum of the rows"
    (tenant,) = doors.snapshots.current().tenants.values()
    for limit in (it for limits in tenant.limits.values() for it in limits):
        assert doors.meters.standing(limit, at).held == 0
