"""Dialogues with a caller whose providers break: the answer comes to its whole end, or ends in the first fault's error
event. Never is a word said twice, and never does a part look like the whole. In virtual time."""

from collections.abc import Callable, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Usage
from ai_gateway.domain.config import Candidate, OnStreamCut, ProviderType
from ai_gateway.domain.faults import ContentFiltered, Fault, GatewayFault, InvalidRequest, ProviderFailed
from ai_gateway.domain.traffic import Shaped
from ai_gateway.gateway import answers, relay
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.continuing import Rescue, rescue_for
from ai_gateway.gateway.marks import Marks
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.continuation import Way
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.upstream import Broken, TooSlow, UpstreamError
from providers.halves import TEXT, Seen, a_call, a_stream, read, text_delta
from support.builders import a_candidate, an_endpoint
from support.clock import FakeClock
from support.upstream import EVENTS, Pause, Script, ScriptedAnswer, Step
from support.wire import CHAT_ERROR_EVENT, MESSAGES_ERROR_EVENT, cut_anywhere

DIALECTS = [Dialect.OPENAI, Dialect.ANTHROPIC]
HAIKU, OPUS = "claude-haiku-4-5", "claude-opus-4-6"
CUT = Broken("reset")
STALL = Pause(9_999)
FIRST_SECONDS, BETWEEN_SECONDS = 30.0, 15.0
MALFORMED = b'data: {"choices":[{"del\n\n'
ERRORS = {Dialect.OPENAI: CHAT_ERROR_EVENT, Dialect.ANTHROPIC: MESSAGES_ERROR_EVENT}

Play = Callable[[Shaped], Sequence[Step] | Fault]
"""What a provider does with the request that it gets; a Fault is a refusal before its stream."""


class Told(NamedTuple):
    """What the caller read, how the attempts were made, and what each of them used."""

    seen: Seen
    ways: list[Way | None]
    usages: list[Usage | None]
    events: list[int]
    seconds: float


async def tell(dialect: Dialect, *plays: Play, model: str = OPUS, on_cut: OnStreamCut = OnStreamCut.CONTINUE) -> Told:
    """One request with as many attempts as there are plays, as the attempts loop makes them."""
    call = a_call(dialect)
    rescue = rescue_for(on_cut, call)
    codec = KINDS[ProviderType.MOCK].codecs[dialect]
    candidate = a_claude(model)
    clock = FakeClock()
    sent: list[bytes] = []
    client = Client({"type": "http"}, _receive, _send_to(sent))
    told = Told(Seen("", "open"), [], [], [], 0.0)
    started = clock.now()
    deadlines = SimpleNamespace(
        first=lambda: started + FIRST_SECONDS - clock.now(), between=lambda: BETWEEN_SECONDS, left=lambda: 600.0
    )
    first: Fault | None = None
    for play in plays:
        way = rescue.way_on(candidate) if rescue is not None and client.answered else None
        if client.answered and way is None:
            break
        told.ways.append(None if way is None else way.way)
        started = clock.now()
        played = play(call if way is None else way.shaped)
        streaming = relay.Streaming(
            ScriptedAnswer(Script(200, EVENTS, () if isinstance(played, Fault) else played), clock),
            codec,
            call,
            lambda error: classify(ProviderType.MOCK, error),
            deadlines,
            marks=Marks(clock, lambda: None),
            delivered=None if rescue is None else rescue.delivered,
            continuation=way,
        )
        why: Fault | relay.Diverged | None
        try:
            if isinstance(played, Fault):
                raise played
            await streaming.begin()
            await streaming.carry(client, (), _book)
            why = None
        except (Fault, relay.Diverged) as ending:
            why = ending
        except UpstreamError as error:
            why = ProviderFailed(detail=str(error))
        told.usages.append(streaming.usage)
        told.events.append(streaming.delivered_events)
        if why is None:
            break
        if way is not None and rescue is not None:
            rescue.came_to_nothing(way, candidate.model, why)
        if isinstance(why, Fault):
            first = first or (why if client.answered else None)
            if client.answered and way is None and (rescue is None or not rescue.broke(why)):
                break
    else:
        why = first
    if first is not None and why is not None:
        await client.finish(answers.event_of(first, dialect, "req_1"))
    return told._replace(seen=read(dialect, b"".join(sent)), seconds=clock.now() - 1_000.0)


def a_claude(model: str) -> Candidate:
    return a_candidate(an_endpoint(provider=ProviderType.MOCK, models=(model,)), model)


async def _receive() -> dict[str, Any]:
    raise AssertionError("the body was read")


def _send_to(sent: list[bytes]) -> Callable[[dict[str, Any]], Any]:
    async def send(message: dict[str, Any]) -> None:
        sent.append(message.get("body", b""))

    return send


async def _book() -> None:
    return None


def plays(*body: Step) -> Play:
    return lambda asked: body


def refuses(fault: Fault) -> Play:
    return lambda asked: fault


def given(asked: Shaped) -> str:
    """The prefill of a request."""
    last = msgspec.json.decode(asked.fields["messages"])[-1]
    return last["content"] if last["role"] == "assistant" else ""


def says_the_rest(dialect: Dialect) -> Play:
    return lambda asked: a_stream(dialect, TEXT[len(given(asked)) :], "2")


def begins_again(dialect: Dialect) -> Play:
    return plays(*a_stream(dialect, serial="2"))


FORTY = 43
"""Events: some forty pieces of text, after what comes before them."""


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("ending", [(CUT,), (), (STALL,)], ids=["reset", "closed early", "stall"])
@pytest.mark.parametrize("model", [HAIKU, OPUS])
async def test_a_stream_that_breaks_is_continued_to_its_whole_end(
    dialect: Dialect, ending: tuple[Step, ...], model: str
) -> None:
    second = says_the_rest(dialect) if model == HAIKU else begins_again(dialect)
    told = await tell(dialect, plays(*a_stream(dialect)[:FORTY], *ending), second, model=model)
    assert told.seen == (TEXT, "proper", ())
    assert told.ways == [None, Way.PREFILL if model == HAIKU else Way.RESTART]
    assert told.seconds == (BETWEEN_SECONDS if ending == (STALL,) else 0.0)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_error_event_in_the_middle_is_continued_too(dialect: Dialect) -> None:
    told = await tell(dialect, plays(*a_stream(dialect)[:FORTY], ERRORS[dialect]), begins_again(dialect))
    assert told.seen == (TEXT, "proper", ())


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_error_event_before_the_first_word_moves_on_unseen(dialect: Dialect) -> None:
    told = await tell(dialect, plays(b": hi\n\n", ERRORS[dialect]), begins_again(dialect))
    assert told.seen == (TEXT, "proper", ())
    assert told.ways == [None, None]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_malformed_event_is_left_out_and_a_missing_end_is_added(dialect: Dialect) -> None:
    events = a_stream(dialect)
    told = await tell(dialect, plays(*events[:10], MALFORMED, *events[10:-1]))
    assert told.seen == (TEXT, "proper", ())


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("ending", [CUT, STALL], ids=["reset", "stall"])
async def test_an_answer_that_was_finished_is_whole_however_its_connection_ends(dialect: Dialect, ending: Step) -> None:
    told = await tell(dialect, plays(*a_stream(dialect)[:-1], ending))
    assert told.seen == (TEXT, "proper", ())


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_fallback_that_refuses_prefill_is_asked_to_start_again(dialect: Dialect) -> None:
    refusal = refuses(InvalidRequest("This model does not support assistant message prefill."))
    told = await tell(dialect, plays(*a_stream(dialect)[:FORTY], CUT), refusal, begins_again(dialect), model=HAIKU)
    assert told.ways == [None, Way.PREFILL, Way.RESTART]
    assert told.seen == (TEXT, "proper", ())


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_fallback_that_refuses_everything_leaves_the_first_fault(dialect: Dialect) -> None:
    refusal = refuses(InvalidRequest("This model does not support assistant message prefill."))
    told = await tell(dialect, plays(*a_stream(dialect)[:FORTY], CUT), refusal, refusal, refusal, model=HAIKU)
    assert told.seen.end == "error"
    assert TEXT.startswith(told.seen.text)
    assert told.ways == [None, Way.PREFILL, Way.RESTART]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_answer_that_differs_is_given_up_at_its_first_other_letter_and_no_other_is_started(
    dialect: Dialect,
) -> None:
    other = a_stream(dialect, TEXT[:100].replace("word09", "WORD09") + TEXT[100:], "2")
    told = await tell(dialect, plays(*a_stream(dialect)[:FORTY], CUT), plays(*other), begins_again(dialect))
    assert told.seen.end == "error"
    assert told.ways == [None, Way.RESTART]
    assert 0 < told.events[1] < 20


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_continuation_that_breaks_is_continued(dialect: Dialect) -> None:
    again = a_stream(dialect, serial="2")
    told = await tell(
        dialect,
        plays(*a_stream(dialect)[:20], CUT),
        plays(*again[:10], CUT),  # before the halves have met
        plays(*again[:FORTY], CUT),
        begins_again(dialect),
    )
    assert told.seen == (TEXT, "proper", ())
    assert told.ways == [None, Way.RESTART, Way.RESTART, Way.RESTART]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_each_attempt_has_its_own_usage_and_pays_for_what_it_repeated(dialect: Dialect) -> None:
    told = await tell(dialect, plays(*a_stream(dialect)[:FORTY], CUT), begins_again(dialect))
    assert told.events[0] == FORTY
    assert told.events[1] == len(a_stream(dialect)) - 1  # the end is none
    if dialect is Dialect.ANTHROPIC:
        assert told.usages == [Usage(input_tokens=9, output_tokens=0), Usage(input_tokens=9, output_tokens=60)]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_slow_repetition_is_measured_by_its_silences(dialect: Dialect) -> None:
    """Forty events, two seconds each, are more than a first token may take, and less than any silence."""
    slow = [step for event in a_stream(dialect, serial="2") for step in (Pause(2.0), event)]
    told = await tell(dialect, plays(*a_stream(dialect)[:FORTY], CUT), plays(*slow))
    assert told.seen == (TEXT, "proper", ())


async def test_a_second_half_that_breaks_its_own_form_after_they_met_has_diverged() -> None:
    again = a_stream(Dialect.ANTHROPIC, serial="2")
    first = plays(*a_stream(Dialect.ANTHROPIC)[:FORTY], CUT)
    odd = plays(*again[:-2], text_delta(" and more"), *again[-2:])
    told = await tell(Dialect.ANTHROPIC, first, odd, begins_again(Dialect.ANTHROPIC))
    assert told.seen == (TEXT, "error", ())
    assert told.ways == [None, Way.RESTART]


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_where_a_cut_is_an_error_nothing_is_kept_or_tried(dialect: Dialect) -> None:
    first = plays(*a_stream(dialect)[:FORTY], CUT)
    told = await tell(dialect, first, begins_again(dialect), on_cut=OnStreamCut.ERROR)
    assert (told.seen.end, told.ways) == ("error", [None])
    assert rescue_for(OnStreamCut.ERROR, a_call(dialect)) is None


def a_rescue(events: int = FORTY) -> Rescue:
    rescue = rescue_for(OnStreamCut.CONTINUE, a_call(Dialect.ANTHROPIC))
    assert rescue is not None
    for event in a_stream(Dialect.ANTHROPIC)[:events]:
        rescue.delivered.keep(event)
    return rescue


@pytest.mark.parametrize(
    ("fault", "goes_on"),
    [(ProviderFailed(), True), (InvalidRequest(), False), (ContentFiltered(), False), (GatewayFault(), False)],
)
def test_what_no_other_endpoint_does_better_is_final(fault: Fault, goes_on: bool) -> None:
    assert a_rescue().broke(fault) is goes_on


def test_the_first_fault_is_the_one_that_is_told() -> None:
    rescue = a_rescue()
    first = ProviderFailed("first")
    rescue.broke(first)
    rescue.broke(ProviderFailed("second"))
    assert rescue.first is first


def test_an_answer_that_cannot_be_continued_has_no_way_on() -> None:
    rescue = a_rescue()
    rescue.delivered.keep(b"data: {\n\n")
    assert not rescue.broke(ProviderFailed())
    assert rescue.way_on(a_claude(HAIKU)) is None


def test_ways_are_lost_by_what_they_come_to() -> None:
    rescue = a_rescue()

    def way(model: str = HAIKU) -> Way | None:
        continuation = rescue.way_on(a_claude(model))
        return None if continuation is None else continuation.way

    def lose(why: Fault | relay.Diverged, model: str = HAIKU) -> None:
        continuation = rescue.way_on(a_claude(model))
        assert continuation is not None
        rescue.came_to_nothing(continuation, model, why)

    lose(ProviderFailed())
    assert way() is Way.PREFILL, "a provider that fails says nothing about the way"
    lose(relay.Diverged())
    assert way() is Way.RESTART
    assert way("claude-sonnet-4-5") is Way.PREFILL, "another model may still continue"
    lose(relay.Diverged())
    assert way() is None
    assert way(OPUS) is None
    assert rescue.has_way_on([a_claude(OPUS), a_claude("claude-sonnet-4-5")])
    assert not rescue.has_way_on([a_claude(OPUS), a_claude(HAIKU)])


# A thousand cuts


ENDINGS: list[Callable[[Dialect], tuple[Step, ...]]] = [
    lambda dialect: (CUT,),
    lambda dialect: (),
    lambda dialect: (STALL,),
    lambda dialect: (TooSlow("between bytes"),),
    lambda dialect: (b"\n\n", ERRORS[dialect]),
]


def a_broken_play(dialect: Dialect, rng: Random, serial: str) -> Play:
    """The answer (or the rest that is asked for), perhaps with a malformed event in it, cut at any byte."""

    def play(asked: Shaped) -> Sequence[Step]:
        events = a_stream(dialect, TEXT[len(given(asked)) :], serial)
        if rng.random() < 0.3:
            events.insert(rng.randrange(1, len(events)), MALFORMED)
        body = b"".join(events)
        body = body[: rng.randrange(1, len(body))]
        steps: list[Step] = (
            list(cut_anywhere(body, rng, min(len(body) - 1, rng.randrange(1, 60)))) if body[1:] else [body]
        )
        return [*steps, *rng.choice(ENDINGS)(dialect)]

    return play


def a_play(dialect: Dialect, rng: Random, serial: str, other: str) -> Play:
    kinds: list[Play] = [
        says_the_rest(dialect),
        plays(*cut_anywhere(b"".join(a_stream(dialect, serial=serial)), rng, 30)),
        plays(*a_stream(dialect, serial=serial)[:-1]),
        a_broken_play(dialect, rng, serial),
        a_broken_play(dialect, rng, serial),
        refuses(InvalidRequest()),
        refuses(ProviderFailed()),
        lambda asked: a_stream(dialect, TEXT if given(asked) else other, serial),
    ]
    return rng.choice(kinds)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("batch", range(5))
async def test_a_thousand_random_cuts_truncate_nothing_and_repeat_nothing(dialect: Dialect, batch: int) -> None:
    """A hundred each, and what follows each of them may break, refuse, begin again, or say something else: then that
    is an answer of its own, of which nothing may be mixed with this one."""
    ends = {"proper": 0, "error": 0}
    for seed in range(batch * 100, batch * 100 + 100):
        rng = Random(seed)
        other = TEXT[: rng.randrange(len(TEXT))] + "#" + TEXT[rng.randrange(len(TEXT)) :]
        followers = [a_play(dialect, rng, str(place + 2), other) for place in range(rng.randrange(4))]
        told = await tell(dialect, a_broken_play(dialect, rng, "1"), *followers, model=rng.choice([HAIKU, OPUS]))
        if told.seen.end == "open":
            assert told.seen.text == "", "nothing was sent: an ordinary error answer"
            continue
        ends[told.seen.end] += 1
        said = [it for it in (TEXT, other) if it.startswith(told.seen.text)]
        assert said, seed
        assert told.seen.end == "error" or told.seen.text in said, seed
    assert ends["proper"] > 20
    assert ends["error"] > 20
