"""Dialogues about rates through the whole line."""

from typing import Any

import pytest

from ai_gateway.domain.config import LegRates, QueueLimits, RateLimits
from gateway.budgets import CHAT, KEY, LEGS, MESSAGES, a_body, a_limit, a_limited_line, a_reply, limited_tenant
from support.builders import CLAUDE, a_claude_endpoint, an_endpoint
from support.line import Line
from support.turns import settle
from support.upstream import JSON, Gate, Script
from support.wire import MESSAGES_BODY, MESSAGES_REPLY

BODY = a_body(100)


async def a_rated_line(leg: tuple[str, str], queue: QueueLimits | None = None, **rates: int) -> Line:
    level = LegRates(leg, RateLimits(**rates), f"name of {leg[0]}")
    endpoints = (an_endpoint(), a_claude_endpoint())
    line = await a_limited_line(tenant=limited_tenant(endpoints=endpoints, rates={leg: level}, queue=queue))
    line.upstream.always = lambda request: Script(
        200,
        JSON | {"x-ratelimit-limit-requests": "99999"},
        (a_reply(10, 5) if "chat" in request.path else MESSAGES_REPLY,),
    )
    return line


@pytest.mark.parametrize("leg", LEGS)
async def test_requests_a_minute_are_kept_at_every_level_and_the_refusal_says_when(leg: Any) -> None:
    line = await a_rated_line(leg, requests_per_minute=2)
    answers = [await line.post(CHAT, BODY) for _ in range(3)]
    assert [it.status for it in answers] == [200, 200, 429]
    assert [it.headers["x-ratelimit-remaining-requests"] for it in answers] == ["1", "0", "0"]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "2"  # the caller's, not the provider's
    assert answers[0].headers["x-ratelimit-reset-requests"] == "30.000s"
    refused = answers[2]
    assert refused.error["message"] == f"Rate limit exceeded: 2 requests a minute for the {leg[0]} 'name of {leg[0]}'."
    assert (refused.error["code"], refused.error["gateway"]["level"]) == ("rate_limit_exceeded", leg[0])
    assert (refused.headers["retry-after"], refused.headers["retry-after-ms"]) == ("30", "30000")
    line.clock.advance(30.0)
    assert (await line.post(CHAT, BODY)).status == 200
    line.assert_at_rest()


async def test_tokens_are_taken_at_worst_and_settled_by_what_was_used() -> None:
    line = await a_rated_line(KEY, tokens_per_minute=300)
    answers = [await line.post(CHAT, BODY) for _ in range(3)]
    assert [it.status for it in answers] == [200, 200, 200]  # each takes some 125 and uses 15
    remaining = [int(it.headers["x-ratelimit-remaining-tokens"]) for it in answers]
    assert remaining[0] - remaining[1] == 15
    assert (await line.post(CHAT, a_body(290))).status == 429


async def test_requests_at_a_time_are_let_in_as_others_end_and_nothing_is_left_behind() -> None:
    line, gate = await a_rated_line(KEY, max_concurrent=1), Gate()
    line.upstream.will_play(Script(200, JSON, (a_reply(1, 1),), (gate,)))
    first = line.visit(CHAT, BODY).start(line.app)
    await gate.reached()
    refused = await line.post(CHAT, BODY)
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    first.leave()
    await settle()
    gate.open()
    assert (await line.post(CHAT, BODY)).status == 200
    line.assert_at_rest()


async def test_with_a_queue_one_waits_for_its_minute() -> None:
    line = await a_rated_line(KEY, QueueLimits(max_waiting=5, timeout_seconds=45.0), requests_per_minute=2)
    assert [(await line.post(CHAT, BODY)).status for _ in range(2)] == [200, 200]
    second = line.visit(CHAT, BODY).start(line.app)
    third = line.visit(CHAT, BODY).start(line.app)
    await settle()
    assert len(line.upstream.sent) == 2
    await line.timers.advance(45.01)
    assert (await second.end()).status == 200
    late = await third.end()
    assert (late.status, late.error["code"]) == (429, "rate_limit_exceeded")
    line.assert_at_rest()


async def test_on_anthropics_routes_the_headers_are_anthropics() -> None:
    line = await a_rated_line(KEY, requests_per_minute=60, tokens_per_minute=1_000)
    answered = await line.post(MESSAGES, MESSAGES_BODY.replace(b"claude-haiku-4-5", CLAUDE.encode()))
    assert answered.status == 200
    assert answered.headers["anthropic-ratelimit-requests-limit"] == "60"
    assert answered.headers["anthropic-ratelimit-requests-remaining"] == "59"
    assert answered.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert answered.headers["anthropic-ratelimit-tokens-limit"] == "1000"


async def test_who_is_refused_for_want_of_money_has_not_used_his_minute_up() -> None:
    level = LegRates(KEY, RateLimits(max_concurrent=1))
    line = await a_limited_line(tenant=limited_tenant(a_limit(KEY, 0), rates={KEY: level}))
    assert [(await line.post(CHAT, BODY)).status for _ in range(3)] == [402, 402, 402]


async def test_who_has_no_rates_is_told_of_none_but_the_providers() -> None:
    line = await a_limited_line()
    line.upstream.always = lambda request: Script(200, JSON | {"x-ratelimit-limit-requests": "9"}, (a_reply(1, 1),))
    assert (await line.post(CHAT, BODY)).headers["x-ratelimit-limit-requests"] == "9"
