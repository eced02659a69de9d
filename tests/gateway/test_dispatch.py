"""Attempts: what is sent with them, and how each ends. The dialogues with a caller are in test_line.py."""

import msgspec

from ai_gateway.domain.config import Timeouts
from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Outcome
from ai_gateway.gateway.dispatch import draining
from ai_gateway.runtime.tracing import span_id_of
from ai_gateway.runtime.upstream import CannotConnect
from support.builders import a_snapshot, a_tenant, an_endpoint
from support.line import BEARER, Line, a_line
from support.upstream import Pause
from support.wire import CHAT_BODY, CHAT_REPLY, CHAT_STREAM_BODY, chat_events

CHAT = "/v1/chat/completions"
TIMEOUTS = Timeouts(connect=3.0, first_token=20.0, between_tokens=7.0, response=40.0, total=100.0)


async def a_timed_line(timeouts: Timeouts = TIMEOUTS) -> Line:
    return await a_line(a_snapshot(a_tenant("t1", an_endpoint(timeouts=timeouts))))


async def test_a_unary_attempt_waits_for_a_response_and_a_stream_for_a_first_token() -> None:
    line = await a_timed_line()
    line.upstream.will_answer(CHAT_REPLY)
    line.upstream.will_stream(*chat_events("hi"))

    await line.post(CHAT, CHAT_BODY)
    await line.post(CHAT, CHAT_STREAM_BODY)

    assert [(it.connect_seconds, it.head_seconds) for it in line.upstream.sent] == [(3.0, 40.0), (3.0, 20.0)]


async def test_without_a_response_time_the_total_is_the_limit() -> None:
    line = await a_timed_line(msgspec.structs.replace(TIMEOUTS, response=None))
    line.upstream.will_answer(CHAT_REPLY)

    await line.post(CHAT, CHAT_BODY)

    assert line.upstream.sent[0].head_seconds == 100.0


async def test_no_wait_is_longer_than_what_is_left_of_the_total() -> None:
    line = await a_timed_line(msgspec.structs.replace(TIMEOUTS, total=2.0))
    line.upstream.will_answer(CHAT_REPLY)

    await line.post(CHAT, CHAT_BODY)

    assert (line.upstream.sent[0].connect_seconds, line.upstream.sent[0].head_seconds) == (2.0, 2.0)


async def test_the_span_that_went_upstream_is_the_attempts() -> None:
    line = await a_line()
    line.upstream.will_answer(CHAT_REPLY)
    span = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    await line.post(CHAT, CHAT_BODY, {**BEARER, "traceparent": span})

    sent = dict(line.upstream.sent[0].headers)["traceparent"].split("-")[2]
    assert sent == span_id_of(line.receipts[0].attempt_id)


async def test_without_a_trace_none_is_made_up() -> None:
    line = await a_line()
    line.upstream.will_answer(CHAT_REPLY)

    await line.post(CHAT, CHAT_BODY)

    assert "traceparent" not in dict(line.upstream.sent[0].headers)


async def test_the_board_learns_of_every_end() -> None:
    line = await a_line()
    line.upstream.will_answer(Pause(0.5), CHAT_REPLY)
    line.upstream.will_fail(CannotConnect("no"))
    line.upstream.will_answer(b'{"error":{"message":"bad","type":"invalid_request_error"}}', status=400)

    for _ in range(3):
        await line.post(CHAT, CHAT_BODY)

    standing = line.doors.board.of("pc_up-1")
    assert (standing.requests, standing.active, standing.errors) == (3, 0, 1)
    assert list(standing.latencies) == [500.0]
    assert [it.outcome for it in line.receipts] == [Outcome.OK, Outcome.PROVIDER_ERROR, Outcome.CLIENT_ERROR]


async def test_a_failure_says_which_endpoint_it_was_about() -> None:
    line = await a_line()
    line.upstream.will_fail(CannotConnect("no"))

    answered = await line.post(CHAT, CHAT_BODY)

    assert answered.headers["x-gateway-endpoint"] == "up-1"
    assert answered.headers["x-gateway-attempts"] == "1"


def test_draining_is_our_own_doing_and_worth_another_try() -> None:
    fault = draining()
    assert isinstance(fault, GatewayFault)
    assert (fault.status, fault.retryable, fault.retry_after_seconds) == (503, True, 1)
