"""From the provider's bytes to the caller's: whole answers and streams.

Nothing is sent before the first event that is not an error was read; up to there a failure is an ordinary answer with
an ordinary status. After it, whole events are handed on unchanged, and a stream that does not end properly ends with
an error event of the dialect: a cut answer is never made to look complete. The receipt is written before the last
bytes leave.

A stream that breaks after that raises like any other, and its caller's connection stays open: another Streaming, made
with the Continuation of what was delivered, may carry the rest on it. What was delivered is remembered by whoever made
the Streaming (`delivered`), since it outlives the attempt.

Bytes are not life: a provider that has sent no whole event or comment for longer than it may be silent, and what there
is of one at less than a kilobyte a second, has stalled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, final

from ai_gateway.domain.chat import Operation, ProviderError, Usage
from ai_gateway.domain.faults import Fault, ProviderFailed
from ai_gateway.domain.traffic import Shaped
from ai_gateway.gateway.client import Client, Headers, lines_of
from ai_gateway.gateway.frames import Frames
from ai_gateway.gateway.guarding import StreamGuard
from ai_gateway.gateway.marks import Marks
from ai_gateway.gateway.purse import Purse
from ai_gateway.gateway.watch import Watch
from ai_gateway.providers import Codec, Reading, StreamEnd, StreamWatch
from ai_gateway.providers.continuation import Continuation, Delivered
from ai_gateway.providers.continued_watch import ContinuedWatch
from ai_gateway.providers.likeness import Likeness
from ai_gateway.providers.shaping.codec import ShapedWatch
from ai_gateway.providers.short_end import short_end
from ai_gateway.providers.short_response import short_response
from ai_gateway.runtime.stages import Member
from ai_gateway.runtime.upstream import Answer, TooSlow, UpstreamError

PASSED_HEADERS: Final = frozenset({"content-type", "openai-processing-ms", "openai-version"})
PASSED_PREFIXES: Final = ("x-ratelimit-", "anthropic-ratelimit-")
DATA: Final = b"data:"
CUT_CODE: Final = "provider_stream_cut"
LEAST_BYTES_A_SECOND: Final = 1_000
MOST_WORDS: Final = 16
LINGER_SECONDS: Final = 1.0
EVENT_STREAM: Final = ("content-type", "text/event-stream; charset=utf-8")
JSON: Final = ("content-type", "application/json")

Classify = Callable[[ProviderError], Fault]


class Deadlines(Protocol):
    """Seconds that may pass until the next thing; asked anew each time, because the whole request has an end too."""

    def first(self) -> float: ...

    def between(self) -> float: ...

    def left(self) -> float: ...


def judge_whole(answer: Answer, body: bytes, codec: Codec, shaped: Shaped, classify: Classify) -> Reading:
    """A whole answer that has the dialect's payload. Raises Fault for a refusal, and for a
    2xx that lacks the payload."""
    if not 200 <= answer.status < 300:
        raise classify(codec.read_error(answer.status, answer.headers, body))
    reading = codec.read_reply_to(shaped, body)
    if reading.error is not None:
        raise classify(reading.error)
    return reading


def is_stream(answer: Answer) -> bool:
    """Where one was asked for: JSON under 200 is an error, or a server that ignores `stream`."""
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    return 200 <= answer.status < 300 and not is_json


class Diverged(Exception):
    """The answer of this attempt is not the end of what the caller has; nothing of it was sent. No fault of the
    provider, which was never told what it had to say."""


@final
class Streaming:
    """One stream on its way. `begin` reads up to the commit point; `carry` does the rest.

    `delivered` remembers what the caller was given, None where nobody would go on with it. With a `continuation` the
    stream is the rest of an answer that the caller has a part of: its commit point is where the two parts meet. With a
    `purse` the stream ends where the money does; with a `guard` it waits at its guardrails.
    """

    __slots__ = (
        "_answer",
        "_begun_bytes",
        "_classify",
        "_continued",
        "_deadlines",
        "_delivered",
        "_end",
        "_events",
        "_guard",
        "_heard_words",
        "_marks",
        "_purse",
        "_ready",
        "_ruled",
        "_shaped",
        "_watch",
        "_whole_at",
        "likely",
        "words",
    )

    def __init__(
        self,
        answer: Answer,
        codec: Codec,
        shaped: Shaped,
        classify: Classify,
        deadlines: Deadlines,
        *,
        marks: Marks,
        delivered: Delivered | None = None,
        continuation: Continuation | None = None,
        purse: Purse | None = None,
        guard: StreamGuard | None = None,
    ) -> None:
        self._answer = answer
        self._marks = marks
        self._continued: ContinuedWatch | None = None if continuation is None else continuation.watch(codec)
        self._watch: StreamWatch = self._continued or codec.watch(shaped)
        self._ruled = self._watch if isinstance(self._watch, ShapedWatch) else None
        self._classify = classify
        self._deadlines = deadlines
        self._delivered = delivered
        self._purse = purse
        self._guard = guard
        self._shaped = shaped
        self._ready = b""
        self._end: StreamEnd | None = None
        self._events = 0
        self.likely: Likeness | None = None
        self.words: list[bytes] = []
        self._heard_words = 0
        self._whole_at = marks.at
        self._begun_bytes = 0

    @property
    def usage(self) -> Usage | None:
        return self._watch.usage

    @property
    def delivered_events(self) -> int:
        """Events of this attempt that the caller has, also those that another attempt had brought before, or a rule
        has kept back: they are paid for."""
        if self._ruled is not None:
            return self._ruled.heard_events
        if self._continued is not None:
            return self._continued.heard_events
        return self._events if self.likely is None else self._events + self.likely.events * len(self.words)

    async def begin(self) -> None:
        """Until the first event that is not an error, or until what comes is new. Raises Fault, UpstreamError,
        Diverged; nothing of this stream was sent to the caller."""
        ready: list[bytes] = []
        while not self._watch.started:
            chunk = b"" if self._watch.finished else await self._answer.next(self._patience())
            if not chunk:
                self._end = self._ended_early()
                break
            ready.append(self._watch.feed(chunk))
            if self._watch.error is not None and not self._watch.started:
                raise self._classify(self._watch.error)
        self._ready = b"".join(ready)

    async def carry(self, client: Client, headers: Headers, book: Callable[[], Awaitable[None]]) -> None:
        """Send everything; the head only if none was sent yet. `book` is called before the last bytes leave. Raises
        Fault, UpstreamError, Diverged when the caller has a part: whoever called this continues the answer, or writes
        the error event."""
        ready, self._ready = self._ready, b""
        self._events += ready.count(DATA) if self._ruled is None else self._ruled.heard_events
        if self._delivered is not None:
            self._delivered.keep(ready)
        if self._purse is not None:
            self._purse.note(self._events, ready)
        if self._guard is not None:
            ready = await self._guard.take(ready)
        await (client.write(ready) if client.committed else client.begin(headers, ready))
        del headers, ready  # a stream is long, and there are many
        if self._end is None and not self.is_over:
            frames = None if self._guard is not None else client.frames()
            sink: Frames | None = None
            try:
                sink = None if frames is None else self._pour(frames)
                await (self._pass_on(client) if sink is None else sink.over)
            except UpstreamError:
                self._end = self._watch.end()
                if not self._end.complete:
                    raise
            finally:
                self._stop_pouring(frames, sink)
        if self._watch.error is not None:
            raise self._classify(self._watch.error)
        if self._purse is not None and self.is_cut_short:
            await client.write(b"" if self._guard is None else await self._guard.finish(b""))
            await book()
            self._answer.close()
            short = self._short_end(self._purse)
            await client.finish(short if self._guard is None else await self._guard.finish(short))
            return
        end = self._end or self._watch.end()
        if self._has_diverged:
            raise Diverged
        if not end.complete:
            raise _cut()
        tail = end.tail if self._guard is None else await self._guard.finish(end.tail)
        await book()
        self._answer.leave(LINGER_SECONDS)
        await client.finish(tail)

    def _pour(self, frames: Watch) -> Frames | None:
        """Frames from socket to socket, with no task in between, until what is returned is over; None where this
        answer cannot."""
        answer = self._answer
        sink = Frames(self, frames, asyncio.get_running_loop().create_future())
        frames.on_blocked = sink.block
        if not answer.pour_into(sink, self._deadlines.between(), self._deadlines.left()):
            frames.on_blocked = None
            return None
        if frames.is_blocked:
            answer.pause()
        return sink

    def _stop_pouring(self, frames: Watch | None, sink: Frames | None) -> None:
        self.count_words()
        if frames is not None:
            frames.on_blocked = None
        if sink is not None:
            sink.stop()

    def block(self, *, blocked: bool) -> None:
        """The caller reads slower than is written, or has caught up."""
        if blocked:
            self._answer.pause()
        else:
            self._answer.resume()

    async def _pass_on(self, client: Client) -> None:
        while not self.is_over:
            chunk = await self._answer.next(self._deadlines.between())
            if not chunk:
                break
            ready = self.feed(chunk)
            await client.write(ready if self._guard is None else await self._guard.take(ready))

    def feed(self, chunk: bytes) -> bytes:
        likely = self.likely
        if likely is None or (word := likely.text_in(chunk)) is None:
            return self.feed_other(chunk)
        self.feed_word(word)
        return chunk

    def feed_word(self, word: bytes) -> None:
        """What came differs from what came before in this word only."""
        self.words.append(word)
        self.count_words()

    def hear_words(self) -> None:
        """Those that were laid by since the last time have come just now."""
        heard = len(self.words)
        if heard > self._heard_words:
            self._heard_words = heard
            now = self._whole_at = self._marks.now()
            if now >= self._marks.due_seconds:
                self.count_words()

    def count_words(self) -> int:
        """What they were for the stream is worked out, and none is laid by any more. So many may be until it is to be
        done again."""
        words, likely, marks = self.words, self.likely, self._marks
        if likely is None or not words:
            return 1
        if len(words) > self._heard_words:
            self._whole_at = marks.now()
        events = self._events = self._events + likely.events * len(words)
        self._begun_bytes = self._heard_words = 0
        if self._delivered is not None:
            self._delivered.keep_alike(words, likely)
        words.clear()
        if events >= marks.due_events or self._whole_at >= marks.due_seconds:
            marks.note(events)
        return min(MOST_WORDS, (marks.due_events - events + likely.events - 1) // max(1, likely.events))

    def feed_other(self, chunk: bytes) -> bytes:
        """What is not just another word."""
        if self.words:
            self.count_words()
        watch, marks = self._watch, self._marks
        ready = is_heard = watch.feed(chunk)
        if self._ruled is None:
            events = self._events = self._events + ready.count(DATA)
        else:
            events = self._ruled.heard_events
            is_heard = ready or events > self._events
            self._events = events
        now = marks.now()
        if events >= marks.due_events or now >= marks.due_seconds:
            marks.note(events)
        if self._purse is None:
            self.likely = watch.likely
        if is_heard:
            self._whole_at = now
            self._begun_bytes = 0
        else:
            self._wait_on(len(chunk), now)
        if self._delivered is not None and ready:
            self._delivered.keep(ready)
        if self._purse is not None and ready:
            self._purse.note(events, ready)
        return ready

    def _wait_on(self, size: int, now: float) -> None:
        """A part of an event has come. Raises TooSlow where that took too long."""
        self._begun_bytes += size
        waited = now - self._whole_at
        if self._begun_bytes < LEAST_BYTES_A_SECOND * waited and waited > self._deadlines.between():
            raise TooSlow("between events")

    @property
    def is_paid_in_steps(self) -> bool:
        """Any event may be the last that is paid for."""
        return self._purse is not None

    @property
    def is_cut_short(self) -> bool:
        """Its end is ours, where the money was."""
        return self._purse is not None and self._purse.is_empty and not self._watch.finished

    @property
    def is_over(self) -> bool:
        """Nothing more of this stream is for the caller: its terminal event or an error was read, or it is not paid
        for."""
        return (
            self._watch.finished or self._watch.error is not None or (self._purse is not None and self._purse.is_empty)
        )

    def _short_end(self, purse: Purse) -> bytes:
        assert purse.bill is not None, "it was booked before its end is written"
        call, ruled = self._shaped.call, self._ruled
        first, last = (purse.first, purse.last) if ruled is None else (ruled.first, ruled.last)
        if call.head.operation is Operation.RESPONSES:
            end = short_response(first, last, purse.bill)
        else:
            end = short_end(call, first, last, purse.bill)
        return end if ruled is None else ruled.ended_by(end)

    @property
    def _has_diverged(self) -> bool:
        return self._continued is not None and self._continued.failed

    def _patience(self) -> float:
        """A provider that repeats what the caller has is answering: its silences count, not its first new word."""
        begun = self._continued is not None and self._continued.begun
        return self._deadlines.between() if begun else self._deadlines.first()

    def _ended_early(self) -> StreamEnd:
        """The body is over and `feed` gave nothing that commits: what its end says. Raises Fault unless there is an
        answer in it all the same."""
        end = self._watch.end()
        if self._watch.error is not None:
            raise self._classify(self._watch.error)
        if self._has_diverged:
            raise Diverged
        if not self._watch.started:
            raise ProviderFailed("The AI provider answered with nothing.", code="provider_empty_answer")
        if not end.complete:
            raise _cut()
        return end


def passed_lines(member: Member, headers: Mapping[str, str]) -> str | None:
    """The headers of a member's whole answer that callers may see, as lines; None where one would break. What comes
    again, as the very same object, is looked at once."""
    told = member.told
    if told is None or told[0] is not headers:
        told = member.told = (headers, lines_of([JSON] if member.codec.translates else _passed(headers)))
    return told[1]


def passed_headers(answer: Answer) -> list[tuple[str, str]]:
    """The provider's headers that callers may see: an allow-list, so that no cookie, server or account id leaks."""
    return _passed(answer.headers)


def _passed(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    passed: list[tuple[str, str]] = []
    for header in headers.items():
        name = header[0]
        if name in PASSED_HEADERS or name.startswith(PASSED_PREFIXES):
            passed.append(header)
    return passed


def neutral_headers(answer: Answer) -> list[tuple[str, str]]:
    """Of a whole answer, where nothing may tell whose it is."""
    return [(name, value) for name, value in answer.headers.items() if name == "content-type"]


def stream_headers(answer: Answer) -> list[tuple[str, str]]:
    """The same for a stream, which says that it is one also where the provider did not."""
    headers = passed_headers(answer)
    return headers if "content-type" in answer.headers else [EVENT_STREAM, *headers]


def _cut() -> Fault:
    return ProviderFailed("The AI provider's answer was cut off before its end.", code=CUT_CODE)
