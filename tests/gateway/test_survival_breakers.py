"""Dialogues about endpoints that are left alone: open breakers, cooldowns, quarantined keys, and what happens when
nobody else is left."""

import pytest

from ai_gateway.domain.config import BreakerSettings, EndpointId, Retries
from ai_gateway.domain.decisions import What
from ai_gateway.domain.faults import ProviderFailed
from ai_gateway.domain.traffic import Outcome
from ai_gateway.policy.circuit_breaker import State
from gateway.survivors import (
    BODY,
    CHAT,
    GOOD,
    RETRY_AFTER,
    STREAM_BODY,
    Providers,
    World,
    a_world,
    course,
    error,
    streaming,
    tenant_of,
    tier,
)
from support.builders import TOKEN, a_key, a_snapshot
from support.line import a_line
from support.turns import settle
from support.upstream import JSON, Gate, Script
from support.wire import CHAT_REPLY, chat_events

FIVE = 5
OPEN_SECONDS = 33.0
"""The default is 30 s, which chance makes up to a tenth longer."""
ONCE = Retries(max_attempts=1)
OTHER_TOKEN = "sk-gw-other"


async def test_five_failures_open_and_nobody_notices() -> None:
    world = await a_world(tier("one"), tier("spare"))
    world.providers.will("one", error(500))
    world.providers.will("spare", GOOD)

    replies = [await world.line.post(CHAT, BODY) for _ in range(20)]

    assert [it.status for it in replies] == [200] * 20
    assert world.providers.asked.count("one") == FIVE
    assert [it.headers["x-gateway-attempts"] for it in replies] == ["2"] * FIVE + ["1"] * 15
    world.assert_quiet()


async def test_who_is_passed_over_is_no_attempt_and_is_told_in_the_record() -> None:
    world = await a_world(tier("one"), tier("spare"))
    world.providers.will("spare", GOOD)
    open_breaker(world, "one")

    await world.line.post(CHAT, BODY)

    last = world.line.ended[-1]
    assert [it.endpoint for it in last.receipts] == ["spare"]
    assert [(it.what, it.endpoint) for it in last.steps] == [(What.PASSED_OVER, "one")]


async def test_a_half_open_endpoint_gets_one_probe_however_many_ask() -> None:
    world = await a_world(tier("one"), tier("spare"))
    world.providers.will("spare", GOOD)
    open_breaker(world, "one")
    gate = Gate()
    world.providers.will("one", Script(200, JSON, (gate, CHAT_REPLY)))
    world.line.clock.advance(OPEN_SECONDS)

    visits = [world.line.visit(CHAT, BODY).start(world.line.app) for _ in range(20)]
    await gate.reached()
    await settle(50)
    assert world.providers.asked.count("one") == 1
    assert world.providers.asked.count("spare") == 19
    gate.open()

    assert [(await it.end()).status for it in visits] == [200] * 20
    world.assert_quiet()


async def test_two_probes_that_succeed_close_it() -> None:
    world = await a_world(tier("one"), tier("spare"))
    world.providers.will("spare", GOOD)
    open_breaker(world, "one")
    world.providers.will("one", GOOD)
    world.line.clock.advance(OPEN_SECONDS)

    await world.line.post(CHAT, BODY)
    assert world.breaker("one").state is State.HALF_OPEN
    await world.line.post(CHAT, BODY)
    assert world.breaker("one").state is State.CLOSED
    assert world.providers.asked[-2:] == ["one", "one"]


async def test_a_probe_that_fails_is_made_up_for_and_opens_again() -> None:
    world = await a_world(tier("one"), tier("spare"))
    world.providers.will("spare", GOOD)
    open_breaker(world, "one")
    world.providers.will("one", error(500))
    world.line.clock.advance(OPEN_SECONDS)

    assert (await world.line.post(CHAT, BODY)).status == 200
    assert world.providers.asked == ["one", "spare"]
    assert world.breaker("one").state is State.OPEN


async def test_a_caller_who_leaves_while_it_probes_makes_room_for_another_probe() -> None:
    world = await a_world(tier("one"), tier("spare"))
    world.providers.will("spare", GOOD)
    open_breaker(world, "one")
    gate = Gate()
    world.providers.will("one", Script(before=(gate,)), GOOD)
    world.line.clock.advance(OPEN_SECONDS)
    visit = world.line.visit(CHAT, BODY).start(world.line.app)
    await gate.reached()

    visit.leave()
    await visit.end()
    assert world.breaker("one").state is State.HALF_OPEN
    answered = await world.line.post(CHAT, BODY)

    assert answered.headers["x-gateway-endpoint"] == "one"
    assert world.line.receipts[-2].outcome is Outcome.CANCELLED
    world.assert_quiet()


async def test_a_stream_that_breaks_in_the_middle_counts_as_a_failure() -> None:
    world = await a_world(tier("one"), tier("spare"), retries=ONCE)
    world.providers.will("one", streaming(*chat_events("one")[:1]))

    for _ in range(FIVE):
        assert b"provider_stream_cut" in (await world.line.post(CHAT, STREAM_BODY)).body
    assert world.breaker("one").state is State.OPEN


async def test_a_callers_own_mistakes_open_nothing() -> None:
    world = await a_world(tier("one"))
    world.providers.will("one", error(400, "invalid_request_error"))

    for _ in range(20):
        assert (await world.line.post(CHAT, BODY)).status == 400
    assert world.breaker("one").state is State.CLOSED
    assert world.providers.asked == ["one"] * 20


async def test_a_forced_breaker_is_a_503_that_says_when() -> None:
    world = await a_world(tier("one"))
    force_open(world, "one", 45.0)

    answered = await world.line.post(CHAT, BODY)

    assert (answered.status, answered.headers["retry-after"]) == (503, "45")
    assert answered.error["gateway"]["category"] == "circuit_open"
    assert answered.error["gateway"]["retryable"] is True
    assert world.providers.asked == []
    world.assert_quiet()


async def test_forced_open_goes_to_the_fallback_and_reset_comes_back() -> None:
    world = await a_world(tier("one"), tier("spare"))
    for name in ("one", "spare"):
        world.providers.will(name, GOOD)
    force_open(world, "one", None)
    assert (await world.line.post(CHAT, BODY)).headers["x-gateway-endpoint"] == "spare"

    world.line.breakers.reset([EndpointId("pc_one")], "it is well")

    assert (await world.line.post(CHAT, BODY)).headers["x-gateway-endpoint"] == "one"


async def test_a_rest_after_a_429_repeats_its_cause_with_what_is_left_of_it() -> None:
    world = await a_world(tier("one"))
    world.providers.will("one", error(429, "rate_limit_error", headers=RETRY_AFTER))
    first = await world.line.post(CHAT, BODY)
    world.line.clock.advance(2.0)

    second = await world.line.post(CHAT, BODY)

    assert (first.status, first.headers["retry-after"]) == (429, "7")
    assert (second.status, second.headers["retry-after"]) == (429, "5")
    assert second.error["gateway"]["category"] == "rate_limit"
    assert second.error["gateway"]["message"] == first.error["gateway"]["message"]
    assert world.providers.asked == ["one"]
    world.assert_quiet()


async def test_a_rest_is_over_when_it_is_over() -> None:
    world = await a_world(tier("one"))
    world.providers.will("one", error(429, "rate_limit_error", headers=RETRY_AFTER), GOOD)
    await world.line.post(CHAT, BODY)
    world.line.clock.advance(7.0)

    assert (await world.line.post(CHAT, BODY)).status == 200
    assert world.breaker("one").state is State.CLOSED


async def test_a_refused_key_is_asked_once_and_then_its_refusal_is_repeated() -> None:
    world = await a_world(tier("one"))
    world.providers.will("one", error(401, "authentication_error"))

    replies = [await world.line.post(CHAT, BODY) for _ in range(10)]

    assert {(it.status, it.error["gateway"]["category"]) for it in replies} == {(502, "provider_authentication")}
    assert {it.headers["x-should-retry"] for it in replies} == {"false"}
    assert world.providers.asked == ["one"]
    assert world.breaker("one").quarantined
    world.assert_quiet()


async def test_a_tenants_refused_key_is_nothing_to_another_tenant() -> None:
    """200 requests of the one; the other has the same provider at the same address with its own key."""
    ours, theirs = (course(tier(it)) for it in ("one", "two"))
    snapshot = a_snapshot(
        tenant_of(ours, "t1"),
        tenant_of(theirs, "t2"),
        keys={TOKEN: a_key(), OTHER_TOKEN: a_key("key_2", "t2")},
    )
    line = await a_line(snapshot)
    world = World(line, Providers(line))
    world.providers.will("one", error(401, "authentication_error"))
    world.providers.will("two", GOOD)

    for _ in range(200):
        assert (await line.post(CHAT, BODY)).status == 502
        assert (await line.post(CHAT, BODY, {"authorization": f"Bearer {OTHER_TOKEN}"})).status == 200

    assert world.providers.asked.count("one") == 1
    assert world.providers.asked.count("two") == 200
    view = world.breaker("two")
    assert (view.state, view.failures, view.quarantined) == (State.CLOSED, 0, False)
    world.assert_quiet()


async def test_when_every_breaker_is_open_one_is_asked_all_the_same() -> None:
    world = await a_world(tier("one"), tier("spare"))
    for name in ("one", "spare"):
        world.providers.will(name, error(500))
    for _ in range(2 * FIVE):
        assert (await world.line.post(CHAT, BODY)).status == 502
    assert {world.breaker(it).state for it in ("one", "spare")} == {State.OPEN}
    before = len(world.providers.asked)

    answered = await world.line.post(CHAT, BODY)

    assert (answered.status, answered.error["gateway"]["category"]) == (502, "provider_error")
    assert len(world.providers.asked) == before + 1
    assert What.PANICKED in [it.what for it in world.line.ended[-1].steps]
    world.assert_quiet()


async def test_panic_waits_until_nobody_on_the_whole_course_is_left() -> None:
    """One of six endpoints is closed, in the last tier: it alone is asked."""
    world = await a_world(tier("one", "two"), tier("three", "four"), tier("five", "six"))
    for name in ("one", "two", "three", "four", "five"):
        open_breaker(world, name)
    world.providers.will("six", GOOD)

    replies = [await world.line.post(CHAT, BODY) for _ in range(5)]

    assert {it.headers["x-gateway-endpoint"] for it in replies} == {"six"}


async def test_successes_in_panic_close_the_breaker() -> None:
    world = await a_world(tier("one"), tier("spare"))
    for name in ("one", "spare"):
        world.providers.will(name, error(500))
    for _ in range(2 * FIVE):
        await world.line.post(CHAT, BODY)
    for name in ("one", "spare"):
        world.providers.will(name, GOOD)

    replies = [await world.line.post(CHAT, BODY) for _ in range(10)]

    assert [it.status for it in replies] == [200] * 10
    assert State.CLOSED in {world.breaker(it).state for it in ("one", "spare")}


@pytest.mark.parametrize("how", ["forced", "quarantined", "resting"])
async def test_panic_never_asks_who_was_taken_out_for_a_reason(how: str) -> None:
    world = await a_world(tier("one"), tier("spare"))
    bad = {"quarantined": error(401), "resting": error(429, headers=RETRY_AFTER), "forced": error(500)}[how]
    world.providers.will("one", bad)
    world.providers.will("spare", error(500))
    if how == "forced":
        force_open(world, "one", None)
    for _ in range(2 * FIVE):
        await world.line.post(CHAT, BODY)
    asked = world.providers.asked.count("one")

    for _ in range(20):
        await world.line.post(CHAT, BODY)

    assert world.breaker("spare").state is State.OPEN
    assert world.providers.asked.count("one") == asked
    world.assert_quiet()


async def test_a_pool_has_its_own_patience() -> None:
    strict = BreakerSettings(failure_threshold=2)
    world = await a_world(tier("one", breaker=strict), tier("spare"))
    world.providers.will("one", error(500))
    world.providers.will("spare", GOOD)

    for _ in range(10):
        assert (await world.line.post(CHAT, BODY)).status == 200
    assert world.providers.asked.count("one") == 2


def open_breaker(world: World, name: str) -> None:
    """By the five failures of requests that this test does not tell of."""
    gate = world.line.breakers.of(world.endpoint(name))
    for _ in range(FIVE):
        gate.fail(gate.send(world.line.clock.now()), ProviderFailed(), world.line.clock.now())
    assert world.breaker(name).state is State.OPEN


def force_open(world: World, name: str, seconds: float | None) -> None:
    world.line.breakers.force_open([world.endpoint(name)], seconds, "we look into it")
