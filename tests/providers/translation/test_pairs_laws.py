"""fold(stream) == unary, for every caller in front of every provider, however the bytes come: who streams is told what
who does not stream is told. And the promises that every StreamWatch makes, kept by all of them."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import Part, Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import Choice, Reply
from ai_gateway.providers.translation.folding import fold
from tests.providers.translation.partitions import CUTS, decoded, pieces_of
from tests.providers.translation.speakers import CALLERS, PAIR_NAMES, PAIRS, PROVIDERS, heard

for_every_pair = pytest.mark.parametrize(("caller", "provider"), PAIRS, ids=PAIR_NAMES)
TERMINAL = {
    "chat": re.compile(rb"^data: \[DONE\]", re.MULTILINE),
    "anthropic": re.compile(rb"^event: message_stop", re.MULTILINE),
    "responses": re.compile(rb"^event: response\.(completed|incomplete)", re.MULTILINE),
}
KINDS = (Thinking, Text, Refusal, ToolCall)


@for_every_pair
@settings(max_examples=60)
@given(data=st.data())
def test_a_stream_tells_what_the_whole_answer_tells(caller: str, provider: str, data: st.DataObject) -> None:
    asks, answers = CALLERS[caller], PROVIDERS[provider]
    answer = data.draw(answers.answers)
    codec = asks.codec(answers)
    watch = codec.watch(asks.call())
    got = heard(watch, *pieces_of(answer.stream, data.draw(CUTS)))
    assert got.end.complete
    reading = codec.read_reply(asks.operation, answer.whole)
    assert reading.body is not None
    streamed = fold(decoded(asks.reader.decoder(), got.whole))
    assert meaning(streamed, caller) == meaning(asks.reader.read_reply(reading.body), caller)
    assert watch.usage == reading.usage


@for_every_pair
@settings(max_examples=40)
@given(data=st.data())
def test_the_caller_gets_the_same_bytes_for_every_partition(caller: str, provider: str, data: st.DataObject) -> None:
    asks, answers = CALLERS[caller], PROVIDERS[provider]
    answer = data.draw(answers.answers)
    codec = asks.codec(answers)
    at_once = heard(codec.watch(asks.call()), answer.stream)
    assert heard(codec.watch(asks.call()), *pieces_of(answer.stream, data.draw(CUTS))) == at_once
    assert heard(codec.watch(asks.call()), *[bytes([byte]) for byte in answer.stream]) == at_once


@for_every_pair
@settings(max_examples=40)
@given(data=st.data())
def test_every_watch_keeps_its_promises(caller: str, provider: str, data: st.DataObject) -> None:
    """Nothing is given back before the answer has started; it stays started, and finished; the end is told last."""
    asks, answers = CALLERS[caller], PROVIDERS[provider]
    answer = data.draw(answers.answers)
    watch = asks.codec(answers).watch(asks.call())
    was_started = was_finished = False
    for chunk in pieces_of(answer.stream, data.draw(CUTS)):
        given_back = watch.feed(chunk)
        assert watch.started or not given_back
        assert not was_finished or not given_back
        assert TERMINAL[caller].search(given_back) is None
        assert (watch.started, watch.finished) >= (was_started, was_finished)
        was_started, was_finished = watch.started, watch.finished
    end = watch.end()
    assert (end.complete, watch.error, watch.started) == (True, None, True)
    assert len(TERMINAL[caller].findall(end.tail)) == 1


@for_every_pair
@settings(max_examples=40)
@given(data=st.data())
def test_a_stream_that_is_cut_never_looks_whole(caller: str, provider: str, data: st.DataObject) -> None:
    """Before it said why it stopped there is no end (what it cost may be missing then); with nothing said at all it is
    an error, so that another may be asked."""
    asks, answers = CALLERS[caller], PROVIDERS[provider]
    stream = data.draw(answers.answers).stream
    body = stream[: data.draw(st.integers(0, len(stream)))]
    watch = asks.codec(answers).watch(asks.call())
    got = heard(watch, body)
    if got.end.complete:
        uncut = heard(asks.codec(answers).watch(asks.call()), stream)
        whole = choices_in(uncut.whole, caller)  # a choice of which nothing was said yet cannot be missed
        assert all(choice in whole for choice in choices_in(got.whole, caller))
    else:
        assert TERMINAL[caller].search(got.whole) is None
        assert fold(decoded(asks.reader.decoder(), got.whole)) is None or not watch.started
        assert watch.started is (watch.error is None)


def choices_in(stream: bytes, caller: str) -> tuple[Choice, ...]:
    return meaning(fold(decoded(CALLERS[caller].reader.decoder(), stream)), caller).choices


def meaning(reply: Reply | ProviderError | None, caller: str) -> Reply:
    """Without what a stream legitimately tells otherwise.

    Ids and models that the gateway made up: a stream knows which model was asked for and a whole answer does not. When
    it was made, of a provider that does not say. What belongs to the whole answer, and streams of the chat dialect
    have no place for (`others`). Parts in which nothing is said. In the chat dialect, where the parts of a message are
    its members, the order in which their first pieces came."""
    assert isinstance(reply, Reply)
    choices: list[Choice] = []
    for choice in reply.choices:
        parts = [part for part in choice.parts if not _is_empty(part)]
        if caller == "chat":
            parts.sort(key=lambda it: KINDS.index(type(it)) if isinstance(it, KINDS) else len(KINDS))
        choices.append(replace(choice, parts=tuple(parts)))
    return replace(reply, choices=tuple(choices), id="", model="", created=None, others={})


def _is_empty(part: Part) -> bool:
    match part:
        case Text(text="") | Thinking(text="", signature=None, encrypted=None):
            return True
        case _:
            return False
