"""Dialogues with callers who asked for news of their wait: comments in a stream, which bring a status and no answer."""

import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import OnStreamCut, QueueLimits, RateLimits, Retries
from ai_gateway.domain.traffic import Outcome
from gateway.survivors import (
    BODY,
    CHAT,
    GOOD,
    GOOD_STREAM,
    HALF_A_MINUTE,
    LINE,
    MESSAGES,
    MESSAGES_STREAM_BODY,
    STREAM_BODY,
    TWO_A_MINUTE,
    UPDATES,
    a_full_world,
    a_speaker,
    a_world,
    claude_member,
    error,
    failing,
    member,
    start,
    streaming,
    the_rest,
    tier,
    waiting,
)
from providers.halves import TEXT, a_stream, read
from support.line import BEARER
from support.upstream import JSON, Gate, Script
from support.wire import CHAT_ERROR_EVENT, CHAT_REPLY, chat_events, message_events

POSITION = b": queue position=1\n\n"


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
