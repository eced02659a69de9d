"""Dialogues with a caller whose stream broke in the middle: it comes to its whole end through another endpoint, or it
ends in the first fault's error event, and each attempt has its receipt. In virtual time, through the whole line."""

from collections import Counter

import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import OnStreamCut, Retries, Timeouts
from ai_gateway.domain.decisions import What
from ai_gateway.domain.traffic import Outcome
from ai_gateway.runtime.upstream import TooSlow
from gateway.survivors import (
    CHAT,
    MESSAGES,
    MESSAGES_STREAM_BODY,
    STREAM_BODY,
    World,
    a_speaker,
    a_world,
    all_again,
    body_of,
    claude_member,
    error,
    path_of,
    prefill_of,
    seen_by,
    streaming,
    the_rest,
    tier,
)
from providers.halves import TEXT, Seen, a_stream, chat_event, read
from simulation.cuts import (
    BETWEEN,
    CASES,
    CUT,
    DIALECTS,
    ERRORS,
    FORTY,
    MALFORMED,
    OPUS,
    PAIR,
    REFUSED,
    STALL,
    TIMEOUTS,
    Case,
    broken,
    play_case,
    random_cut,
)
from support.builders import CLAUDE
from support.upstream import Pause, Step

WHOLE = Seen(TEXT, "proper")


def ways(world: World) -> list[str]:
    return [it.reason.split(",")[0] for it in world.line.ended[-1].steps if it.what is What.CONTINUED]


PREFILLED = "the text so far ends the conversation"
STARTED_AGAIN = "the same request again"
ENDINGS = {"reset": (CUT,), "closed early": (b"",), "stall": (STALL,), "slow": (TooSlow("between bytes"),)}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS.keys())
@pytest.mark.parametrize("model", [CLAUDE, OPUS])
async def test_a_stream_that_breaks_comes_to_its_whole_end(
    dialect: Dialect, ending: tuple[Step, ...], model: str
) -> None:
    world = await a_world(tier(*(a_speaker(it, model, timeouts=TIMEOUTS) for it in PAIR)))
    world.providers.will("one", broken(dialect, *ending))
    world.providers.will("two", the_rest(dialect) if model == CLAUDE else all_again(dialect))

    assert await seen_by(world, dialect) == WHOLE
    assert ways(world) == [PREFILLED if model == CLAUDE else STARTED_AGAIN]
    timed_out = ending[0] in (STALL, ENDINGS["slow"][0])
    assert world.told == [("one", Outcome.TIMEOUT if timed_out else Outcome.CUT), ("two", Outcome.OK)]
    assert world.line.clock.now() == 1_000.0 + (BETWEEN if ending[0] is STALL else 0.0)
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_sends_bytes_and_no_event_has_stalled(dialect: Dialect) -> None:
    """A byte every five seconds is never silent for fifteen; the twentieth second is the first that is too late."""
    world = await a_world(tier(*(a_speaker(it, timeouts=TIMEOUTS) for it in PAIR)))
    world.providers.will("one", broken(dialect, *(Pause(5.0), b"d") * 40))
    world.providers.will("two", the_rest(dialect))

    assert await seen_by(world, dialect) == WHOLE
    assert world.told == [("one", Outcome.TIMEOUT), ("two", Outcome.OK)]
    assert world.line.clock.now() == 1_020.0
    world.assert_quiet()


async def test_a_large_event_that_keeps_coming_has_not_stalled() -> None:
    """30 kB at 1.2 kB a second, and comments, which are whole."""
    large = chat_event({"content": "x" * 30_000})
    parts = [large[at : at + 6_000] for at in range(0, len(large), 6_000)]
    slowly = [step for part in parts for step in (Pause(5.0), part)]
    comments = (Pause(10.0), b": wait\n\n") * 4
    first, *others = a_stream(Dialect.OPENAI)
    world = await a_world(tier(a_speaker("one", timeouts=TIMEOUTS)))
    world.providers.will("one", streaming(first, *slowly, *comments, *others))

    assert (await seen_by(world, Dialect.OPENAI)).end == "proper"
    assert world.told == [("one", Outcome.OK)]
    assert world.line.clock.now() >= 1_065.0


async def test_it_is_anthropics_own_api_that_is_asked_to_go_on() -> None:
    world = await a_world(tier(claude_member("one"), claude_member("two")))
    world.providers.will("one", broken(Dialect.ANTHROPIC))
    world.providers.will("two", the_rest(Dialect.ANTHROPIC))

    assert await seen_by(world, Dialect.ANTHROPIC) == WHOLE
    sent = world.line.upstream.sent[1]
    assert sent.path == "/v1/messages"
    assert TEXT.startswith(prefill_of(sent))
    assert len(prefill_of(sent)) > 200
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_error_event_in_the_middle_is_continued_too(dialect: Dialect) -> None:
    world = await a_world(tier(*map(a_speaker, PAIR)))
    world.providers.will("one", broken(dialect, ERRORS[dialect]))
    world.providers.will("two", the_rest(dialect))

    assert await seen_by(world, dialect) == WHOLE
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_who_is_alone_goes_on_itself_after_a_pause(dialect: Dialect) -> None:
    world = await a_world(tier(a_speaker("one")))
    world.providers.will("one", broken(dialect), the_rest(dialect))

    assert await seen_by(world, dialect) == WHOLE
    assert [it.what for it in world.line.ended[-1].steps] == [What.WAITED, What.CONTINUED]
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_fallback_that_refuses_prefill_is_asked_to_start_again(dialect: Dialect) -> None:
    """At once, and within the three attempts of the default: whoever broke is not asked a second time before it."""
    world = await a_world(tier(a_speaker("one")), tier(a_speaker("spare")))
    world.providers.will("one", broken(dialect))
    world.providers.will("spare", lambda request: REFUSED if prefill_of(request) else all_again(dialect))

    seen = await seen_by(world, dialect)

    assert seen == WHOLE
    assert ways(world) == [PREFILLED, STARTED_AGAIN]
    assert world.providers.asked == ["one", "spare", "spare"]
    assert world.line.clock.now() == 1_000.0
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_fallback_that_refuses_everything_leaves_the_first_fault(dialect: Dialect) -> None:
    world = await a_world(tier(a_speaker("one")), tier(a_speaker("spare")))
    world.providers.will("one", broken(dialect, ERRORS[dialect]), REFUSED)
    world.providers.will("spare", REFUSED)

    answered = await world.line.post(path_of(dialect), body_of(dialect))

    seen = read(dialect, answered.body)
    assert (seen.end, TEXT.startswith(seen.text), len(seen.text) > 200) == ("error", True, True)
    assert b'"category":"overloaded"' in answered.chunks[-1]
    assert b"prefill" not in answered.chunks[-1]
    assert world.line.ended[-1].fault is not None
    assert world.line.ended[-1].fault.category == "overloaded"
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_answer_that_differs_ends_in_the_first_fault_at_once(dialect: Dialect) -> None:
    """No other is started, and nobody waits for a chance that there is not."""
    world = await a_world(tier(*(a_speaker(it, OPUS) for it in PAIR)), retries=Retries(max_attempts=5))
    other = TEXT[:100].replace("word09", "WORD09") + TEXT[100:]
    world.providers.will("one", broken(dialect))
    world.providers.will("two", streaming(*a_stream(dialect, other, "2")))

    seen = await seen_by(world, dialect)

    assert seen.end == "error"
    assert TEXT.startswith(seen.text)
    assert world.told == [("one", Outcome.CUT), ("two", Outcome.CANCELLED)]
    assert world.line.receipts[1].usage.output_tokens > 0, "what was repeated was paid for"
    assert world.breaker("two").failures == 0
    assert world.line.clock.now() == 1_000.0
    assert What.WAITED not in [it.what for it in world.line.ended[-1].steps]
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_breaks_after_something_failed_unseen_tells_why_the_stream_ended(dialect: Dialect) -> None:
    world = await a_world(tier(*(a_speaker(it, OPUS) for it in PAIR)), retries=Retries(max_attempts=2))
    world.providers.will("one", error(529, "overloaded_error"))
    world.providers.will("two", broken(dialect))

    answered = await world.line.post(path_of(dialect), body_of(dialect))

    assert b"The connection to the AI provider broke." in answered.chunks[-1]
    assert answered.headers["x-gateway-attempts"] == "2"
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_where_a_route_says_error_a_cut_is_one(dialect: Dialect) -> None:
    world = await a_world(tier(*map(a_speaker, PAIR)), on_stream_cut=OnStreamCut.ERROR)
    world.providers.will("one", broken(dialect))

    assert (await seen_by(world, dialect)).end == "error"
    assert world.providers.asked == ["one"]
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_continuation_that_breaks_is_continued(dialect: Dialect) -> None:
    again = a_stream(dialect, serial="2")
    world = await a_world(tier(*(a_speaker(it, OPUS) for it in PAIR)), retries=Retries(max_attempts=4))
    world.providers.will("one", broken(dialect, events=20), streaming(*again[:FORTY], CUT))
    world.providers.will("two", streaming(*again[:10], CUT), all_again(dialect, "3"))

    assert await seen_by(world, dialect) == WHOLE
    assert world.providers.asked[:2] == ["one", "two"]
    assert [it.outcome for it in world.line.receipts] == [Outcome.CUT] * 3 + [Outcome.OK]
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_malformed_event_is_left_out_and_a_missing_end_is_added(dialect: Dialect) -> None:
    events = a_stream(dialect)
    world = await a_world(tier(a_speaker("one")))
    world.providers.will("one", streaming(*events[:10], MALFORMED, *events[10:-1]))

    assert await seen_by(world, dialect) == WHOLE
    assert world.told == [("one", Outcome.OK)]
    world.assert_quiet()


async def test_what_cannot_be_continued_ends_in_its_fault() -> None:
    """Half a call of a tool cannot be joined to half of another."""
    call = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a"'}}]}
    world = await a_world(tier(*map(a_speaker, PAIR)))
    world.providers.will("one", streaming(*a_stream(Dialect.OPENAI)[:3], chat_event(call), CUT))

    assert (await seen_by(world, Dialect.OPENAI)).end == "error"
    assert world.providers.asked == ["one"]
    world.assert_quiet()


async def test_both_halves_are_booked_as_what_they_were() -> None:
    """The first tells its input at its start and is cut before its output was told: what was delivered is its floor.
    The second has its own report."""
    world = await a_world(tier(claude_member("one"), claude_member("two")))
    world.providers.will("one", broken(Dialect.ANTHROPIC))
    world.providers.will("two", the_rest(Dialect.ANTHROPIC))

    await world.line.post(MESSAGES, MESSAGES_STREAM_BODY)

    first, second = world.line.receipts
    assert (first.usage.input_tokens, first.usage.output_tokens) == (9, FORTY)
    assert (second.usage.input_tokens, second.usage.output_tokens) == (9, 60)
    assert first.attempt_id != second.attempt_id
    assert world.line.doors.meters.open_holds == 0


async def test_the_time_of_a_continued_stream_is_bounded_by_the_request() -> None:
    """Every attempt stalls: 15 s each, and the whole request 40 s."""
    short = Timeouts(first_token=15.0, between_tokens=15.0, total=40.0)
    pair = (a_speaker(it, OPUS, timeouts=short) for it in PAIR)
    world = await a_world(tier(*pair), retries=Retries(max_attempts=9), total_seconds=40.0)
    for name in PAIR:
        world.providers.will(name, broken(Dialect.OPENAI, STALL))

    assert (await seen_by(world, Dialect.OPENAI)).end == "error"
    assert world.line.clock.now() <= 1_040.0
    assert len(world.line.receipts) == 3
    world.assert_quiet()


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("batch", range(5))
async def test_a_thousand_random_cuts_truncate_nothing_and_repeat_nothing(dialect: Dialect, batch: int) -> None:
    """A hundred each; `python -m simulation.cuts` prints what they come to."""
    told = [await random_cut(dialect, seed) for seed in range(batch * 100, batch * 100 + 100)]
    ends = Counter(it.end for it in told)
    assert set(ends) <= {"whole", "error", "refused"}
    assert ends["whole"] > 20
    assert ends["error"] > 10
    assert max(it.seconds for it in told) <= TIMEOUTS.total
    assert max(it.attempts for it in told) <= 5


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
async def test_the_cases_that_are_printed_end_as_they_should(case: Case, dialect: Dialect) -> None:
    assert (await play_case(case, dialect)).end == ("error" if "nobody goes on" in case.name else "whole")


async def test_a_caller_of_one_request_sees_one_stream() -> None:
    """The head is sent once, by the endpoint that began, and it is one completion."""
    world = await a_world(tier(*map(a_speaker, PAIR)))
    world.providers.will("one", broken(Dialect.OPENAI))
    world.providers.will("two", the_rest(Dialect.OPENAI))

    answered = await world.line.post(CHAT, STREAM_BODY)

    assert (answered.headers["x-gateway-endpoint"], answered.headers["x-gateway-attempts"]) == ("one", "1")
    assert b"chat-2" not in answered.body
