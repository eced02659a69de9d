"""Dialogues with callers who wait for a place: in order, for as long as they may, and with news of it if they ask."""

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import OnStreamCut, QueueLimits, RateLimits, Retries, Tier
from ai_gateway.domain.decisions import What
from ai_gateway.domain.traffic import Outcome
from gateway.survivors import (
    BODY,
    CHAT,
    GOOD,
    GOOD_STREAM,
    MESSAGES,
    MESSAGES_STREAM_BODY,
    STREAM_BODY,
    Providers,
    World,
    a_speaker,
    a_world,
    claude_member,
    course,
    error,
    failing,
    member,
    streaming,
    tenant_of,
    the_rest,
    tier,
)
from providers.halves import TEXT, a_stream, read
from support.builders import a_snapshot
from support.line import BEARER, Visit, a_line
from support.turns import settle, until
from support.upstream import JSON, Gate, Script
from support.wire import CHAT_ERROR_EVENT, CHAT_REPLY, chat_events, message_events

TWO_A_MINUTE = RateLimits(requests_per_minute=2)
"""The third goes when half a minute is over."""
ONE_AT_A_TIME = RateLimits(max_concurrent=1)
LINE = QueueLimits(max_waiting=10, timeout_seconds=100.0)
UPDATES = {**BEARER, "x-gateway-queue-updates": "1"}
POSITION = b": queue position=1\n\n"
HALF_A_MINUTE = 30.0


async def a_full_world(*fallbacks: Tier, queue: QueueLimits | None = LINE, **changes: Any) -> World:
    """Both requests of this minute were made."""
    world = await a_world(tier(member("one", rate_limits=TWO_A_MINUTE), queue=queue), *fallbacks, **changes)
    world.providers.will("one", GOOD)
    for _ in range(2):
        assert (await world.line.post(CHAT, BODY)).status == 200
    return world


def start(world: World, body: bytes = BODY, headers: dict[str, str] = BEARER, path: str = CHAT) -> Visit:
    return world.line.visit(path, body, headers).start(world.line.app)


async def waiting(world: World, count: int) -> None:
    """Until so many wait."""
    await until(lambda: sum(it.waiting for it in world.line.doors.rooms.standings()) == count)


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
    assert (await world.line.post(CHAT, BODY)).status == 429
    visit = start(world)
    await waiting(world, 1)

    await world.line.timers.advance(7.1)

    assert (await visit.end()).status == 200
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


# News of the wait


async def test_who_asks_hears_its_position_once_a_second_and_then_its_answer() -> None:
    world = await a_full_world()
    world.providers.will("one", GOOD_STREAM)
    visit = start(world, STREAM_BODY, UPDATES)
    await visit.heard(2)

    await world.line.timers.advance(HALF_A_MINUTE)
    answered = await visit.end()

    assert (answered.status, answered.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answered.headers["x-gateway-route"] == "fast"
    assert answered.headers["x-request-id"] == world.line.receipts[-1].request_id
    assert "x-gateway-endpoint" not in answered.headers
    news = [it for it in answered.chunks if it.startswith(b":")]
    assert 29 <= len(news) <= 31
    assert set(news) == {POSITION}
    assert b"".join(answered.chunks[len(news) :]) == b"".join(chat_events("Hello", "!", usage=False))
    world.assert_quiet()


async def test_the_expected_wait_is_told_once_it_is_known() -> None:
    world = await a_full_world()
    world.providers.will("one", GOOD_STREAM)
    first, second, third = (start(world, STREAM_BODY, UPDATES) for _ in range(3))
    await waiting(world, 3)

    await world.line.timers.advance(HALF_A_MINUTE + 2)

    assert b": queue position=2 wait=" in b"".join(third.answered.chunks)
    await world.line.timers.advance(2 * HALF_A_MINUTE)
    assert [(await it.end()).whole for it in (first, second, third)] == [True] * 3
    world.assert_quiet()


@pytest.mark.parametrize(
    ("body", "headers"),
    [(BODY, UPDATES), (STREAM_BODY, BEARER), (STREAM_BODY, {**BEARER, "x-gateway-queue-updates": "0"})],
    ids=["a whole answer", "nobody asked", "asked not to"],
)
async def test_otherwise_nothing_is_said_before_the_answer(body: bytes, headers: dict[str, str]) -> None:
    world = await a_full_world()
    world.providers.will("one", GOOD_STREAM if body == STREAM_BODY else GOOD)
    visit = start(world, body, headers)
    await waiting(world, 1)

    await world.line.timers.advance(10.0)
    assert visit.messages == []
    await world.line.timers.advance(20.0)
    answered = await visit.end()

    assert (answered.status, answered.headers["x-gateway-endpoint"]) == (200, "one")
    assert b"queue position" not in answered.body


async def test_who_need_not_wait_hears_nothing_of_a_queue() -> None:
    world = await a_world(tier("one", queue=LINE))
    world.providers.will("one", GOOD_STREAM)

    answered = await world.line.post(CHAT, STREAM_BODY, UPDATES)

    assert answered.headers["x-gateway-endpoint"] == "one"
    assert b"queue position" not in answered.body


@pytest.mark.parametrize("on_cut", OnStreamCut)
async def test_news_commit_the_status_and_not_the_endpoint(on_cut: OnStreamCut) -> None:
    """The place that was waited for fails in every way, and the fallback answers unseen."""
    for bad in (error(500), failing(), streaming(CHAT_ERROR_EVENT), streaming(), Script(200, JSON, (CHAT_REPLY,))):
        world = await a_full_world(tier(member("spare", rate_limits=TWO_A_MINUTE)), on_stream_cut=on_cut)
        world.providers.will("spare", GOOD)
        for _ in range(2):
            await world.line.post(CHAT, BODY)
        world.providers.will("one", bad)
        world.providers.will("spare", GOOD_STREAM)
        visit = start(world, STREAM_BODY, UPDATES)
        await visit.heard(2)
        await world.line.timers.advance(HALF_A_MINUTE)
        answered = await visit.end()

        assert answered.whole
        said = b"".join(it for it in answered.chunks if not it.startswith(b":"))
        assert said == b"".join(chat_events("Hello", "!", usage=False)), bad
        assert world.told[-2:] == [("one", Outcome.PROVIDER_ERROR), ("spare", Outcome.OK)]
        world.assert_quiet()


async def test_a_stream_that_breaks_behind_news_is_continued() -> None:
    one, spare = (a_speaker(it, rate_limits=RateLimits(requests_per_minute=1)) for it in ("one", "spare"))
    world = await a_world(tier(one, queue=LINE), tier(spare))
    for name in ("one", "spare"):
        world.providers.will(name, GOOD)
        await world.line.post(CHAT, BODY)
        world.line.clock.advance(2.0)
    gate = Gate()
    world.providers.will("one", streaming(*a_stream(Dialect.OPENAI)[:20], gate))
    world.providers.will("spare", the_rest(Dialect.OPENAI))
    visit = start(world, STREAM_BODY, UPDATES)
    await visit.heard(2)
    await world.line.timers.advance(56.1)
    await gate.reached()
    world.line.clock.advance(10.0)  # the fallback has a place again, too
    gate.open()
    answered = await visit.end()

    assert read(Dialect.OPENAI, answered.body) == (TEXT, "proper", ())
    assert world.told[-2:] == [("one", Outcome.CUT), ("spare", Outcome.OK)]
    world.assert_quiet()


async def test_what_fails_behind_news_is_the_streams_error_event() -> None:
    world = await a_full_world(retries=Retries(max_attempts=1))
    world.providers.will("one", error(400, "invalid_request_error", "the field 'x' is unknown"))
    visit = start(world, STREAM_BODY, UPDATES)
    await visit.heard(2)
    await world.line.timers.advance(HALF_A_MINUTE)
    answered = await visit.end()

    assert (answered.status, answered.whole) == (200, True)
    seen = read(Dialect.OPENAI, answered.body)
    assert (seen.text, seen.end) == ("", "error")
    assert b"the field 'x' is unknown" in answered.chunks[-1]
    assert world.line.ended[-1].fault is not None
    world.assert_quiet()


async def test_who_waited_in_vain_is_told_in_the_stream_and_in_its_dialect() -> None:
    queue = QueueLimits(max_waiting=5, timeout_seconds=5.0)
    world = await a_world(tier(claude_member("one", rate_limits=RateLimits(requests_per_minute=1)), queue=queue))
    world.providers.will("one", streaming(*message_events("Hello")))
    assert (await world.line.post(MESSAGES, MESSAGES_STREAM_BODY)).status == 200
    visit = start(world, MESSAGES_STREAM_BODY, UPDATES, MESSAGES)
    await visit.heard(2)

    await world.line.timers.advance(5.1)
    answered = await visit.end()

    assert (answered.status, answered.whole) == (200, True)
    assert answered.chunks[-1].startswith(b"event: error\ndata: ")
    assert b'"category":"rate_limit"' in answered.chunks[-1]
    assert world.providers.asked == ["one"]
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
