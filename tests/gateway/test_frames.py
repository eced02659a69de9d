"""Frames from socket to socket: what is written to a caller, and what the stream knows of it, are the same whether a
chunk was known by its ends or read by a parser. The provider's connection is by hand."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import ProviderType
from ai_gateway.gateway import relay
from ai_gateway.gateway.client import Client
from ai_gateway.gateway.marks import MARK_EVENTS, Marks
from ai_gateway.policy.error_handler import classify
from ai_gateway.policy.known_chunk import body_of_chunk
from ai_gateway.providers.continuation import delivered_for
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.upstream import TooSlow
from support.builders import a_call, a_shaped
from support.clock import FakeClock
from support.transport import Line
from support.wire import CHAT_ERROR_EVENT, DONE, USAGE_CHUNK

LONG = 600.0
CODEC = KINDS[ProviderType.OPENAI].codecs[Dialect.OPENAI]
CALL = a_shaped(a_call(stream=True))
DEADLINES: Any = SimpleNamespace(first=lambda: LONG, between=lambda: 30.0, left=lambda: LONG)
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def an_event(delta: dict[str, Any], **more: Any) -> bytes:
    said = {"id": "chatcmpl-1", "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **more}
    return b"data: " + json.dumps(said, separators=(",", ":")).encode() + b"\n\n"


def a_word(text: str) -> bytes:
    return an_event({"content": text})


OPENING = an_event({"role": "assistant", "content": ""})
FINISH = b'data: {"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'


@final
class Caller:
    """A Watch that takes frames. `wire` is what was written to it, `chunks` what went on as it came."""

    def __init__(self) -> None:
        self.lost = self.is_blocked = False
        self.takes_frames = True
        self.on_lost = self.on_blocked = None
        self.wire: list[bytes] = []
        self.chunks: list[bytes] = []

    def writer(self, read: bytes) -> None:
        self.chunks.append(read)
        self.wire.append(read)

    def write_frame(self, data: bytes) -> None:
        assert not self.lost
        self.wire.append(chunk(data))

    def lighten(self) -> None: ...

    async def receive(self) -> dict[str, Any]:
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        if body := message.get("body", b""):
            self.wire.append(chunk(body))

    @property
    def heard(self) -> bytes:
        return b"".join(body_of_chunk(it) or b"" for it in self.wire)


@final
class Stream:
    """A provider, a caller and the stream between them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.line = Line()
        self.caller = Caller()
        self.delivered = delivered_for(CALL)
        self.marked: list[int] = []
        self.error: BaseException | None = None
        self.streaming: relay.Streaming

    def say(self, *reads: bytes) -> None:
        for it in reads:
            if self.line.connection.answer is not None:
                self.line.say(it)

    def sweep(self) -> None:
        if (answer := self.line.connection.answer) is not None:
            answer.expire(self.line.loop.now)

    async def carry(self) -> None:
        client = Client({"extensions": {"ai_gateway.watch": self.caller}}, self.caller.receive, self.caller.send)
        try:
            await self.streaming.begin()
            await self.streaming.carry(client, (), _nothing_to_book)
        except Exception as error:
            self.error = error

    @property
    def text(self) -> str | None:
        assert self.delivered is not None
        so_far = self.delivered.so_far()
        return None if so_far is None else so_far.text


async def _nothing_to_book() -> None:
    return None


@asynccontextmanager
async def a_stream(*first: bytes) -> AsyncGenerator[Stream]:
    """One that has begun; it ends with the test's block, whatever is open still."""
    stream = Stream()
    answer = stream.line.ask()
    stream.line.say(CHUNKED + chunk(OPENING))
    marks = Marks(stream.clock, lambda: stream.marked.append(stream.streaming.delivered_events))
    stream.streaming = relay.Streaming(
        answer,
        CODEC,
        CALL,
        lambda error: classify(ProviderType.OPENAI, error),
        DEADLINES,
        marks=marks,
        delivered=stream.delivered,
    )
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(stream.carry())
        await settle()
        stream.say(*first)
        yield stream
        await settle()
        task.cancel()


async def settle() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


WORDS = st.text(alphabet='ab \u00e4"\\\n\x7f', max_size=5).map(a_word)
NOISY = st.tuples(*[st.text(alphabet='ab\u00e4"\\', max_size=3)] * 2).map(
    lambda it: an_event({"content": it[0]}, obfuscation=it[1])
)
EVENTS = st.one_of(
    WORDS,
    WORDS,
    WORDS,
    st.integers(0, 9).map(lambda it: an_event({"content": "x"}, noise=str(it))),
    NOISY,
    NOISY,
    st.sampled_from(
        [
            OPENING,
            FINISH,
            USAGE_CHUNK,
            CHAT_ERROR_EVENT,
            DONE,
            b": ping\n\n",
            a_word("a") + a_word("b"),
            a_word("late").replace(b"\n\n", b"\r\n\r\n"),
            an_event({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
            b"data: no json\n\n",
        ]
    ),
)


@st.composite
def reads(draw: st.DrawFn) -> list[bytes]:
    """Mostly one event a chunk and one chunk a read, as providers send."""
    found: list[bytes] = []
    for event in draw(st.lists(EVENTS, max_size=20)):
        at = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 7, len(event) - 1]))
        pieces = [chunk(it) for it in (event[:at], event[at:]) if it]
        if draw(st.integers(0, 5)) == 0:
            pieces = [b"".join(pieces)]
        if draw(st.integers(0, 9)) == 0:
            middle = len(pieces[-1]) // 2
            pieces[-1:] = [pieces[-1][:middle], pieces[-1][middle:]]
        if found and draw(st.integers(0, 9)) == 0:
            found[-1] += pieces.pop(0)
        found += pieces
    return found


@given(reads(), st.sampled_from([LAST, LAST[:2], b""]), st.sets(st.integers(0, 40)))
@settings(max_examples=200, deadline=None)
def test_a_caller_hears_what_a_parser_alone_would_have_handed_on(
    said: list[bytes], end: bytes, swept: set[int]
) -> None:
    async def play(prepare: Callable[[Stream], None]) -> tuple[object, ...]:
        async with a_stream() as stream:
            for place, it in enumerate(said):
                prepare(stream)
                stream.say(it)
                if place in swept:
                    stream.sweep()
            counted = stream.streaming.delivered_events
            stream.say(end)
            stream.line.hang_up()
        error = None if stream.error is None else (type(stream.error), str(stream.error))
        return stream.caller.heard, counted, stream.streaming.delivered_events, error, stream.text, stream.marked

    def by_the_parser(stream: Stream) -> None:
        stream.line.connection.chunk_sink = None

    assert asyncio.run(play(lambda _: None)) == asyncio.run(play(by_the_parser))


async def test_a_word_goes_on_as_the_very_bytes_that_came_and_is_laid_by() -> None:
    words = [chunk(a_word(it)) for it in ("one", "two", "", "three", "4" * 300)]
    async with a_stream(*words) as stream:
        assert [it is other for it, other in zip(stream.caller.chunks, words, strict=True)] == [True] * 5
        assert stream.streaming.words, "not even looked at by the stream"
        assert stream.streaming.delivered_events == 1 + 5
        stream.line.hang_up()
    assert stream.text == "onetwothree" + "4" * 300


async def test_noise_beside_a_word_does_not_hide_it() -> None:
    """As OpenAI and Azure send it."""
    words = [
        chunk(an_event({"content": text}, obfuscation=noise, service_tier="default"))
        for text, noise in (("one", "gL6ps"), ("two", "x"), ("", "quzv60CQ"), ("three", ""), ("4" * 300, "1xHEE"))
    ]
    async with a_stream(*words) as stream:
        assert [it is other for it, other in zip(stream.caller.chunks, words, strict=True)] == [True] * 5
        assert stream.streaming.words, "not even looked at by the stream"
        laid_by = len(stream.streaming.words)
        stream.say(chunk(an_event({"content": "x"}, obfuscation='say "no"', service_tier="default")))
        assert len(stream.streaming.words) != laid_by + 1
        assert stream.streaming.delivered_events == 1 + 6
        stream.line.hang_up()
    assert stream.text == "onetwothree" + "4" * 300 + "x"


@pytest.mark.parametrize(
    "other",
    [
        a_word('say "no"'),
        a_word("new\nline"),
        a_word("a").replace(b'"finish_reason":null', b'"finish_reason":"stop"'),
        a_word("a").replace(b"chatcmpl-1", b"chatcmpl-2"),
        a_word("a") + a_word("b"),
        a_word("a")[:-1],
        b": ping\n\n",
        a_word("long" * 600),
    ],
)
async def test_what_is_not_just_another_word_is_read_by_the_stream(other: bytes) -> None:
    async with a_stream(*[chunk(a_word(it)) for it in ("one", "two", "three")]) as stream:
        laid_by = len(stream.streaming.words)
        assert laid_by
        stream.say(chunk(other))
        assert len(stream.streaming.words) != laid_by + 1
        stream.say(chunk(a_word("five")), chunk(a_word("six")))
        assert stream.caller.heard.startswith(b"".join([OPENING, *map(a_word, ("one", "two", "three"))]))


@pytest.mark.parametrize("size_line", [b"%X\r\n", b"0%x\r\n", b"%x;a\r\n"])
async def test_another_way_to_write_a_chunk_is_read_by_a_parser_and_written_anew(size_line: bytes) -> None:
    word = a_word("k" * (0xAB - len(a_word(""))))
    assert len(word) == 0xAB
    async with a_stream(*[chunk(word)] * 3) as stream:
        stream.say(size_line % len(word) + word + b"\r\n")
        assert stream.caller.wire[-4:] == [chunk(word)] * 4
        assert stream.caller.chunks == [chunk(word)] * 3


@pytest.mark.parametrize("size", [b"1", b"5", b"ffff"])
async def test_a_word_in_a_chunk_of_another_size_is_no_word(size: bytes) -> None:
    async with a_stream(*[chunk(a_word("one"))] * 3) as stream:
        stream.say(size + b"\r\n" + a_word("one") + b"\r\n")
        assert len(stream.caller.chunks) == 3


async def test_a_word_without_its_size_is_no_chunk() -> None:
    async with a_stream(*[chunk(a_word("one"))] * 3) as stream:
        stream.say(a_word("one") + b"\r\n")
        assert len(stream.caller.chunks) == 3
        assert stream.line.transport.aborted


async def test_nothing_is_written_to_a_caller_who_is_lost() -> None:
    async with a_stream(*[chunk(a_word("one"))] * 3) as stream:
        stream.caller.lost = True
        stream.say(chunk(a_word("two")))
        stream.caller.lost = False
        assert stream.caller.chunks == [chunk(a_word("one"))] * 3


async def test_nothing_is_written_once_nobody_waits_for_the_stream() -> None:
    async with a_stream(*[chunk(a_word("one"))] * 3) as stream:
        sink: Any = stream.line.connection.chunk_sink
        sink.over.cancel()
        await settle()
        stream.say(chunk(a_word("two")), chunk(a_word("three")) * 2)
        assert stream.caller.chunks == [chunk(a_word("one"))] * 3
        assert stream.streaming.delivered_events == 1 + 3


async def test_words_that_were_laid_by_are_remembered_where_the_request_is_interrupted() -> None:
    async with a_stream(*[chunk(a_word(it)) for it in ("one", "two", "three")]) as stream:
        pass
    assert stream.text == "onetwothree"


async def test_a_word_is_life_and_a_trickle_behind_it_counts_from_the_last_look() -> None:
    async with a_stream(*[chunk(a_word("one"))] * 3) as stream:
        for _ in range(5):
            stream.clock.advance(20.0)
            stream.say(chunk(a_word("two")))
            stream.sweep()
        stream.clock.advance(29.0)
        stream.say(chunk(a_word("three")[:5]))
        stream.clock.advance(2.0)
        stream.say(chunk(a_word("three")[5:9]))
    assert isinstance(stream.error, TooSlow)


async def test_a_trickle_behind_words_that_nobody_looked_at_yet_counts_from_now() -> None:
    async with a_stream(*[chunk(a_word("one"))] * 3) as stream:
        stream.clock.advance(60.0)
        stream.say(chunk(a_word("two")), chunk(a_word("three")[:5]))
        stream.clock.advance(29.0)
        stream.say(chunk(a_word("three")[5:9]))
        assert stream.error is None
        stream.clock.advance(2.0)
        stream.say(chunk(a_word("three")[9:12]))
    assert isinstance(stream.error, TooSlow)


@pytest.mark.parametrize("together", [1, 2, 3])
async def test_a_stream_is_marked_by_the_number_of_its_events(together: int) -> None:
    read = chunk(a_word("a") * (together - 1) + a_word("b"))
    async with a_stream(*[read] * (2 * MARK_EVENTS // together)) as stream:
        rounds = -(-(MARK_EVENTS - 1) // together)  # the opening is an event, too
        assert stream.marked[0] == 1 + rounds * together
    assert len(stream.marked) == (1 if together == 3 else 2)  # 1 + 170 * 3 events are less than 512


async def test_words_behind_many_other_events_are_marked_by_the_number_of_all() -> None:
    word = chunk(a_word("one"))
    async with a_stream(*[word] * 33) as stream:
        stream.say(chunk(a_word("two") * 7) * 31, *[word] * 9)
        assert stream.marked == [1 + 33 + 7 * 31 + 5]


async def test_a_stream_is_marked_where_it_is_looked_at_two_seconds_after_the_last_time() -> None:
    async with a_stream(*[chunk(a_word("one"))] * 3) as stream:
        for tenths in range(1, 60):
            stream.clock.advance(0.1)
            if tenths % 10 == 0:
                stream.say(chunk(a_word("two")))
            stream.sweep()
    assert stream.marked == [1 + 3 + 2, 1 + 3 + 4]
