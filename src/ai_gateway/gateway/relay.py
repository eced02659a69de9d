"""From the provider's bytes to the caller's: whole answers and streams.

Nothing is sent before the first event that is not an error was read; up to there a failure is an ordinary answer with
an ordinary status. After it, whole events are handed on unchanged, and a stream that does not end properly ends with
an error event of the dialect: a cut answer is never made to look complete. The receipt is written before the last
bytes leave.
"""

from collections.abc import Callable
from typing import Final, final

import msgspec

from ai_gateway.domain.chat import Operation, ProviderError, Usage
from ai_gateway.domain.faults import Fault, ProviderFailed
from ai_gateway.domain.traffic import Shaped
from ai_gateway.gateway.client import Client, Headers
from ai_gateway.providers import Codec, StreamWatch
from ai_gateway.runtime.upstream import Answer

PASSED_HEADERS: Final = frozenset({"content-type", "openai-processing-ms", "openai-version"})
PASSED_PREFIXES: Final = ("x-ratelimit-", "anthropic-ratelimit-")
EVENT_STREAM: Final = ("content-type", "text/event-stream; charset=utf-8")

Classify = Callable[[ProviderError], Fault]


class Whole(msgspec.Struct, frozen=True):
    """A whole answer that has the dialect's payload."""

    body: bytes
    usage: Usage | None


class Room(msgspec.Struct, frozen=True):
    """How much of an answer is taken, and for how long."""

    most_bytes: int
    seconds: float


class Deadlines(msgspec.Struct, frozen=True):
    """Seconds that may pass until the next thing; asked anew each time, because the whole request has an end too."""

    first: Callable[[], float]
    between: Callable[[], float]


async def read_whole(answer: Answer, codec: Codec, operation: Operation, classify: Classify, room: Room) -> Whole:
    """Raises Fault for a refusal, and for a 2xx that lacks the payload; UpstreamError for what the wire does."""
    body = await answer.read(room.most_bytes, room.seconds)
    if not 200 <= answer.status < 300:
        raise classify(codec.read_error(answer.status, answer.headers, body))
    reading = codec.read_reply(operation, body)
    if reading.error is not None:
        raise classify(reading.error)
    return Whole(body=body, usage=reading.usage)


@final
class Streaming:
    """One stream on its way. `begin` reads up to the commit point; `carry` does the rest."""

    def __init__(self, answer: Answer, codec: Codec, shaped: Shaped, classify: Classify, deadlines: Deadlines) -> None:
        self._answer = answer
        self._watch: StreamWatch = codec.watch(shaped)
        self._classify = classify
        self._deadlines = deadlines
        self._ready = b""
        self.delivered_events = 0

    @property
    def usage(self) -> Usage | None:
        return self._watch.usage

    async def begin(self) -> None:
        """Until the first event that is not an error. Raises Fault, UpstreamError; nothing was sent to the caller."""
        ready: list[bytes] = []
        while not self._watch.started:
            chunk = b"" if self._watch.finished else await self._answer.next(self._deadlines.first())
            if not chunk:
                raise self._fault_at_end() or ProviderFailed(
                    "The AI provider answered with nothing.", code="provider_empty_answer"
                )
            ready.append(self._watch.feed(chunk))
            if self._watch.error is not None and not self._watch.started:
                raise self._classify(self._watch.error)
        self._ready = b"".join(ready)

    async def carry(self, client: Client, headers: Headers, book: Callable[[], None]) -> None:
        """Send everything. `book` is called before the last bytes leave. Raises Fault, UpstreamError after the head
        was sent: the caller of this writes the error event."""
        ready, self._ready = self._ready, b""
        self.delivered_events += ready.count(b"data:")
        if self._watch.finished:
            book()
        await client.begin(headers, ready)
        while not self._watch.finished and self._watch.error is None:
            chunk = await self._answer.next(self._deadlines.between())
            if not chunk:
                break
            ready = self._watch.feed(chunk)
            self.delivered_events += ready.count(b"data:")
            if self._watch.finished:
                book()
            await client.write(ready)
        if self._watch.error is not None:
            raise self._classify(self._watch.error)
        end = self._watch.end()
        if not end.complete:
            raise _cut()
        book()
        await client.finish(end.tail)

    def _fault_at_end(self) -> Fault | None:
        end = self._watch.end()
        if self._watch.error is not None:
            return self._classify(self._watch.error)
        if self._watch.started and not end.complete:
            return _cut()
        return None


def passed_headers(answer: Answer) -> list[tuple[str, str]]:
    """The provider's headers that callers may see: an allow-list, so that no cookie, server or account id leaks."""
    return [
        (name, value)
        for name, value in answer.headers.items()
        if name in PASSED_HEADERS or name.startswith(PASSED_PREFIXES)
    ]


def stream_headers(answer: Answer) -> list[tuple[str, str]]:
    """The same for a stream, which says that it is one also where the provider did not."""
    headers = passed_headers(answer)
    return headers if "content-type" in answer.headers else [EVENT_STREAM, *headers]


def _cut() -> Fault:
    return ProviderFailed("The AI provider's answer was cut off before its end.", code="provider_stream_cut")
