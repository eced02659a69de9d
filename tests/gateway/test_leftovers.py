"""B-11, B-13, B-14: what a caller who leaves owes, and what his provider's last word is worth."""

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.config import OnDisconnect
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.gateway.leftovers import LeftoverLimits, Leftovers
from ai_gateway.runtime.upstream import Broken
from support.builders import CLAUDE, a_candidate, a_claude_endpoint, a_course, a_snapshot, a_tenant, an_endpoint
from support.line import Line, a_line
from support.upstream import EVENTS, JSON, Gate, Pause, Script, Step
from support.wire import chat_events, message_events

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
BODY = b'{"model":"fast","stream":true,"messages":[{"role":"user","content":"hi"}]}'
CLAUDE_BODY = b'{"model":"calm","stream":true,"max_tokens":50,"messages":[{"role":"user","content":"hi"}]}'
WORDS = tuple("abcdefghij")


async def a_line_that(on_disconnect: OnDisconnect, **changes: Any) -> Line:
    calm = a_course("calm", a_candidate(a_claude_endpoint(), CLAUDE), on_disconnect=on_disconnect)
    courses = (a_course("fast", on_disconnect=on_disconnect), calm)
    return await a_line(a_snapshot(a_tenant("t1", an_endpoint(), a_claude_endpoint(), courses=courses)), **changes)


async def leave_after(line: Line, heard: int, *steps: Step, path: str = CHAT, body: bytes = BODY) -> Receipt:
    """The caller hears so many events and leaves; the provider then goes on with what is left of the script."""
    gate = Gate()
    line.upstream.will_play(Script(200, EVENTS, (*steps[:heard], gate, *steps[heard:])))
    visit = line.visit(path, body).start(line.app)
    await gate.reached()
    visit.leave()
    gate.open()
    await visit.end()
    line.assert_at_rest()
    (receipt,) = line.receipts
    assert receipt.outcome is Outcome.CANCELLED
    return receipt


async def test_a_stream_that_is_heard_out_is_billed_as_its_provider_says() -> None:
    line = await a_line_that(OnDisconnect.DRAIN)
    receipt = await leave_after(line, 4, *chat_events(*WORDS))
    assert (receipt.usage.input_tokens, receipt.usage.output_tokens, receipt.estimated) == (12, 3, False)
    assert receipt.delivered_tokens == 3  # of the four events, never more than was paid


async def test_one_that_is_hung_up_on_is_estimated_and_says_what_was_delivered() -> None:
    line = await a_line_that(OnDisconnect.CANCEL)
    receipt = await leave_after(line, 4, *chat_events(*WORDS))
    assert (receipt.usage.output_tokens, receipt.estimated, receipt.delivered_tokens) == (4, True, 4)


async def test_a_whole_answer_says_nothing_of_delivery() -> None:
    line = await a_line_that(OnDisconnect.DRAIN)
    line.upstream.will_play(Script(200, EVENTS, tuple(chat_events("a"))))
    await line.post(CHAT, BODY)
    assert [it.delivered_tokens for it in line.receipts] == [None]


@pytest.mark.parametrize("end", [Pause(5.1), Broken("gone")], ids=["silent", "broken"])
async def test_a_provider_that_says_no_more_is_not_waited_for(end: Step) -> None:
    line = await a_line_that(OnDisconnect.DRAIN)
    receipt = await leave_after(line, 2, *chat_events(*WORDS)[:5], end)
    assert (receipt.usage.output_tokens, receipt.estimated, receipt.delivered_tokens) == (5, True, 2)


async def test_no_more_than_so_many_tokens_are_heard_out() -> None:
    line = await a_line_that(OnDisconnect.DRAIN, leftovers=Leftovers(LeftoverLimits(tokens=3)))
    receipt = await leave_after(line, 2, *chat_events(*WORDS))
    assert (receipt.usage.output_tokens, receipt.delivered_tokens) == (5, 2)


async def test_no_more_than_so_many_at_once_are_heard_out() -> None:
    leftovers = Leftovers(LeftoverLimits(at_once=0))
    receipt = await leave_after(await a_line_that(OnDisconnect.DRAIN, leftovers=leftovers), 2, *chat_events(*WORDS))
    assert (receipt.usage.output_tokens, receipt.delivered_tokens) == (2, 2)
    assert leftovers.running == 0


@pytest.mark.parametrize("on_disconnect", list(OnDisconnect))
@pytest.mark.parametrize("heard", range(1, len(WORDS) + 1))
async def test_b11_who_leaves_pays_for_what_his_provider_has_metered(heard: int, on_disconnect: OnDisconnect) -> None:
    """The meter: 12 tokens in, and a token for every event that was sent by the time the provider noticed."""
    line = await a_line_that(on_disconnect)
    receipt = await leave_after(line, heard, *chat_events(*WORDS, usage=False)[: len(WORDS)])
    metered = heard if on_disconnect is OnDisconnect.CANCEL else len(WORDS)
    assert receipt.usage.input_tokens >= 12
    assert receipt.cost_nano_usd >= 0.95 * (12 * 150 + metered * 600)
    assert receipt.delivered_tokens == heard


@pytest.mark.parametrize("on_disconnect", list(OnDisconnect))
async def test_b14_the_placeholder_at_the_start_of_a_message_is_not_its_end(on_disconnect: OnDisconnect) -> None:
    """message_start says output_tokens 1; its caller leaves after four more words, and nobody says the end."""
    line = await a_line_that(on_disconnect)
    events = message_events(*WORDS)[:5]
    receipt = await leave_after(line, 5, *events, path=MESSAGES, body=CLAUDE_BODY)
    assert receipt.usage.input_tokens == 12
    assert (receipt.usage.output_tokens, receipt.estimated) == (5, True)


async def test_b14_heard_to_its_end_the_last_report_wins() -> None:
    line = await a_line_that(OnDisconnect.DRAIN)
    receipt = await leave_after(line, 2, *message_events(*WORDS), path=MESSAGES, body=CLAUDE_BODY)
    assert (receipt.usage.input_tokens, receipt.usage.output_tokens, receipt.estimated) == (12, 3, False)


FAILED = b'{"error":{"message":"no"}}'
REPORT = {"id": "c", "object": "chat.completion", "usage": {"prompt_tokens": 12, "completion_tokens": 3}}
_NO_PAYLOAD = Script(200, JSON, (msgspec.json.encode({"error": {"message": "no"}}),))
_NOT_STREAMED = Script(
    200,
    JSON,
    (msgspec.json.encode(REPORT | {"choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}}]}),),
)


@pytest.mark.parametrize(
    ("script", "cost"),
    [
        (Script(503, JSON, (FAILED,)), 0),
        (Script(500, JSON, (FAILED,)), 0),
        (_NO_PAYLOAD, 0),
        (Script(200, EVENTS, ()), 0),
        (_NOT_STREAMED, 12 * 150 + 3 * 600),
    ],
    ids=["503", "500", "no payload", "empty stream", "answered and reported, and not what was asked for"],
)
async def test_b13_a_failure_that_its_caller_is_told_of_costs_what_the_provider_bills(
    script: Script, cost: int
) -> None:
    line = await a_line_that(OnDisconnect.CANCEL)
    line.upstream.will_play(script)
    assert (await line.post(CHAT, BODY)).status == 502
    assert [it.cost_nano_usd for it in line.receipts] == [cost]
