"""B-02: wherever a request is broken off, nothing of it stays held, and what was sent has its row."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, final

import msgspec
import pytest

from ai_gateway.domain.budgets import Limit, Mode
from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import CacheSettings, LegRates, OnDisconnect, QueueLimits, RateLimits, Retries, Tier
from ai_gateway.domain.leases import Pot, Surrender
from ai_gateway.domain.traffic import Charge
from ai_gateway.gateway.funding import STEP_TOKENS
from ai_gateway.gateway.http import DataPlane
from ai_gateway.runtime.journal import Durability
from ai_gateway.runtime.leases import Leases
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.upstream import Broken
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from gateway.budgets import DOLLAR, LEGS, LEVELS, a_body, a_limit, worst_of
from gateway.cancelling import Ending, Moment, Scene, Stage, play
from gateway.survivors import (
    CHAT,
    GOOD,
    MESSAGES,
    MESSAGES_STREAM_BODY,
    Providers,
    World,
    a_speaker,
    claude_member,
    course,
    member,
    prefill_of,
    streaming,
    tenant_of,
    tier,
)
from providers.halves import a_stream
from support.builders import TOKEN, a_key, a_snapshot
from support.journal import a_journal
from support.line import BEARER, a_line
from support.turns import settle
from support.upstream import EVENTS, JSON, Gate, Script
from support.wire import CHAT_REPLY, chat_events, message_events

BODY = a_body(100, model="fast")
STREAM_BODY = a_body(100, model="fast", stream=True)
KEYED = {**BEARER, "idempotency-key": "order-4711"}
OTHERWISE_KEYED = {**BEARER, "idempotency-key": "order-4712"}
ONE_AT_A_TIME = RateLimits(max_concurrent=1)
QUEUE = QueueLimits(max_waiting=10, timeout_seconds=15.0)
WORDS = "wordone wordtwo wordthree"
LATER = 1_000.5
"""Half a second after the beginning."""
EVENTS_OF_A_WORD = chat_events("a", "b", "c")


def on_all_levels(amount: int = DOLLAR, **more: Any) -> list[Limit]:
    return [a_limit(leg, amount + place, **more) for place, leg in enumerate(LEGS)]


async def governed(
    *tiers: Tier,
    limits: list[Limit] | None = None,
    at_once: int = 1,
    tenant: dict[str, Any] | None = None,
    doors: dict[str, Any] | None = None,
    **changes: Any,
) -> World:
    """The key TOKEN stands on all five levels, each of which limits its money and its rates."""
    by_leg = {it.leg: (it,) for it in (on_all_levels() if limits is None else limits)}
    most = RateLimits(requests_per_minute=1_000, tokens_per_minute=1_000_000, max_concurrent=at_once)
    rates = {leg: LegRates(leg, most, leg[1]) for leg in LEGS}
    one = tenant_of(course(*tiers, **changes), limits=by_leg, rates=rates, **tenant or {})
    line = await a_line(a_snapshot(one, keys={TOKEN: a_key(**LEVELS)}), **doors or {})
    return World(line, Providers(line))


def until(world: World, seconds: float) -> Gate:
    """The provider waits so long from now."""
    gate = Gate()
    world.line.timers.later(seconds, gate.open)
    return gate


def down(gate: Gate) -> Script:
    return Script(503, JSON, (b'{"error":{"message":"no"}}',), (gate,))


async def whole(**changes: Any) -> Stage:
    world = await governed(tier("one"), **changes)
    parts = (until(world, 0.2), CHAT_REPLY[:60], until(world, 0.3), CHAT_REPLY[60:])
    world.providers.will("one", Script(200, JSON, parts, (until(world, 0.1),)), GOOD)
    return Stage(world, BODY)


async def streamed(**changes: Any) -> Stage:
    world = await governed(tier("one"), **changes)
    first, *rest = EVENTS_OF_A_WORD
    parts = (until(world, 0.2), first, until(world, 0.3), *rest[:-1], until(world, 0.4), rest[-1])
    world.providers.will("one", Script(200, EVENTS, parts, (until(world, 0.1),)))
    return Stage(world, STREAM_BODY)


async def a_message_stream() -> Stage:
    world = await governed(tier(claude_member("one")))
    first, *rest = message_events("a", "b", "c")
    world.providers.will("one", Script(200, EVENTS, (first, until(world, 0.2), *rest), (until(world, 0.1),)))
    return Stage(world, MESSAGES_STREAM_BODY, MESSAGES)


async def heard_out() -> Stage:
    return await streamed(on_disconnect=OnDisconnect.DRAIN)


async def behind_others_for_money() -> Stage:
    """Somebody holds nearly all that there is, for half a second."""
    limits = on_all_levels(worst_of(BODY, 100) * 3 // 2)
    world = await governed(tier("one"), limits=limits, at_once=2, tenant={"queue": QUEUE})
    world.providers.will("one", Script(200, JSON, (CHAT_REPLY,), (until(world, 0.5),)), GOOD)
    first = world.line.visit(CHAT, BODY).start(world.line.app)
    return Stage(world, BODY, others=[first])


async def behind_others_for_a_rate() -> Stage:
    world = await governed(tier("one"), tenant={"queue": QUEUE})
    world.providers.will("one", Script(200, JSON, (CHAT_REPLY,), (until(world, 0.5),)), GOOD)
    first = world.line.visit(CHAT, BODY).start(world.line.app)
    return Stage(world, BODY, others=[first])


async def in_the_queue_of_a_pool() -> Stage:
    """It streams, and hears where it stands."""
    world = await governed(tier(member("one", rate_limits=ONE_AT_A_TIME), queue=QUEUE), at_once=2)
    plays = [Script(200, JSON, (CHAT_REPLY,), (until(world, 2.5),)), Script(200, EVENTS, tuple(EVENTS_OF_A_WORD))]
    world.providers.will("one", *plays)
    first = world.line.visit(CHAT, BODY).start(world.line.app)
    return Stage(world, STREAM_BODY, headers={**BEARER, "x-gateway-queue-updates": "1"}, others=[first])


async def tried_again() -> Stage:
    """The same endpoint once more, after a pause."""
    world = await governed(tier("one"), retries=Retries(max_attempts=3, base_seconds=0.2))
    world.providers.will("one", *(down(until(world, seconds)) for seconds in (0.1, 0.4)), GOOD)
    return Stage(world, BODY)


async def answered_by_the_fallback() -> Stage:
    world = await governed(tier("one"), tier("spare"))
    world.providers.will("one", down(until(world, 0.1)))
    world.providers.will("spare", Script(200, JSON, (CHAT_REPLY,), (until(world, 0.2),)))
    return Stage(world, BODY)


async def paid_for_twice() -> Stage:
    """The first answer was billed and is of no use, so the second needs more money."""
    world = await governed(tier("one", "two"))
    useless = Script(200, JSON, (CHAT_REPLY,), (until(world, 0.1),))
    world.providers.will("one", useless)
    world.providers.will("two", Script(200, EVENTS, tuple(EVENTS_OF_A_WORD), (until(world, 0.2),)))
    return Stage(world, STREAM_BODY)


async def continued() -> Stage:
    """Three words, of which the first provider brings one and the second the rest."""
    world = await governed(tier(a_speaker("one"), a_speaker("two")))
    world.providers.will("one", streaming(*a_stream(Dialect.OPENAI, WORDS)[:2], until(world, 0.1), Broken("reset")))
    world.providers.will(
        "two",
        lambda request: streaming(until(world, 0.1), *a_stream(Dialect.OPENAI, WORDS[len(prefill_of(request)) :], "2")),
    )
    return Stage(world, a_body(500, model="fast", stream=True))


async def with_a_key(make: Callable[[], Awaitable[Stage]] = whole) -> Stage:
    stage = await make()
    stage.headers, stage.again = KEYED, OTHERWISE_KEYED
    return stage


async def with_a_key_and_streamed() -> Stage:
    return await with_a_key(streamed)


async def with_a_key_that_fails() -> Stage:
    return await with_a_key(tried_again)


async def remembered() -> Stage:
    """The answer is known, and given from memory."""
    stage = await whole(cache=CacheSettings(ttl_seconds=600.0), on_disconnect=OnDisconnect.CANCEL)
    first = stage.world.line.visit(CHAT, BODY).start(stage.world.line.app)
    await stage.play_on(asyncio.ensure_future(first.end()))
    return stage


async def to_be_remembered() -> Stage:
    return await whole(cache=CacheSettings(ttl_seconds=600.0))


async def safe_before_sent() -> Stage:
    stage = await whole(doors={"journal": a_journal(durability=Durability.ALWAYS)})
    stage.tend = stage.world.line.doors.journal.tend
    return stage


async def safe_before_the_end() -> Stage:
    stage = await streamed(doors={"journal": a_journal(durability=Durability.ALWAYS)})
    stage.tend = stage.world.line.doors.journal.tend
    return stage


@final
class Lessee:
    """A process that has its limits on lease; `others` is another one that has its own on the same books."""

    def __init__(self, world: World) -> None:
        line = self.line = world.line
        self.desk = MemoryLeaseDesk(line.clock.wall)
        self.leases = self._leases("prc_1")
        self.meters = Meters(self.leases)
        self.leases.granted = self.meters.granted
        self.meters.freed = lambda _cell: line.doors.rooms.place_free()
        line.doors = msgspec.structs.replace(line.doors, meters=self.meters, grants=self.leases)
        line.app = DataPlane(line.doors, lambda request_id, stack: line.crashes.append((request_id, stack)))

    async def tend(self) -> None:
        self.leases.ask_again(self.meters.awaited)
        await self.leases.fetch()

    async def lend_to_another(self, limits: list[Limit]) -> list[Pot]:
        """All that there is."""
        await self.desk.open("prc_2", "elsewhere")
        other = self._leases("prc_2")
        charge = Charge(tuple(LEGS), limits[0].amount, at=self.line.clock.wall(), limits=tuple(limits))
        asking = asyncio.ensure_future(other.ask(Meters(other).lacking(charge), charge))
        await settle()
        await other.fetch()
        await asking
        return [it.pot for it in await self.desk.page(None)]

    def _leases(self, name: str) -> Leases:
        return Leases(self.desk, self.line.clock, name, later=self.line.timers.later)


async def without_a_slice() -> Stage:
    world = await governed(tier("one"))
    world.providers.will("one", Script(200, JSON, (CHAT_REPLY,), (until(world, 0.1),)))
    return Stage(world, BODY, tend=Lessee(world).tend)


async def behind_another_process() -> Stage:
    """It has all that there is on lease, and gives it back after half a second."""
    limits = on_all_levels(mode=Mode.STRICT)
    world = await governed(tier("one"), limits=limits, tenant={"queue": QUEUE})
    world.providers.will("one", Script(200, JSON, (CHAT_REPLY,)))
    lessee = Lessee(world)
    pots = await lessee.lend_to_another(limits)

    async def tend() -> None:
        if world.line.clock.now() >= LATER:
            await lessee.desk.give_back("prc_2", [Surrender(pot, 0) for pot in pots])
        await lessee.tend()

    return Stage(world, BODY, tend=tend)


async def paid_in_steps() -> Stage:
    """A stream that outgrows its hold, and asks for a grant while it runs."""
    body = a_body(4 * STEP_TOKENS, model="fast", stream=True)
    world = await governed(tier("one"), limits=on_all_levels(10 * worst_of(body, STEP_TOKENS), mode=Mode.EXTEND))
    words = chat_events(*("w" for _ in range(2 * STEP_TOKENS)))
    parts = (b"".join(words[:STEP_TOKENS]), until(world, 0.2), b"".join(words[STEP_TOKENS:-1]), words[-1])
    world.providers.will("one", Script(200, EVENTS, parts, (until(world, 0.1),)))
    return Stage(world, body, tend=Lessee(world).tend)


SCENES: list[Scene] = [
    whole,
    streamed,
    a_message_stream,
    heard_out,
    behind_others_for_money,
    behind_others_for_a_rate,
    in_the_queue_of_a_pool,
    tried_again,
    answered_by_the_fallback,
    paid_for_twice,
    continued,
    with_a_key,
    with_a_key_and_streamed,
    with_a_key_that_fails,
    remembered,
    to_be_remembered,
    safe_before_sent,
    safe_before_the_end,
    without_a_slice,
    behind_another_process,
    paid_in_steps,
]


@pytest.mark.parametrize("scene", SCENES, ids=lambda it: it.__name__)
async def test_b02_a_request_that_is_broken_off_anywhere_leaves_nothing_behind(scene: Scene) -> None:
    points = 0
    for ending in Ending:
        for moment in Moment:
            at = 1
            while True:
                played = await play(scene, ending, moment, at)
                points += played.broken
                if played.suspensions < at:
                    break
                at += 1
    print(f"\n{scene.__name__}: broken off at {points} points")
    assert points >= len(Ending) * len(Moment)
