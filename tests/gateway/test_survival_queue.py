"""Dialogues with callers who wait for a place: in order, for as long as they may, and no longer."""

import msgspec
import pytest

from ai_gateway.domain.config import BreakerSettings, QueueLimits, RateLimits, Retries
from ai_gateway.domain.decisions import What
from ai_gateway.domain.traffic import Outcome
from gateway.survivors import (
    BODY,
    CHAT,
    GOOD,
    GOOD_STREAM,
    HALF_A_MINUTE,
    LINE,
    STREAM_BODY,
    TWO_A_MINUTE,
    UPDATES,
    Providers,
    World,
    a_full_world,
    a_world,
    course,
    error,
    member,
    start,
    tenant_of,
    tier,
    waiting,
)
from support.builders import a_snapshot
from support.line import BEARER, Visit, a_line
from support.turns import settle
from support.upstream import JSON, Gate, Script
from support.wire import CHAT_REPLY

ONE_AT_A_TIME = RateLimits(max_concurrent=1)


async def test_who_finds_no_room_waits_and_is_served_in_order() -> None:
    world = await a_full_world()
    visits: list[Visit] = []
    for number in range(3):
        visits.append(start(world))
        await waiting(world, number + 1)

    for number in range(3):
        assert [bool(it.messages) for it in visits] == [place < number for place in range(3)]
        await world.line.timers.advance(HALF_A_MINUTE)
    replies = [await it.end() for it in visits]

    assert [it.status for it in replies] == [200] * 3
    waits = [it.seconds for ended in world.line.ended[2:] for it in ended.steps if it.what is What.QUEUED]
    assert waits == pytest.approx([30.0, 60.0, 90.0], abs=0.02)
    world.assert_quiet()


async def test_a_place_that_another_request_gives_back_is_taken_at_once() -> None:
    world, gate = await a_world(tier(member("one", rate_limits=ONE_AT_A_TIME), queue=LINE)), Gate()
    world.providers.will("one", Script(200, JSON, (gate, CHAT_REPLY)), GOOD)
    first = start(world)
    await gate.reached()
    second = start(world)
    await waiting(world, 1)
    assert world.providers.asked == ["one"]

    gate.open()

    assert (await first.end()).status == 200
    assert (await second.end()).status == 200
    assert world.line.clock.now() == 1_000.0
    world.assert_quiet()


async def test_a_place_is_given_back_when_its_attempt_fails_and_not_when_its_request_ends() -> None:
    """The first request goes on elsewhere, for long."""
    fails, lasts = Gate(), Gate()
    world = await a_world(tier(member("one", rate_limits=ONE_AT_A_TIME), queue=LINE), tier("spare"))
    world.providers.will("one", Script(500, JSON, (fails, b"{}")), GOOD)
    world.providers.will("spare", Script(200, JSON, (lasts, CHAT_REPLY)))
    first = start(world)
    await fails.reached()
    world.line.breakers.force_open([world.endpoint("spare")], None, "so that the second has to wait")
    second = start(world)
    await waiting(world, 1)
    world.line.breakers.reset([world.endpoint("spare").id], "well")

    fails.open()
    assert (await second.end()).headers["x-gateway-endpoint"] == "one"
    await lasts.reached()
    assert first.messages == []
    lasts.open()

    assert (await first.end()).headers["x-gateway-endpoint"] == "spare"
    world.assert_quiet()


async def test_who_is_full_spills_to_the_fallback_before_anybody_waits() -> None:
    world = await a_full_world(tier("spare"))
    world.providers.will("spare", GOOD)

    answered = await world.line.post(CHAT, BODY)

    assert answered.headers["x-gateway-endpoint"] == "spare"
    assert answered.headers["x-gateway-attempts"] == "1"
    world.assert_quiet()


async def test_without_a_queue_it_is_429_and_says_when() -> None:
    world = await a_full_world(queue=None)

    answered = await world.line.post(CHAT, BODY)

    assert (answered.status, answered.headers["x-gateway-error"]) == (429, "endpoint_rate_limited")
    assert answered.headers["retry-after"] == "30"
    assert answered.error["gateway"]["retryable"] is True
    assert world.providers.asked == ["one", "one"]
    world.assert_quiet()


async def test_a_full_queue_refuses_at_once() -> None:
    world = await a_full_world(queue=QueueLimits(max_waiting=1, timeout_seconds=100.0))
    first = start(world)
    await waiting(world, 1)

    answered = await world.line.post(CHAT, STREAM_BODY, UPDATES)

    assert (answered.status, answered.headers["x-gateway-error"]) == (429, "queue_full")
    assert int(answered.headers["retry-after"]) >= 1
    await world.line.timers.advance(HALF_A_MINUTE)
    assert (await first.end()).status == 200
    world.assert_quiet()


@pytest.mark.parametrize(
    ("queue_seconds", "headers", "waited"),
    [(20.0, BEARER, 20.0), (100.0, {**BEARER, "x-gateway-timeout-seconds": "12"}, 12.0)],
    ids=["the queue's own time", "the caller's deadline"],
)
async def test_who_has_waited_as_long_as_it_may_is_refused_and_nothing_is_sent(
    queue_seconds: float, headers: dict[str, str], waited: float
) -> None:
    world = await a_full_world(queue=QueueLimits(max_waiting=5, timeout_seconds=queue_seconds))
    visit = start(world, headers=headers)
    await waiting(world, 1)

    await world.line.timers.advance(waited - 0.1)
    assert visit.messages == []
    await world.line.timers.advance(0.2)
    answered = await visit.end()

    assert (answered.status, answered.headers["x-gateway-error"]) == (429, "queue_timeout")
    assert int(answered.headers["retry-after"]) >= 1
    assert len(world.providers.asked) == 2
    world.assert_quiet()


async def test_tokens_that_were_set_aside_and_not_used_are_given_back() -> None:
    """1,000 tokens a minute; a request sets some 920 aside and uses 15, so the next one has room."""
    body = b'{"model":"fast","messages":[{"role":"user","content":"hi"}],"max_tokens":900}'
    world = await a_world(tier(member("one", rate_limits=RateLimits(tokens_per_minute=1_000))))
    world.providers.will("one", GOOD)

    assert [(await world.line.post(CHAT, body)).status for _ in range(4)] == [200] * 4
    limits = world.line.throttles.of(world.endpoint("one"), 0.0).limits
    assert limits is not None
    assert limits.standing(world.line.clock.now()).active == 0


async def test_a_rest_after_a_429_is_waited_for_in_the_queue() -> None:
    world = await a_world(tier("one", queue=LINE))
    world.providers.will("one", error(429, "rate_limit_error", headers={**JSON, "retry-after": "7"}), GOOD)
    visits = [start(world)]
    await waiting(world, 1)
    visits.append(start(world))
    await waiting(world, 2)
    assert world.providers.asked == ["one"]

    await world.line.timers.advance(7.1)

    assert [(await it.end()).headers["x-gateway-attempts"] for it in visits] == ["2", "1"]
    world.assert_quiet()


@pytest.mark.parametrize("how", ["whole", "stream", "stream with news"])
async def test_who_meets_a_429_waits_in_the_queue_too(how: str) -> None:
    """The provider knew of its limit first: the request that found out is not the one to pay for it."""
    world = await a_world(tier("one", queue=LINE))
    told = error(429, "rate_limit_error", headers={**JSON, "retry-after": "7"})
    world.providers.will("one", told, GOOD if how == "whole" else GOOD_STREAM)
    visit = start(world, BODY if how == "whole" else STREAM_BODY, UPDATES if "news" in how else BEARER)
    await waiting(world, 1)
    if "news" in how:
        await visit.heard(2)
    else:
        assert visit.messages == []

    await world.line.timers.advance(7.1)
    answered = await visit.end()

    assert (answered.status, answered.whole) == (200, True)
    assert answered.headers.get("x-gateway-attempts") == (None if "news" in how else "2")
    assert [it.what for it in world.line.ended[-1].steps] == [What.QUEUED]
    assert world.told == [("one", Outcome.PROVIDER_ERROR), ("one", Outcome.OK)]
    world.assert_quiet()


async def test_behind_a_429_nobody_waits_longer_than_the_queue_lets() -> None:
    world = await a_world(tier("one", queue=QueueLimits(max_waiting=1, timeout_seconds=5.0)))
    world.providers.will("one", error(429, "rate_limit_error", headers={**JSON, "retry-after": "70"}))
    visit = start(world)
    await waiting(world, 1)
    refused = await world.line.post(CHAT, BODY)
    await world.line.timers.advance(5.1)
    answered = await visit.end()

    assert (refused.status, refused.headers["x-gateway-error"]) == (429, "queue_full")
    assert (answered.status, answered.error["gateway"]["origin"]) == (429, "provider")
    assert answered.headers["retry-after"] == "70"
    assert world.providers.asked == ["one"]
    world.assert_quiet()


@pytest.mark.parametrize("how", ["forced", "refused key"])
async def test_nobody_waits_for_who_will_not_come_back(how: str) -> None:
    world = await a_world(tier("one", queue=LINE))
    world.providers.will("one", error(401))
    if how == "forced":
        world.line.breakers.force_open([world.endpoint("one")], None, "we look into it")
    first = await world.line.post(CHAT, BODY)
    second = await world.line.post(CHAT, BODY)

    assert {first.status, second.status} == ({503} if how == "forced" else {502})
    assert world.line.clock.now() == 1_000.0
    world.assert_quiet()


@pytest.mark.parametrize(
    ("refusal", "asked"), [(error(500), 4), (error(401), 1)], ids=["its breaker opens", "its key is refused"]
)
async def test_who_waits_when_all_is_lost_waits_no_longer(refusal: Script, asked: int) -> None:
    """Three wait for the one place of an endpoint that breaks. Nobody would come out of that line, so each is told
    what broke, at once. An open breaker yields to panic, one call a request; a refused key does not."""
    gate = Gate()
    breaks = msgspec.structs.replace(refusal, body=(gate, *refusal.body))
    world = await a_world(
        tier(member("one", rate_limits=ONE_AT_A_TIME), queue=LINE, breaker=BreakerSettings(failure_threshold=1)),
        retries=Retries(max_attempts=1),
    )
    world.providers.will("one", breaks, refusal)
    visits = [start(world)]
    await gate.reached()
    visits += [start(world) for _ in range(3)]
    await waiting(world, 3)

    gate.open()
    answered = [await it.end() for it in visits]

    assert world.line.clock.now() == 1_000.0
    assert {it.error["gateway"]["category"] for it in answered} == {answered[0].error["gateway"]["category"]}
    assert len(world.providers.asked) == asked
    [room] = world.line.doors.rooms.standings()
    assert (room.waiting, room.served, room.left, room.timed_out) == (0, 0, 3, 0)
    world.assert_quiet()


async def test_an_operator_who_opens_a_breaker_ends_the_wait_for_it() -> None:
    world = await a_full_world()
    visits = [start(world), start(world)]
    await waiting(world, 2)

    world.line.breakers.force_open([world.endpoint("one")], None, "we look into it")
    await world.line.timers.advance(0.0)

    assert [(await it.end()).status for it in visits] == [503, 503]
    world.assert_quiet()


async def test_an_operator_who_resets_ends_the_rest_that_is_waited_for() -> None:
    world = await a_world(tier("one", queue=LINE))
    world.providers.will("one", error(429, "rate_limit_error", headers={**JSON, "retry-after": "70"}), GOOD)
    visit = start(world)
    await waiting(world, 1)

    world.line.breakers.reset([world.endpoint("one").id], "the account was enlarged")
    world.line.throttles.forgive(world.endpoint("one").id)
    await world.line.timers.advance(0.0)

    assert (await visit.end()).status == 200
    assert world.line.clock.now() == 1_000.0
    world.assert_quiet()


async def test_a_newcomer_with_nothing_to_wait_for_does_not_stand_behind_those_who_have() -> None:
    """Two courses in their tenant's queue: the other's wait is not this one's."""
    full, lost = member("one", rate_limits=TWO_A_MINUTE), member("two")
    fast = course(tier(full))
    slow = msgspec.structs.replace(fast, name="slow", pool="slow", tiers=(tier(lost, pool="slow"),))
    line = await a_line(a_snapshot(tenant_of(fast, courses=(fast, slow), queue=LINE)))
    world = World(line, Providers(line))
    world.providers.will("one", GOOD)
    for _ in range(2):
        assert (await line.post(CHAT, BODY)).status == 200
    waits = start(world)
    await waiting(world, 1)
    line.breakers.force_open([lost.endpoint], None, "we look into it")

    answered = await line.post(CHAT, BODY.replace(b"fast", b"slow"))

    assert (answered.status, line.clock.now()) == (503, 1_000.0)
    await line.timers.advance(HALF_A_MINUTE)
    assert (await waits.end()).status == 200
    world.assert_quiet()


async def test_a_provider_may_have_a_queue_and_a_tenant_too() -> None:
    for where in ("provider", "tenant"):
        own = member("one", rate_limits=TWO_A_MINUTE, queue=LINE if where == "provider" else None)
        world = await a_world(tier(own), tenant={"queue": LINE})
        world.providers.will("one", GOOD)
        for _ in range(2):
            await world.line.post(CHAT, BODY)
        visit = start(world)
        await waiting(world, 1)
        assert [it.name for it in world.line.doors.rooms.standings()] == [
            "t1 provider one" if where == "provider" else "t1 tenant"
        ]
        await world.line.timers.advance(HALF_A_MINUTE)
        assert (await visit.end()).status == 200
        world.assert_quiet()


async def test_two_pools_that_share_an_endpoint_share_its_place() -> None:
    """The queue is each pool's own; whoever gives the place back calls them both."""
    shared = member("one", rate_limits=ONE_AT_A_TIME)
    fast = course(tier(shared, queue=LINE))
    slow = msgspec.structs.replace(fast, name="slow", pool="slow", tiers=(tier(shared, queue=LINE, pool="slow"),))
    line = await a_line(a_snapshot(tenant_of(fast, courses=(fast, slow))))
    world, gate = World(line, Providers(line)), Gate()
    world.providers.will("one", Script(200, JSON, (gate, CHAT_REPLY)), GOOD)
    first = start(world)
    await gate.reached()
    others = [start(world), start(world, BODY.replace(b"fast", b"slow"))]
    await waiting(world, 2)

    gate.open()

    assert [(await it.end()).status for it in (first, *others)] == [200] * 3
    await settle()
    world.assert_quiet()
