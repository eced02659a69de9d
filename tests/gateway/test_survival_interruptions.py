"""Dialogues that are broken off: the caller leaves, or the gateway drains, while a request is in the middle of an
attempt, a backoff, a queue or a continuation. What was sent is booked, what was taken is given back, and a caller who
is still there is told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import QueueLimits, RateLimits, Retries
from ai_gateway.domain.traffic import Outcome
from ai_gateway.gateway.http import drain
from gateway.survivors import (
    CHAT,
    GOOD,
    STREAM_BODY,
    World,
    a_speaker,
    a_world,
    all_again,
    error,
    member,
    streaming,
    tier,
)
from providers.halves import TEXT, a_stream, read
from support.line import BEARER, Visit
from support.turns import settle, until
from support.upstream import Gate, Script

UPDATES = {**BEARER, "x-gateway-queue-updates": "1"}


class Moment(NamedTuple):
    """A request that stands still. `begun`: the caller has a part of an answer; `booked`: outcomes so far."""

    world: World
    visit: Visit
    begun: bool
    booked: list[Outcome]
    last: Outcome | None
    """How the attempt is booked that is under way; None where there is none."""


class Sleepless:
    """A sleep that does not end by itself."""

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.began.set()
        await asyncio.Event().wait()


async def in_a_first_attempt() -> Moment:
    world, gate = await a_world(tier("one", "two")), Gate()
    world.providers.will("one", Script(before=(gate,)))
    visit = start(world)
    await gate.reached()
    return Moment(world, visit, False, [], Outcome.CANCELLED)


async def in_a_second_attempt() -> Moment:
    world, gate = await a_world(tier("one", "two")), Gate()
    world.providers.will("one", error(500))
    world.providers.will("two", Script(before=(gate,)))
    visit = start(world)
    await gate.reached()
    return Moment(world, visit, False, [Outcome.PROVIDER_ERROR], Outcome.CANCELLED)


async def in_a_backoff() -> Moment:
    sleep = Sleepless()
    world = await a_world(tier("one"), doors={"sleep": sleep})
    world.providers.will("one", error(500))
    visit = start(world)
    await sleep.began.wait()
    return Moment(world, visit, False, [Outcome.PROVIDER_ERROR], None)


async def in_a_queue() -> Moment:
    world = await a_full_world()
    visit = start(world)
    await until(lambda: waiting(world))
    return Moment(world, visit, False, [], None)


async def in_a_queue_with_updates() -> Moment:
    world = await a_full_world()
    visit = start(world, UPDATES)
    await visit.heard(2)
    return Moment(world, visit, True, [], None)


async def in_the_middle_of_a_stream() -> Moment:
    world, gate = await a_world(tier("one", "two")), Gate()
    world.providers.will("one", streaming(*a_stream(Dialect.OPENAI)[:20], gate))
    visit = start(world)
    await gate.reached()
    return Moment(world, visit, True, [], Outcome.CANCELLED)


async def in_a_continuation_before_the_halves_met() -> Moment:
    return await in_a_continuation(5)


async def in_a_continuation_that_says_more() -> Moment:
    return await in_a_continuation(40)


async def in_a_continuation(events: int) -> Moment:
    world, gate = await a_world(tier("one", "two")), Gate()
    world.providers.will("one", streaming(*a_stream(Dialect.OPENAI)[:20]))
    world.providers.will("two", streaming(*a_stream(Dialect.OPENAI, serial="2")[:events], gate))
    visit = start(world)
    await gate.reached()
    return Moment(world, visit, True, [Outcome.CUT], Outcome.CANCELLED)


async def in_a_backoff_of_a_continuation() -> Moment:
    sleep = Sleepless()
    world = await a_world(tier(a_speaker("one")), doors={"sleep": sleep})
    world.providers.will("one", streaming(*a_stream(Dialect.OPENAI)[:20]), all_again(Dialect.OPENAI))
    visit = start(world)
    await sleep.began.wait()
    return Moment(world, visit, True, [Outcome.CUT], None)


MOMENTS: list[Callable[[], Awaitable[Moment]]] = [
    in_a_first_attempt,
    in_a_second_attempt,
    in_a_backoff,
    in_a_queue,
    in_a_queue_with_updates,
    in_the_middle_of_a_stream,
    in_a_continuation_before_the_halves_met,
    in_a_continuation_that_says_more,
    in_a_backoff_of_a_continuation,
]


def start(world: World, headers: dict[str, str] = BEARER) -> Visit:
    return world.line.visit(CHAT, STREAM_BODY, headers).start(world.line.app)


def waiting(world: World) -> int:
    return sum(it.waiting for it in world.line.doors.rooms.standings())


async def a_full_world() -> World:
    """One request a minute, and it was just made."""
    limited = member("one", rate_limits=RateLimits(requests_per_minute=1))
    world = await a_world(tier(limited, queue=QueueLimits(timeout_seconds=90.0)), retries=Retries())
    world.providers.will("one", GOOD)
    limits = world.line.throttles.of(limited.endpoint, world.line.clock.now()).limits
    assert limits is not None
    limits.take(world.line.clock.now(), 0)
    limits.give_back(world.line.clock.now(), 0, 0)
    return world


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda it: it.__name__)
async def test_a_caller_who_leaves_is_booked_for_what_was_sent(moment: Callable[[], Awaitable[Moment]]) -> None:
    it = await moment()

    it.visit.leave()
    answered = await it.visit.end()

    assert not answered.whole
    assert outcomes(it) == it.booked + ([it.last] if it.last else [])
    ended = it.world.line.ended[-1]
    assert (ended.status, ended.fault) == (499, None)
    assert len(ended.receipts) == len(it.world.line.receipts)
    assert waiting(it.world) == 0
    await nothing_runs()
    it.world.assert_quiet()


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda it: it.__name__)
async def test_a_gateway_that_drains_says_so_to_whoever_is_there(moment: Callable[[], Awaitable[Moment]]) -> None:
    it = await moment()

    assert drain(it.world.line.doors) == 1
    answered = await it.visit.end()

    assert answered.whole
    if it.begun:
        assert answered.status == 200
        seen = read(Dialect.OPENAI, answered.body)
        assert seen.end == "error"
        assert TEXT.startswith(seen.text)
    else:
        assert (answered.status, answered.headers["x-gateway-error"]) == (503, "draining")
    assert outcomes(it) == it.booked + ([Outcome.CUT] if it.last else [])
    assert len(it.world.line.ended[-1].receipts) == len(it.world.line.receipts)
    await nothing_runs()
    it.world.assert_quiet()


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda it: it.__name__)
async def test_a_process_that_ends_books_too(moment: Callable[[], Awaitable[Moment]]) -> None:
    """Its tasks are cancelled, and nobody says why."""
    it = await moment()

    it.visit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await it.visit.end()

    assert outcomes(it) == it.booked + ([Outcome.CUT] if it.last else [])
    assert waiting(it.world) == 0
    it.world.assert_quiet()


async def test_who_leaves_the_queue_makes_room_at_once() -> None:
    world = await a_full_world()
    first, second = start(world), start(world)
    await until(lambda: waiting(world) == 2)

    first.leave()
    await first.end()

    assert waiting(world) == 1
    world.providers.will("one", all_again(Dialect.OPENAI))
    await world.line.timers.advance(60.0)
    await second.end()
    assert world.providers.asked == ["one"]
    world.assert_quiet()


async def test_who_leaves_in_the_moment_of_its_call_gives_the_place_to_the_next() -> None:
    """The place was promised, and its task had no turn since."""
    world = await a_full_world()
    world.providers.will("one", all_again(Dialect.OPENAI))
    first, second = start(world), start(world)
    await until(lambda: waiting(world) == 2)
    world.line.clock.advance(60.0)
    world.line.doors.rooms.place_free()

    first.leave()
    await first.end()
    await second.end()

    assert second.answered.status == 200
    assert [it.outcome for it in world.line.receipts] == [Outcome.OK]
    world.assert_quiet()


@pytest.mark.parametrize("turns", range(12))
async def test_whichever_moment_a_listener_leaves_in_after_its_call_no_place_is_lost(turns: int) -> None:
    """The news of its turn may still be on their way to it, and are waited for, when it leaves."""
    world = await a_full_world()
    world.providers.will("one", all_again(Dialect.OPENAI))
    first = start(world, UPDATES)
    await until(lambda: waiting(world) == 1)
    await first.heard(2)
    world.line.clock.advance(60.0)
    world.line.doors.rooms.place_free()

    await settle(turns)
    first.leave()
    await first.end()

    world.assert_quiet()


async def test_who_leaves_while_the_last_event_is_written_has_left_behind_the_end() -> None:
    world = await a_world(tier("one"), retries=Retries(max_attempts=1))
    world.providers.will("one", streaming(*a_stream(Dialect.OPENAI)[:3]))
    visit = world.line.visit(CHAT, STREAM_BODY, leave_after=5).start(world.line.app)

    await visit.end()

    assert [it.outcome for it in world.line.receipts] == [Outcome.CUT]
    assert [it.outcome for it in world.line.ended[-1].receipts] == [Outcome.CUT]
    world.assert_quiet()


def outcomes(it: Moment) -> list[Any]:
    return [receipt.outcome for receipt in it.world.line.receipts]


async def nothing_runs() -> None:
    await settle()
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
