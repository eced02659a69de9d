"""Dialogues with a stream: what goes to the client, when it commits, how it ends."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.anthropic import MessageReader
from ai_gateway.providers.openai import ChatReader, UsageChunk
from ai_gateway.providers.watch import DialectWatch

ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":null}]}\n\n'
TEXT = b'data: {"choices":[{"index":0,"delta":{"content":"a\xe2\x80\xa8b\xc2\x85c"},"finish_reason":null}]}\n\n'
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"boom","type":"server_error"}}\n\n'


def chat(usage_chunk: UsageChunk = UsageChunk.WANTED, choices: int = 1) -> DialectWatch:
    return DialectWatch(ChatReader(usage_chunk, choices))


def run(watch: DialectWatch, *chunks: bytes) -> bytes:
    return b"".join(watch.feed(chunk) for chunk in chunks) + watch.end().tail


def crlf(stream: bytes) -> bytes:
    return stream.replace(b"\n", b"\r\n")


@given(st.data())
def test_any_partition_gives_the_provider_s_bytes_without_the_withheld_chunk(data: st.DataObject) -> None:
    framing = data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    parts = [part.replace(b"\n", framing) for part in (b": hi\n\n", ROLE, TEXT, STOP, USAGE, DONE)]
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    chunks = [whole[a:b] for a, b in itertools.pairwise([0, *cuts, len(whole)])]
    asked, silent = chat(), chat(UsageChunk.WITHHELD)
    assert run(asked, *chunks) == whole
    assert run(silent, *chunks) == b"".join(parts[:4] + parts[5:])
    assert asked.usage == silent.usage
    assert asked.usage is not None
    assert (asked.usage.input_tokens, asked.usage.output_tokens) == (3, 5)


@pytest.mark.parametrize("frame", [bytes, crlf])
def test_a_chunk_of_plain_events_goes_through_as_the_very_object(frame: type[bytes]) -> None:
    watch = chat()
    watch.feed(frame(ROLE))
    chunk = frame(TEXT + TEXT)
    through = watch.feed(chunk)
    assert through == chunk
    assert (through is chunk) == (frame is bytes)


@given(st.lists(st.sampled_from([ROLE, TEXT, STOP, USAGE, DONE, ERROR, b": hi\n\n", TEXT[:30], TEXT[30:]]), max_size=8))
def test_what_is_likely_next_goes_through_and_whoever_leaves_it_out_misses_nothing(chunks: list[bytes]) -> None:
    shown, spared = chat(), chat()
    for chunk in [ROLE, TEXT, *chunks, TEXT, STOP]:
        if spared.likely is not None and spared.likely.covers(chunk):
            assert shown.feed(chunk) is chunk
        else:
            assert shown.feed(chunk) == spared.feed(chunk)
        assert (shown.likely is None) == (spared.likely is None)
        assert shown.likely is None or (shown.started and not shown.finished and shown.error is None)
    assert shown.end() == spared.end()
    assert (shown.usage, shown.error) == (spared.usage, spared.error)


def test_nothing_is_likely_before_the_stream_has_begun_within_an_event_and_behind_its_end() -> None:
    watch = chat()
    assert watch.likely is None
    watch.feed(b": hi\n\n")
    assert watch.likely is None
    watch.feed(ROLE)
    watch.feed(TEXT)
    assert watch.likely is not None
    assert watch.likely.covers(TEXT)
    watch.feed(TEXT[:20])
    assert watch.likely is None
    watch.feed(TEXT[20:])
    assert watch.likely is not None
    watch.feed(DONE)
    assert watch.likely is None


def test_the_terminal_event_is_kept_for_the_end() -> None:
    watch = chat()
    assert watch.feed(ROLE + STOP + DONE) == ROLE + STOP
    assert watch.finished
    assert watch.feed(b": afterwards\n\n") == b""
    end = watch.end()
    assert (end.tail, end.complete) == (DONE, True)


@pytest.mark.parametrize("quiet", [b": PROCESSING\n\n", b"\n\n", b"event: ping\n\n", b"id: 3\n\n"])
def test_comments_alone_do_not_commit(quiet: bytes) -> None:
    watch = chat()
    assert watch.feed(quiet) == quiet
    assert not watch.started
    watch.feed(ROLE)
    assert watch.started


def test_a_whole_answer_without_done_gets_it_in_its_own_framing() -> None:
    for frame in (bytes, crlf):
        watch = chat()
        assert run(watch, frame(ROLE + STOP)) == frame(ROLE + STOP + DONE)


def test_an_unfinished_answer_without_done_is_cut() -> None:
    watch = chat()
    assert watch.feed(ROLE + TEXT) == ROLE + TEXT
    end = watch.end()
    assert (end.tail, end.complete) == (b"", False)


def test_every_choice_must_have_finished() -> None:
    other = STOP.replace(b'"index":0', b'"index":1')
    first_of_other = ROLE.replace(b'"index":0', b'"index":1')
    half, whole = chat(choices=2), chat(choices=2)
    run_half = half.feed(ROLE + first_of_other + STOP)
    assert run_half == ROLE + first_of_other + STOP
    assert not half.end().complete
    whole.feed(ROLE + first_of_other + STOP + other)
    assert whole.end().complete


@pytest.mark.parametrize("missing", [1, 2])
def test_a_last_event_without_its_blank_line_is_ended_properly(missing: int) -> None:
    watch = chat()
    assert run(watch, (ROLE + STOP + DONE)[:-missing]) == ROLE + STOP + DONE
    watch = chat()
    assert run(watch, (ROLE + STOP)[:-missing]) == ROLE + STOP + DONE


def test_a_last_event_that_was_cut_in_its_data_is_dropped() -> None:
    watch = chat()
    assert watch.feed(ROLE + STOP[:-10]) == ROLE
    end = watch.end()
    assert (end.tail, end.complete) == (b"", False)


@pytest.mark.parametrize(
    "error",
    [
        ERROR,
        b'data: {"error":"boom"}\n\n',
        b'event: error\ndata: {"message":"boom"}\n\n',
        b"event: error\ndata: boom\n\n",
        b'data: {"object":"error","message":"boom"}\n\n',
        b'data: {"error":{"message":"boom"},"choices":[]}\n\n',
    ],
)
@pytest.mark.parametrize("before", [b"", ROLE, ROLE + TEXT + STOP])
def test_an_error_event_stops_the_stream_and_is_not_given_back(error: bytes, before: bytes) -> None:
    watch = chat()
    assert watch.feed(before + error + TEXT + DONE) == before
    assert watch.started is bool(before)
    assert watch.error is not None
    assert watch.error.message == "boom"
    assert watch.error.status is None
    assert watch.feed(DONE) == b""
    end = watch.end()
    assert (end.tail, end.complete) == (b"", False)


def test_an_error_that_is_null_is_none() -> None:
    chunk = ROLE.replace(b'{"choices"', b'{"error":null,"choices"')
    watch = chat()
    assert run(watch, chunk + chunk, STOP, DONE) == chunk + chunk + STOP + DONE
    assert watch.error is None


def test_the_word_error_inside_a_text_is_content() -> None:
    chunk = rb'data: {"choices":[{"index":0,"delta":{"content":"\"error\": [DONE] event:"},"finish_reason":null}]}'
    watch = chat()
    assert run(watch, ROLE, chunk + b"\n\n", STOP, DONE) == ROLE + chunk + b"\n\n" + STOP + DONE
    assert watch.error is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "without an answer"),
        (DONE, "without an answer"),
        (b": PROCESSING\n\n", "without an answer"),
        (b'{"error":{"message":"no such thing","code":502}}', "no such thing"),
        (b'\n\n\n{\n  "error": {"message": "no such thing"}\n}\n', "no such thing"),
        (b"<html><title>502 Bad Gateway</title></html>", "502 Bad Gateway"),
        (b"upstream connect error", "upstream connect error"),
        (b"data: not json\n\n", "not json"),
    ],
)
def test_a_stream_without_an_answer_is_an_error(body: bytes, words: str) -> None:
    watch = chat()
    watch.feed(body)
    end = watch.end()
    assert not end.complete
    assert not watch.started
    assert watch.error is not None
    assert words in watch.error.message


def test_an_endless_event_is_an_error() -> None:
    watch = chat()
    watch.feed(ROLE)
    for _ in range(11):
        watch.feed(b"x" * 1024 * 1024)
    assert watch.error is not None
    assert "too long" in watch.error.message
    assert not watch.end().complete


MALFORMED = [
    b'data: {"usage" odd\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"tw\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"two"}}\n\n',
    b"data: {not json}\n\n",
    b'data: "words"\n\n',
    b"data: Internal Server Error\n\n",
    b"data: " + b"[" * 100_000 + b"\n\n",
]


@pytest.mark.parametrize("malformed", MALFORMED)
@pytest.mark.parametrize("frame", [bytes, crlf])
def test_a_malformed_event_is_left_out_and_counted_when_the_rest_completes(
    malformed: bytes, frame: type[bytes]
) -> None:
    for chunks in ((ROLE, TEXT + malformed + TEXT, STOP, DONE), (ROLE, TEXT, malformed, TEXT, STOP, DONE)):
        watch = chat()
        assert run(watch, *map(frame, chunks)) == frame(ROLE + TEXT + TEXT + STOP + DONE)
        assert watch.dropped_events == 1
        assert watch.error is None


def test_a_malformed_event_of_a_message_stream_is_left_out() -> None:
    start = b'event: message_start\ndata: {"type":"message_start","message":{}}\n\n'
    malformed = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'
    stop = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    watch = DialectWatch(MessageReader())
    assert run(watch, start, malformed, malformed + start, stop) == start + start + stop
    assert watch.dropped_events == 2


def test_a_broken_first_event_does_not_spoil_an_answer_and_words_that_are_none_are_an_error_at_once() -> None:
    watch = chat()
    assert run(watch, b'data: {"choices":[{"ind\n\n', ROLE + STOP, DONE) == ROLE + STOP + DONE
    for words in (b"data: upstream connect error\n\n", b'data: {"error":{"message":"boo\n\n'):
        refused = chat()
        assert refused.feed(words + ROLE) == b""
        assert refused.error is not None


@pytest.mark.parametrize("odd", [b"NaN", b"-Infinity", b'"\\ud83d"', b'"a\tb"'])
def test_what_only_strict_readers_refuse_is_not_lost(odd: bytes) -> None:
    event = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}],"odd":%s}\n\n' % odd
    watch = chat()
    assert run(watch, ROLE, event, STOP, DONE) == ROLE + event + STOP + DONE
    assert watch.dropped_events == 0


def test_the_last_usage_wins_and_none_is_not_zero() -> None:
    zero = b'data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}\n\n'
    watch = chat()
    watch.feed(ROLE)
    assert watch.usage is None
    watch.feed(USAGE + zero)
    assert watch.usage is not None
    assert (watch.usage.input_tokens, watch.usage.output_tokens) == (0, 0)


def test_a_message_stream_is_whole_once_its_stop_reason_was_told() -> None:
    start = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":2}}}\n\n'
    told = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
    untold = told.replace(b'"end_turn"', b"null")
    stop = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    for chunks in ((start, stop), (start, untold, stop), (start, told, stop)):
        assert run(DialectWatch(MessageReader()), *chunks) == b"".join(chunks)
    assert run(DialectWatch(MessageReader()), start, told) == start + told + stop
    for chunks in ((start,), (start, untold)):
        cut = DialectWatch(MessageReader())
        cut.feed(b"".join(chunks))
        assert not cut.end().complete
