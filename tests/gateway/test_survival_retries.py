"""Dialogues about time and numbers: how long a request waits before it asks the same endpoint again, how many attempts
all requests together may make, and what is no longer worth sending."""

import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import BreakerSettings, Retries, Timeouts
from ai_gateway.domain.decisions import What
from ai_gateway.domain.traffic import Outcome
from ai_gateway.policy.circuit_breaker import State
from gateway.survivors import (
    BODY,
    CHAT,
    GOOD,
    GOOD_STREAM,
    RETRY_AFTER,
    STREAM_BODY,
    World,
    a_world,
    error,
    failing,
    member,
    tier,
)
from support.line import BEARER
from support.upstream import JSON, Pause, Script
from support.wire import CHAT_REPLY

START = 1_000.0
BUSY = error(503, headers=RETRY_AFTER)
SLOW = failing(Pause(9_999))
NEVER = BreakerSettings(failure_threshold=10_000, minimum_requests=10_000)
CHAT_KIND = (Dialect.OPENAI, Operation.CHAT)
TIMEOUTS = Timeouts(connect=2.0, first_token=10.0, between_tokens=5.0, response=10.0, total=100.0)


def within(seconds: str) -> dict[str, str]:
    return {**BEARER, "x-gateway-timeout-seconds": seconds}


def waited(world: World) -> list[float | None]:
    return [it.seconds for it in world.line.ended[-1].steps if it.what is What.WAITED]


async def test_who_is_alone_is_asked_again_after_a_pause_that_grows() -> None:
    """Full jitter: between nothing and 0.25 s, then 0.5 s."""
    world = await a_world(tier("one"))
    world.providers.will("one", error(500), error(500), GOOD)

    answered = await world.line.post(CHAT, BODY)

    assert (answered.status, answered.headers["x-gateway-attempts"]) == (200, "3")
    first, second = waited(world)
    assert first is not None
    assert second is not None
    assert 0 < first <= 0.25
    assert 0 < second <= 0.5
    assert world.line.clock.now() == pytest.approx(START + first + second, abs=0.002)
    world.assert_quiet()


async def test_who_has_siblings_is_not_waited_for() -> None:
    world = await a_world(tier("one", "two"))
    world.providers.will("one", error(500))
    world.providers.will("two", GOOD)

    assert (await world.line.post(CHAT, BODY)).status == 200
    assert world.line.clock.now() == START
    assert waited(world) == []


async def test_when_all_have_failed_they_are_waited_for_together() -> None:
    world = await a_world(tier("one"), tier("spare"), retries=Retries(max_attempts=4))
    world.providers.will("one", error(500), GOOD)
    world.providers.will("spare", error(500))

    assert (await world.line.post(CHAT, BODY)).status == 200
    assert world.providers.asked == ["one", "spare", "one"]
    assert len(waited(world)) == 1
    world.assert_quiet()


async def test_a_wait_that_the_provider_named_is_kept() -> None:
    """7 s, stretched by up to a tenth."""
    world = await a_world(tier("one"))
    world.providers.will("one", BUSY, GOOD)

    assert (await world.line.post(CHAT, BODY)).status == 200
    assert START + 7.0 <= world.line.clock.now() <= START + 7.7
    world.assert_quiet()


async def test_a_wait_past_the_deadline_is_not_begun() -> None:
    world = await a_world(tier("one"))
    world.providers.will("one", BUSY, GOOD)

    answered = await world.line.post(CHAT, BODY, within("5"))

    assert (answered.status, answered.headers["retry-after"]) == (502, "7")
    assert world.line.clock.now() == START
    assert world.providers.asked == ["one"]
    world.assert_quiet()


async def test_what_another_second_will_not_mend_is_not_asked_again() -> None:
    for bad in (error(401), error(402), error(429, "insufficient_quota"), error(429, headers=RETRY_AFTER)):
        world = await a_world(tier("one"))
        world.providers.will("one", bad)

        assert (await world.line.post(CHAT, BODY)).status >= 400
        assert world.providers.asked == ["one"]
        world.assert_quiet()


async def test_a_route_may_allow_one_attempt() -> None:
    world = await a_world(tier("one", "two"), retries=Retries(max_attempts=1))
    world.providers.will("one", error(500))

    answered = await world.line.post(CHAT, BODY)

    assert (answered.status, answered.headers["x-gateway-attempts"]) == (502, "1")
    assert world.providers.asked == ["one"]


async def test_when_everything_fails_retries_have_a_budget() -> None:
    """100 requests within a second: a fifth of them may be tried again, and ten more."""
    world = await a_world(tier("one", "two", breaker=NEVER), retries=Retries(max_attempts=2))
    for name in ("one", "two"):
        world.providers.will(name, error(500))

    for _ in range(100):
        assert (await world.line.post(CHAT, BODY)).status == 502

    assert world.line.clock.now() == START
    assert len(world.providers.asked) == 100 + 100 // 5 + 10
    world.assert_quiet()


async def test_one_tenants_storm_does_not_use_up_anothers_retries() -> None:
    world = await a_world(tier("one", "two"))
    course = world.line.doors.snapshots.current().tenants["t1"].courses["fast"]
    mine, theirs = (world.line.doors.plans.of(it, course, *CHAT_KIND).budget for it in ("t1", "t2"))
    while mine.withdraw(START):
        pass
    assert theirs.withdraw(START)


async def test_nothing_is_sent_past_the_callers_deadline() -> None:
    world = await a_world(tier(member("one", timeouts=TIMEOUTS), member("two", timeouts=TIMEOUTS)))
    world.providers.will("one", SLOW)
    world.providers.will("two", GOOD)

    answered = await world.line.post(CHAT, BODY, within("4"))

    assert (answered.status, answered.error["gateway"]["category"]) == (504, "timeout")
    assert world.line.clock.now() == START + 4.0
    assert world.told == [("one", Outcome.TIMEOUT)]
    world.assert_quiet()


async def test_the_callers_deadline_bounds_a_stream_too() -> None:
    world = await a_world(tier(member("one", timeouts=TIMEOUTS)))
    world.providers.will(
        "one", Script(200, GOOD_STREAM.headers, (*GOOD_STREAM.body[:1], Pause(4.5), GOOD_STREAM.body[1]))
    )

    answered = await world.line.post(CHAT, STREAM_BODY, within("4"))

    assert b'"category":"timeout"' in answered.chunks[-1]
    assert world.line.clock.now() == START + 4.0
    world.assert_quiet()


async def test_what_is_left_of_the_deadline_is_what_the_next_attempt_has() -> None:
    world = await a_world(tier(member("one", timeouts=TIMEOUTS), member("two", timeouts=TIMEOUTS)))
    world.providers.will("one", SLOW)
    world.providers.will("two", Script(200, JSON, (Pause(1.5), CHAT_REPLY)))

    assert (await world.line.post(CHAT, BODY, within("12"))).status == 200
    assert [it.head_seconds for it in world.line.upstream.sent] == [10.0, 2.0]
    world.assert_quiet()


async def test_an_endpoint_whose_own_total_is_over_is_not_asked() -> None:
    """Its total counts from when the request came, like every total."""
    hasty = Timeouts(response=3.0, total=8.0)
    slow = Timeouts(response=10.0, total=100.0)
    world = await a_world(tier(member("one", timeouts=slow)), tier(member("spare", timeouts=hasty)))
    world.providers.will("one", SLOW, GOOD)
    world.providers.will("spare", GOOD)

    assert (await world.line.post(CHAT, BODY)).status == 200
    assert world.providers.asked == ["one", "one"]
    world.assert_quiet()


@pytest.mark.parametrize("bad", ["", "0", "-1", "soon", "1e3", "NaN", "inf", "3 s"])
async def test_a_deadline_that_is_no_number_of_seconds_is_400(bad: str) -> None:
    world = await a_world(tier("one"))

    answered = await world.line.post(CHAT, BODY, within(bad))

    assert (answered.status, answered.error["param"]) == (400, "x-gateway-timeout-seconds")
    assert answered.headers["x-gateway-error"] == "invalid_header"
    assert world.providers.asked == []
    world.assert_quiet()


async def test_a_caller_who_waits_too_little_does_not_open_a_breaker() -> None:
    world = await a_world(tier(member("one")))
    world.providers.will("one", Script(200, JSON, (Pause(2.0), CHAT_REPLY)))

    for _ in range(6):
        answered = await world.line.post(CHAT, BODY, within("1"))
        assert (answered.status, answered.error["gateway"]["category"]) == (504, "timeout")

    assert (world.breaker("one").state, world.breaker("one").failures) == (State.CLOSED, 0)
    assert {it.outcome for it in world.line.receipts} == {Outcome.TIMEOUT}
    world.assert_quiet()
