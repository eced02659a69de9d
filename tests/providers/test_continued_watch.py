"""A second half under watch: when it commits, what it counts, how it ends."""

import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.continuation import Continuation, Way
from ai_gateway.providers.continued_watch import ContinuedWatch
from ai_gateway.providers.kinds import KINDS
from providers.halves import TEXT, a_call, a_past, a_stream, chat_event, read

DIALECTS = [Dialect.OPENAI, Dialect.ANTHROPIC]
CUT = 40


def a_watch(dialect: Dialect, cut: int = CUT) -> ContinuedWatch:
    call = a_call(dialect)
    past = a_past(call, *a_stream(dialect)[:cut])
    return Continuation(Way.RESTART, call, past).watch(KINDS[ProviderType.MOCK].codecs[dialect])


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_commits_where_the_halves_meet(dialect: Dialect) -> None:
    watch = a_watch(dialect)
    again = a_stream(dialect, serial="2")
    assert not watch.begun
    for event in again[: CUT - 1]:
        assert watch.feed(event) == b""
        assert watch.begun
        assert not watch.started
    watch.feed(again[CUT - 1])
    assert watch.started
    assert watch.heard_events == CUT


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("size", [1, 17, 1000, 1_000_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_any_partition_gives_the_same_end(dialect: Dialect, size: int, line_end: bytes) -> None:
    watch = a_watch(dialect)
    body = b"".join(a_stream(dialect, serial="2")).replace(b"\n", line_end)
    given = b"".join(watch.feed(body[at : at + size]) for at in range(0, len(body), size))
    assert watch.finished or line_end == b"\r"
    end = watch.end()
    assert end.complete
    stream = b"".join(a_stream(dialect)[:CUT]) + (given + end.tail).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    assert read(dialect, stream) == (TEXT, "proper", ())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_another_answer_finishes_it_at_once_and_is_no_end(dialect: Dialect) -> None:
    watch = a_watch(dialect)
    given = [watch.feed(event) for event in a_stream(dialect, "another answer", "2")[:5]]
    assert b"".join(given) == b""
    assert watch.failed
    assert watch.finished
    assert not watch.started
    assert not watch.end().complete


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_shorter_answer_is_no_end(dialect: Dialect) -> None:
    watch = a_watch(dialect)
    for event in a_stream(dialect, TEXT[:50], "2"):
        watch.feed(event)
    end = watch.end()
    assert (end.tail, end.complete, watch.failed) == (b"", False, True)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_usage_is_the_second_half_s_own(dialect: Dialect) -> None:
    watch = a_watch(dialect)
    events = a_stream(dialect, serial="2")
    if dialect is Dialect.OPENAI:
        events.insert(-1, b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":60}}\n\n')
    for event in events:
        watch.feed(event)
    assert watch.usage is not None
    assert (watch.usage.input_tokens, watch.usage.output_tokens) == (9, 60)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_error_event_of_the_second_half_is_its_error(dialect: Dialect) -> None:
    watch = a_watch(dialect)
    again = a_stream(dialect, serial="2")
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'
    assert watch.feed(b"".join([*again[:10], error])) == b""
    assert watch.error is not None
    assert not watch.failed


def test_a_whole_second_half_gets_its_end() -> None:
    watch = a_watch(Dialect.OPENAI)
    given = b"".join(map(watch.feed, a_stream(Dialect.OPENAI, serial="2")[:-1]))
    end = watch.end()
    assert end.complete
    assert end.tail == b"data: [DONE]\n\n"
    assert read(Dialect.OPENAI, b"".join(a_stream(Dialect.OPENAI)[:CUT]) + given + end.tail).text == TEXT


def test_a_last_event_that_lacks_its_blank_line_is_a_part_of_the_end() -> None:
    watch = a_watch(Dialect.OPENAI)
    *events, _ = a_stream(Dialect.OPENAI, serial="2")
    given = b"".join(map(watch.feed, [*events[:-1], chat_event({}, "stop", "2")[:-2]]))
    end = watch.end()
    assert end.complete
    assert read(Dialect.OPENAI, b"".join(a_stream(Dialect.OPENAI)[:CUT]) + given + end.tail) == (TEXT, "proper", ())
