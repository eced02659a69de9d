"""B-11 to B-14: what a caller who leaves owes, and what his provider's last word is worth."""

import itertools
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.config import OnDisconnect, QueueLimits, RateLimits
from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.gateway.leftovers import LeftoverLimits, Leftovers
from ai_gateway.runtime.segments import JournalSize
from ai_gateway.runtime.upstream import Broken
from support.builders import (
    CLAUDE,
    a_book,
    a_candidate,
    a_claude_endpoint,
    a_course,
    a_price,
    a_snapshot,
    a_tenant,
    a_tier,
    an_endpoint,
)
from support.clock import FakeClock
from support.journal import a_journal
from support.line import Line, a_line
from support.turns import settle
from support.upstream import EVENTS, JSON, Gate, Pause, Script, ScriptedAnswer, Step
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


@pytest.mark.parametrize(
    ("path", "body", "events"),
    [(CHAT, BODY, chat_events(*WORDS[:4])), (MESSAGES, CLAUDE_BODY, message_events(*WORDS[:4]))],
    ids=["chat", "messages"],
)
@pytest.mark.parametrize("on_disconnect", list(OnDisconnect))
async def test_b11_who_leaves_after_any_byte_pays_for_what_his_provider_has_metered(
    path: str, body: bytes, events: list[bytes], on_disconnect: OnDisconnect
) -> None:
    """The meter: 12 tokens in, and a token for every word of which a byte was sent, also if its event is not whole. Who
    is heard out to the end pays what the provider says, whenever he left; before the first event nobody is."""
    line = await a_line_that(on_disconnect, journal=a_journal(size=JournalSize(segment_bytes=8 << 20)))
    stream = b"".join(events)
    begins = itertools.accumulate(map(len, events), initial=0)
    first_bytes = [at for at, it in zip(begins, events, strict=False) if any(f'"{w}"'.encode() in it for w in WORDS)]
    assert len(first_bytes) == 4
    before_the_end = len(stream) - len(events[-1])
    for sent in range(1, before_the_end + 1):
        gate = Gate()
        line.upstream.will_play(Script(200, EVENTS, (stream[:sent], gate, stream[sent:])))
        visit = line.visit(path, body).start(line.app)
        await gate.reached()
        visit.leave()
        gate.open()
        await visit.end()
        receipt = line.receipts[-1]
        is_hung_up_on = on_disconnect is OnDisconnect.CANCEL or receipt.delivered_tokens is None
        metered = sum(it < sent for it in first_bytes) if is_hung_up_on else 3
        assert receipt.outcome is Outcome.CANCELLED
        assert receipt.cost_nano_usd >= 0.95 * (12 * 150 + metered * 600), (sent, metered, receipt.usage)
    assert len(line.receipts) == before_the_end
    line.assert_at_rest()


@pytest.mark.parametrize("heard", [1, 2, 9])
async def test_b12_an_estimate_is_never_more_than_was_held(heard: int) -> None:
    """The question is free, and the answer may have 3 tokens: a provider that sends more events than that, and no
    report, is believed in 3."""
    prices = a_book(a_price(input_pico=0))
    line = await a_line(a_snapshot(a_tenant("t1", an_endpoint(), courses=(a_course("fast"),), prices=prices)))
    body = BODY.replace(b'"stream"', b'"max_tokens":3,"stream"')
    held: list[int] = []
    line.upstream.asked = lambda request: held.extend(it.worst_nano for it, _ in line.doors.journal.running())
    receipt = await leave_after(line, heard, *chat_events(*WORDS), body=body)
    assert held == [3 * 600]
    assert (receipt.cost_nano_usd, receipt.estimated) == (min(heard, 3) * 600, True)


async def test_b12_a_whole_answer_without_a_report_is_estimated_within_what_was_held() -> None:
    line = await a_line_that(OnDisconnect.CANCEL)
    reply = {"id": "c", "object": "chat.completion", "choices": [{"index": 0, "message": {"content": "x " * 500}}]}
    line.upstream.will_play(Script(200, JSON, (msgspec.json.encode(reply),)))
    await line.post(CHAT, BODY.replace(b'"stream":true', b'"max_tokens":3'))
    assert [(it.usage.output_tokens, it.estimated) for it in line.receipts] == [(3, True)]


@pytest.mark.parametrize("on_disconnect", list(OnDisconnect))
async def test_b12_a_caller_who_leaves_before_anything_was_sent_owes_nothing(on_disconnect: OnDisconnect) -> None:
    """He waits for a place, and is gone before there is one."""
    one = an_endpoint(rate_limits=RateLimits(max_concurrent=1))
    tier = a_tier(a_candidate(one), pool="fast", queue=QueueLimits(max_waiting=10, timeout_seconds=60.0))
    course = a_course("fast", tiers=(tier,), on_disconnect=on_disconnect)
    line, gate = await a_line(a_snapshot(a_tenant("t1", one, courses=(course,)))), Gate()
    line.upstream.will_play(Script(200, EVENTS, (gate, *chat_events("a"))))
    first = line.visit(CHAT, BODY).start(line.app)
    await gate.reached()
    second = line.visit(CHAT, BODY).start(line.app)
    await settle()
    second.leave()
    gate.open()
    await first.end()
    await second.end()
    assert [it.outcome for it in line.receipts] == [Outcome.OK]
    line.assert_at_rest()


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


class Forbidden:
    """A stream in which a rule blocks every event."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []

    @property
    def delivered_events(self) -> int:
        return len(self.heard)

    @property
    def is_over(self) -> bool:
        return len(self.heard) == 2

    def feed(self, chunk: bytes) -> bytes:
        self.heard.append(chunk)
        raise Blocked


async def test_what_a_rule_blocks_is_heard_out_all_the_same() -> None:
    clock = FakeClock()
    streaming = Forbidden()
    answer = ScriptedAnswer(Script(200, EVENTS, (b"one", b"two", b"three")), clock)
    await Leftovers().hear_out(streaming, answer, clock)
    assert streaming.heard == [b"one", b"two"]
