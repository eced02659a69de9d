from typing import Any

import pytest

from ai_gateway.domain.budgets import Window
from ai_gateway.domain.config import FailedAttempts, Retries
from ai_gateway.gateway.failed_attempts import owes_estimate
from ai_gateway.policy.pricing import dollars
from ai_gateway.runtime.upstream import Broken, CannotConnect, EgressRefused, TooSlow, UpstreamError
from gateway.budgets import (
    CHAT,
    DOLLAR,
    INPUT_NANO,
    KEY,
    MESSAGES,
    OUTPUT_NANO,
    a_body,
    a_limit,
    a_limited_line,
    a_reply,
    limited_tenant,
)
from support.builders import a_candidate, a_claude_endpoint, a_course, an_endpoint
from support.clock import FakeClock
from support.upstream import EVENTS, JSON, Pause, Script, ScriptedAnswer
from support.wire import chat_events

REPORTED, ESTIMATED = FailedAttempts
ERROR = (b'{"error":{"message":"no"}}',)
QUESTION = a_body(100, model="fast")
STREAMED = a_body(100, model="fast", stream=True)
ASKED = -(-len(QUESTION) // 4)
"""Tokens of the question, as estimated: four bytes each."""
NOBODY_KNOWS = {
    "silent too long": Script(200, JSON, (), (Pause(1_000.0),)),
    "lost before its head": Script(200, JSON, (), (Broken("reset"),)),
    "lost in its body": Script(200, JSON, (b'{"choices":', Broken("reset"))),
    "garbage": Script(200, JSON, (b"<html>",)),
    "an error under 200": Script(200, JSON, ERROR),
}
NOTHING_DONE = {
    "never reached": Script(200, JSON, (), (CannotConnect("refused"),)),
    "not even connected in time": Script(200, JSON, (), (TooSlow("connect"),)),
    "429": Script(429, JSON, ERROR),
    "503": Script(503, JSON, ERROR),
    "500": Script(500, JSON, ERROR),
}


def a_policed_tenant(policy: FailedAttempts, **more: Any) -> Any:
    endpoints = (an_endpoint("up-1"), an_endpoint("up-2"))
    course = a_course("fast", *map(a_candidate, endpoints), retries=Retries(max_attempts=2, base_seconds=0.0))
    limit = a_limit(KEY, DOLLAR)
    return limited_tenant(limit, endpoints=endpoints, courses=(course,), failed_attempts=policy, **more)


def spent(line: Any) -> int:
    return line.doors.meters.spent(KEY, Window.DAILY, line.clock.wall())[0]


@pytest.mark.parametrize("policy", FailedAttempts)
@pytest.mark.parametrize("case", [*NOBODY_KNOWS, *NOTHING_DONE])
async def test_b13_what_a_failed_attempt_costs_is_what_the_tenant_says(case: str, policy: FailedAttempts) -> None:
    """The caller is told 502, 503 or 504 and has nothing: his tenant pays for what was sent only if it said so, and
    never where the provider has done nothing."""
    line = await a_limited_line(tenant=a_policed_tenant(policy))
    line.upstream.always = lambda _: (NOBODY_KNOWS | NOTHING_DONE)[case]
    assert (await line.post(CHAT, QUESTION)).status >= 429
    is_booked = policy is ESTIMATED and case in NOBODY_KNOWS
    for receipt in line.receipts:
        assert (receipt.usage.input_tokens, receipt.usage.output_tokens) == (ASKED if is_booked else 0, 0)
        assert receipt.cost_nano_usd == (ASKED * INPUT_NANO if is_booked else 0)
        assert receipt.estimated is is_booked
    assert spent(line) == sum(it.cost_nano_usd for it in line.receipts)
    line.assert_at_rest()


@pytest.mark.parametrize(("policy", "first"), [(REPORTED, 0), (ESTIMATED, ASKED * INPUT_NANO)])
async def test_b13_a_request_that_another_endpoint_answers_costs_the_sum(policy: FailedAttempts, first: int) -> None:
    line = await a_limited_line(tenant=a_policed_tenant(policy))
    line.upstream.will_play(NOBODY_KNOWS["lost before its head"], Script(200, JSON, (a_reply(10, 5),)))
    answered = await line.post(CHAT, QUESTION)
    assert answered.status == 200
    cost = first + 10 * INPUT_NANO + 5 * OUTPUT_NANO
    assert sum(it.cost_nano_usd for it in line.receipts) == cost == spent(line)
    assert answered.headers["x-gateway-cost-usd"] == dollars(cost)


@pytest.mark.parametrize("policy", FailedAttempts)
async def test_b13_what_a_provider_reported_before_it_failed_is_booked_by_either_policy(policy: FailedAttempts) -> None:
    begun = (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
        b'"content":[],"model":"m","usage":{"input_tokens":30,"output_tokens":1}}}\n\n',
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n',
    )
    tenant = limited_tenant(a_limit(KEY, DOLLAR), endpoints=(a_claude_endpoint(),), failed_attempts=policy)
    line = await a_limited_line(tenant=tenant)
    line.upstream.always = lambda _: Script(200, EVENTS, begun)
    model = a_claude_endpoint().models[0]
    await line.post(MESSAGES, a_body(100, model=model, stream=True))
    assert {it.usage.input_tokens for it in line.receipts} == {30}


@pytest.mark.parametrize("policy", FailedAttempts)
async def test_b13_what_the_caller_was_given_is_booked_by_either_policy(policy: FailedAttempts) -> None:
    line = await a_limited_line(tenant=a_policed_tenant(policy))
    line.upstream.always = lambda _: Script(200, EVENTS, (*chat_events("a", "b", "c")[:3], Broken("reset")))
    answered = await line.post(CHAT, STREAMED)
    assert answered.status == 200
    first = line.receipts[0]
    assert (first.usage.output_tokens, first.estimated) == (3, True)
    assert first.usage.input_tokens == -(-len(STREAMED) // 4)


@pytest.mark.parametrize(
    ("error", "owes"),
    [
        (Broken("reset"), True),
        (TooSlow("first byte"), True),
        (TooSlow("connect"), False),
        (CannotConnect("refused"), False),
        (EgressRefused("private"), False),
        (None, False),
    ],
)
def test_who_was_never_sent_anything_owes_nothing(error: UpstreamError | None, owes: bool) -> None:
    assert owes_estimate(ESTIMATED, None, error) is owes
    assert owes_estimate(REPORTED, None, error) is False


@pytest.mark.parametrize(("status", "owes"), [(200, True), (201, True), (400, False), (429, False), (503, False)])
def test_a_refusal_says_that_nothing_was_done(status: int, owes: bool) -> None:
    answer = ScriptedAnswer(Script(status), FakeClock())
    assert owes_estimate(ESTIMATED, answer) is owes
    assert owes_estimate(REPORTED, answer) is False
