"""A codec under rules: what is booked is the inner one's, and what is told went through the shaper."""

from collections.abc import Callable
from typing import final

import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.faults import Blocked, Fault, RuleFailed
from ai_gateway.domain.rules import AnswerRules, MakePipe, RuleError
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.shaping.codec import ShapedWatch, ShapingCodec
from providers.calls import a_shaped
from providers.halves import chat_event
from providers.shaping.adding_up import said_in
from providers.shaping.pipes import fails, forbids, literal

OPENAI = KINDS[ProviderType.OPENAI]
CHAT = OPENAI.codecs[Dialect.OPENAI]
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":6}}\n\n'
DONE = b"data: [DONE]\n\n"
EVENTS = [chat_event({"content": "a"}), chat_event({"content": "b"}), chat_event({}, "stop"), USAGE, DONE]
STREAM_BODY = '{"model":"m","stream":true,"messages":[]}'


def _nothing(_: bytes) -> None:
    return


@final
class Backwards:
    """A shaper that keeps everything back until the end; `looks` may raise."""

    def __init__(self, looks: Callable[[bytes], None] = _nothing) -> None:
        self._kept: list[bytes] = []
        self._looks = looks

    def feed(self, events: bytes) -> bytes:
        self._looks(events)
        self._kept.append(events)
        return b""

    def end(self) -> bytes:
        self._looks(b"")
        return b"kept: " + b"".join(self._kept)


def a_watch(shaper: Backwards) -> ShapedWatch:
    return ShapedWatch(CHAT.watch(a_shaped(body=STREAM_BODY)), shaper)


def raising(fault: Exception, at: bytes) -> Callable[[bytes], None]:
    def look(events: bytes) -> None:
        if at in events:
            raise fault

    return look


def test_what_is_booked_is_read_before_the_shaper() -> None:
    watch = a_watch(Backwards())
    assert (watch.started, watch.finished, watch.usage, watch.error) == (False, False, None, None)
    assert watch.feed(EVENTS[0]) == b""
    assert watch.started
    assert b"".join(map(watch.feed, EVENTS[1:])) == b""
    assert watch.finished
    assert watch.usage is not None
    assert watch.usage.output_tokens == 6
    assert watch.likely is None


def test_what_was_kept_back_comes_at_a_proper_end() -> None:
    watch = a_watch(Backwards())
    for event in EVENTS:
        watch.feed(event)
    end = watch.end()
    assert end.complete
    assert end.tail == b"kept: " + b"".join([*EVENTS[:3], DONE]), "without the usage that nobody asked for"


def test_what_was_kept_back_of_a_cut_stream_is_never_given() -> None:
    watch = a_watch(Backwards())
    watch.feed(EVENTS[0])
    end = watch.end()
    assert (end.tail, end.complete) == (b"", False)


def test_an_error_event_is_the_inner_s() -> None:
    watch = a_watch(Backwards())
    assert watch.feed(EVENTS[0] + b'data: {"error":{"message":"busy"}}\n\n') == b""
    assert watch.error is not None
    assert watch.error.message == "busy"
    assert not watch.end().complete


@pytest.mark.parametrize(
    ("raised", "told"), [(Blocked("No."), Blocked), (RuleError("away"), RuleFailed), (RuleFailed(), RuleFailed)]
)
def test_what_is_blocked_stays_blocked_and_is_read_on_for_its_usage(raised: Exception, told: type[Fault]) -> None:
    watch = a_watch(Backwards(raising(raised, b'"b"')))
    watch.feed(EVENTS[0])
    for event in EVENTS[1:]:
        with pytest.raises(told):
            watch.feed(event)
    with pytest.raises(told):
        watch.end()
    assert watch.finished
    assert watch.usage is not None
    assert watch.usage.input_tokens == 9


def test_a_block_at_the_very_end_gives_nothing() -> None:
    watch = a_watch(Backwards(raising(RuleError("away"), b"")))
    with pytest.raises(RuleFailed):
        watch.feed(EVENTS[0])

    def last_only(events: bytes) -> None:
        if not events:
            raise Blocked

    watch = a_watch(Backwards(last_only))
    for event in EVENTS:
        watch.feed(event)
    with pytest.raises(Blocked):
        watch.end()


def test_events_that_the_caller_is_not_given_are_counted() -> None:
    watch = a_watch(Backwards())
    watch.feed(b"".join(EVENTS[:2]))
    assert watch.heard_events == 2


@pytest.mark.parametrize(
    ("codec", "answer", "translates"),
    [
        (CHAT, AnswerRules(), False),
        (CHAT, AnswerRules(hidden_as="ours"), True),
        (OPENAI.translated[Operation.MESSAGES], AnswerRules(), True),
    ],
)
def test_a_provider_s_headers_are_passed_unless_it_is_hidden(
    codec: ShapingCodec, answer: AnswerRules, translates: bool
) -> None:
    shaping = ShapingCodec(codec, answer)
    assert shaping.translates is translates
    assert shaping.dialect is codec.dialect
    assert shaping.operations == codec.operations


def test_requests_and_errors_are_the_inner_s() -> None:
    shaping = ShapingCodec(CHAT, AnswerRules(hidden_as="ours"))
    shaped = a_shaped()
    assert shaping.encode(shaped, "m") == CHAT.encode(shaped, "m")
    error = b'{"error":{"message":"busy"}}'
    assert shaping.read_error(503, {}, error) == CHAT.read_error(503, {}, error)
    assert shaping.read_reply(Operation.CHAT, error) == CHAT.read_reply(Operation.CHAT, error)


def test_a_whole_answer_is_shaped_behind_its_usage() -> None:
    body = b'{"choices":[{"message":{"content":"my secret"}}],"usage":{"prompt_tokens":9,"completion_tokens":6}}'
    native = CHAT.read_reply(Operation.CHAT, body)
    shaping = ShapingCodec(CHAT, AnswerRules(pipes=(literal("secret", "[x]"),)))
    for reading in (shaping.read_reply(Operation.CHAT, body), shaping.read_reply_to(a_shaped(), body)):
        assert reading.usage == native.usage
        assert reading.body == body.replace(b"secret", b"[x]")


def test_a_translated_answer_is_shaped_as_its_caller_would_have_got_it() -> None:
    codec = OPENAI.translated[Operation.MESSAGES]
    body = b'{"id":"c","choices":[{"message":{"content":"my secret"},"finish_reason":"stop"}]}'
    shaped = a_shaped(Operation.MESSAGES)
    shaping = ShapingCodec(codec, AnswerRules(pipes=(literal("secret", "[x]"),)))
    told = codec.read_reply_to(shaped, body).body
    assert told is not None
    assert shaping.read_reply_to(shaped, body).body == told.replace(b"secret", b"[x]")


@pytest.mark.parametrize(("pipe", "fault"), [(forbids("secret"), Blocked), (fails("secret"), RuleFailed)])
def test_a_whole_answer_that_is_blocked_is_booked_all_the_same(pipe: MakePipe, fault: type[Fault]) -> None:
    body = b'{"choices":[{"message":{"content":"my secret"}}],"usage":{"prompt_tokens":9,"completion_tokens":6}}'
    reading = ShapingCodec(CHAT, AnswerRules(pipes=(pipe,))).read_reply_to(a_shaped(), body)
    assert isinstance(reading.blocked, fault)
    assert (reading.body, reading.error) == (None, None)
    assert reading.usage == CHAT.read_reply(Operation.CHAT, body).usage


def test_an_error_under_200_is_not_shaped() -> None:
    body = b'{"error":{"message":"a secret"}}'
    reading = ShapingCodec(CHAT, AnswerRules(pipes=(forbids("secret"),))).read_reply_to(a_shaped(), body)
    assert reading == CHAT.read_reply(Operation.CHAT, body)


def test_a_stream_is_shaped_by_its_operation() -> None:
    shaping = ShapingCodec(CHAT, AnswerRules(pipes=(literal("ab", "[x]"),), appended="!"))
    watch = shaping.watch(a_shaped(body=STREAM_BODY))
    given = b"".join(map(watch.feed, EVENTS)) + watch.end().tail
    assert [it["choices"][0]["delta"].get("content") for it in said_in(given)] == ["[x]", "!", None]
