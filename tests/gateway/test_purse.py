"""Streams that are paid for in steps, alone and through the whole line."""

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.budgets import Mode, Unit
from ai_gateway.domain.traffic import Outcome
from ai_gateway.gateway.funding import STEP_TOKENS
from ai_gateway.gateway.purse import Purse, Steps
from ai_gateway.policy.pricing import dollars
from gateway.budgets import CHAT, DOLLAR, KEY, OUTPUT_NANO, a_body, a_limit, a_limited_line, worst_of
from support.line import Line
from support.upstream import EVENTS, Script
from support.wire import chat_events

BODY = a_body(4_000, stream=True)
WORDS = 3_000


def test_a_purse_grows_when_half_of_a_step_is_used_and_is_empty_at_the_end_of_the_last() -> None:
    asked: list[int] = []
    purse = Purse(Steps(100, 7), lambda steps: asked.append(purse.tokens) is None and len(asked) < 3)
    for events in range(1, 400):
        purse.note(events, b"x" * 40)
        if purse.is_empty:
            break
    assert asked[:2] == [50, 150]
    assert purse.tokens == 300  # two more steps were granted, and the third is refused from 250 on
    assert len(asked) > 3  # it asked again, because others may have settled


def test_events_of_many_tokens_are_counted_by_their_bytes() -> None:
    purse = Purse(Steps(100, 7), lambda _: False)
    purse.note(1, b"x" * 100)
    purse.note(2, b"x" * 500)
    assert purse.tokens == 100  # (600 - 2 * 100) / 4
    assert purse.is_empty


async def a_stream_line(amount: int, unit: Unit = Unit.USD) -> Line:
    line = await a_limited_line(a_limit(KEY, amount, unit=unit, mode=Mode.EXTEND))
    line.upstream.will_play(Script(200, EVENTS, tuple(chat_events(*(["word"] * WORDS)))))
    return line


def events_of(body: bytes) -> list[Any]:
    lines = [line.removeprefix(b"data: ") for line in body.split(b"\n\n") if line]
    return [it if it == b"[DONE]" else msgspec.json.decode(it) for it in lines]


async def test_a_stream_is_held_in_steps_and_extended_while_it_comes() -> None:
    line = await a_stream_line(DOLLAR)
    holds: list[int] = []
    line.upstream.asked = lambda request: holds.extend(it.worst_nano for it, _ in line.doors.journal.running())
    answered = await line.post(CHAT, BODY)
    assert answered.status == 200
    assert holds == [worst_of(BODY, STEP_TOKENS)]
    assert events_of(answered.body)[-1] == b"[DONE]"
    (receipt,) = line.receipts
    assert receipt.outcome is Outcome.OK
    line.assert_at_rest()


@pytest.mark.parametrize("steps", [1, 2])
async def test_a_refused_extension_ends_the_stream_as_a_cap_would_and_says_why(steps: int) -> None:
    """The limit has room for so many steps and a little: the answer has their tokens, and nothing is passed."""
    amount = worst_of(BODY, steps * STEP_TOKENS) + 100
    line = await a_stream_line(amount)
    answered = await line.post(CHAT, BODY)
    *chunks, last, done = events_of(answered.body)

    assert (answered.status, answered.whole, done) == (200, True, b"[DONE]")
    assert last["choices"] == [{"index": 0, "delta": {}, "finish_reason": "length"}]
    assert last["gateway"]["notice"]["code"] == "budget_exceeded"
    assert last["id"] == chunks[0]["id"]
    assert len(chunks) == steps * STEP_TOKENS
    (receipt,) = line.receipts
    assert (receipt.outcome, receipt.estimated, receipt.usage.output_tokens) == (Outcome.CANCELLED, True, len(chunks))
    assert line.doors.meters.spent(KEY, a_limit(KEY, 1).window, line.clock.wall())[0] <= amount
    assert receipt.cost_nano_usd >= len(chunks) * OUTPUT_NANO
    line.assert_at_rest()


async def test_who_asked_for_usage_reads_what_the_short_answer_cost() -> None:
    body = a_body(4_000, stream=True, stream_options={"include_usage": True})
    line = await a_limited_line(a_limit(KEY, worst_of(body, STEP_TOKENS) + 100, mode=Mode.EXTEND))
    line.upstream.will_play(Script(200, EVENTS, tuple(chat_events(*(["word"] * WORDS)))))
    answered = await line.post(CHAT, body)
    *_, last, told, done = events_of(answered.body)

    assert (last["choices"][0]["finish_reason"], done) == ("length", b"[DONE]")
    (receipt,) = line.receipts
    usage = receipt.usage
    assert told["choices"] == []
    assert (told["usage"]["prompt_tokens"], told["usage"]["completion_tokens"]) == (usage.input_tokens, STEP_TOKENS)
    assert told["usage"]["gateway"] == {"cost_usd": dollars(receipt.cost_nano_usd)}


async def test_what_does_not_have_a_step_is_refused() -> None:
    line = await a_stream_line(worst_of(BODY, STEP_TOKENS) - 1)
    assert (await line.post(CHAT, BODY)).status == 402
