"""A stream under rules that broke in its caller's sight and is continued by another attempt, which is under the same
rules: what the caller was given is shaped text, what was held back he was not given, and together it is the answer that
he would have got at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.continuation import Continuation, SoFar, Way, delivered_for
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.shaping.codec import ShapingCodec
from providers.halves import Seen, a_call, a_stream, chat_event, read
from providers.shaping.pipes import Arguments, forbids, literal

DIALECTS = [Dialect.OPENAI, Dialect.ANTHROPIC]
TEXT = "The secret of the first secret is that no secret is one, and the sec is only 3 letters long."
RULES = AnswerRules(
    request_id="req_7",
    pipes=(literal("secret", "[redacted]"), literal("3 letters", "three letters")),
    arguments=Arguments,
    metadata={"by": "us"},
    hidden_as="ours",
    appended=" No advice.",
    drop=(("usage", "total_tokens"),),
)
SAID = TEXT.replace("secret", "[redacted]").replace("3 letters", "three letters") + " No advice."


def codec_of(dialect: Dialect, answer: AnswerRules = RULES) -> ShapingCodec:
    return ShapingCodec(KINDS[ProviderType.MOCK].codecs[dialect], answer)


def delivered(call: Shaped, events: list[bytes], codec: ShapingCodec) -> tuple[bytes, SoFar | None]:
    """What the caller was given of a stream that breaks there, and what is remembered of it."""
    kept = delivered_for(call)
    assert kept is not None
    watch = codec.watch(call)
    out = b"".join(map(watch.feed, events))
    kept.keep(out)
    return out, kept.so_far()


def continued(
    dialect: Dialect, way: Way, past: SoFar, events: list[bytes], answer: AnswerRules = RULES
) -> bytes | None:
    """The rest of the caller's bytes; None where this attempt is not the answer's end."""
    watch = Continuation(way, a_call(dialect), past).watch(codec_of(dialect, answer))
    given_out = b"".join(map(watch.feed, events))
    end = watch.end()
    return given_out + end.tail if end.complete and not watch.failed else None


def text_in(dialect: Dialect, stream: bytes) -> Seen:
    return read(dialect, stream)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("cut", range(2, 16))
def test_asked_again_the_answer_is_the_one_that_never_broke(dialect: Dialect, cut: int) -> None:
    first, past = delivered(a_call(dialect), a_stream(dialect, TEXT)[:cut], codec_of(dialect))
    assert past is not None
    assert SAID.startswith(past.text)
    rest = continued(dialect, Way.RESTART, past, a_stream(dialect, TEXT, "2"))
    assert rest is not None
    seen = text_in(dialect, first + rest)
    assert (seen.text, seen.end) == (SAID, "proper")
    assert b'"metadata"' not in rest, "it was told at the beginning"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("cut", range(4, 16))
def test_a_model_that_goes_on_from_what_was_given_is_ruled_too(dialect: Dialect, cut: int) -> None:
    """It says again what was held back, for nobody has heard it: it is not in what the model is given."""
    first, past = delivered(a_call(dialect), a_stream(dialect, TEXT)[:cut], codec_of(dialect))
    assert past is not None
    told = past.text
    spoken = told.replace("[redacted]", "secret").replace("three letters", "3 letters")
    assert TEXT.startswith(spoken)
    rest = continued(dialect, Way.PREFILL, past, a_stream(dialect, TEXT[len(spoken.rstrip()) :], "2"))
    assert rest is not None
    seen = text_in(dialect, first + rest)
    assert (seen.text, seen.end) == (SAID, "proper")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_model_that_begins_again_although_it_was_to_go_on_is_skipped_as_far_as_it_was_heard(dialect: Dialect) -> None:
    first, past = delivered(a_call(dialect), a_stream(dialect, TEXT)[:12], codec_of(dialect))
    assert past is not None
    rest = continued(dialect, Way.PREFILL, past, a_stream(dialect, TEXT, "2"))
    assert rest is not None
    assert text_in(dialect, first + rest).text == SAID


@pytest.mark.parametrize("dialect", DIALECTS)
def test_another_answer_is_no_end_of_this_one(dialect: Dialect) -> None:
    _, past = delivered(a_call(dialect), a_stream(dialect, TEXT)[:12], codec_of(dialect))
    assert past is not None
    assert continued(dialect, Way.RESTART, past, a_stream(dialect, TEXT.replace("first", "last"), "2")) is None


@pytest.mark.parametrize("dialect", DIALECTS)
def test_answers_that_differ_only_in_what_is_redacted_are_one(dialect: Dialect) -> None:
    """The caller cannot tell them apart."""
    rules = AnswerRules(pipes=(literal("secret", "[x]"), literal("hidden", "[x]")))
    first, past = delivered(a_call(dialect), a_stream(dialect, TEXT)[:12], codec_of(dialect, rules))
    assert past is not None
    other = a_stream(dialect, TEXT.replace("secret", "hidden"), "2")
    rest = continued(dialect, Way.RESTART, past, other, rules)
    assert rest is not None
    assert text_in(dialect, first + rest).text == TEXT.replace("secret", "[x]")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_blocked_in_the_second_half_is_blocked(dialect: Dialect) -> None:
    rules = AnswerRules(pipes=(forbids("letters"),))
    _, past = delivered(a_call(dialect), a_stream(dialect, TEXT)[:6], codec_of(dialect, rules))
    assert past is not None
    watch = Continuation(Way.RESTART, a_call(dialect), past).watch(codec_of(dialect, rules))
    with pytest.raises(Blocked):
        list(map(watch.feed, a_stream(dialect, TEXT, "2")))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_the_second_half_costs_is_what_its_provider_sent(dialect: Dialect) -> None:
    rules = AnswerRules(pipes=(literal(TEXT, ""),))
    events = a_stream(dialect, TEXT)
    _, past = delivered(a_call(dialect), events[:2], codec_of(dialect, rules))
    assert past is not None
    watch = Continuation(Way.RESTART, a_call(dialect), past).watch(codec_of(dialect, rules))
    for event in events[:10]:
        watch.feed(event)
    assert watch.heard_events == 10


def test_what_a_rule_drops_does_not_stand_in_the_way() -> None:
    """Thoughts cannot be continued, so an answer that shows some is not; a caller who is shown none can be served."""
    events = [
        chat_event({"role": "assistant", "content": ""}),
        chat_event({"reasoning_content": "hm"}),
        chat_event({"content": "a"}),
    ]
    for drop, is_lost in (((), True), ((("choices", "message", "reasoning_content"),), False)):
        _, past = delivered(a_call(Dialect.OPENAI), events, codec_of(Dialect.OPENAI, AnswerRules(drop=drop)))
        assert (past is None) is is_lost


@given(st.sampled_from(DIALECTS), st.data())
def test_however_often_it_breaks(dialect: Dialect, data: st.DataObject) -> None:
    call = a_call(dialect)
    kept = delivered_for(call)
    assert kept is not None
    codec = codec_of(dialect)
    watch: Any = codec.watch(call)
    stream = b""
    for attempt in range(4):
        events = a_stream(dialect, TEXT, str(attempt + 1))
        cut = len(events) if attempt == 3 else data.draw(st.integers(2, len(events) - 3))
        out = b"".join(map(watch.feed, events[:cut]))
        end = watch.end()
        stream += out + (end.tail if end.complete else b"")
        if end.complete:
            break
        kept.keep(out)
        past = kept.so_far()
        assert past is not None
        watch = Continuation(Way.RESTART, call, past).watch(codec)
    assert text_in(dialect, stream).text == SAID
