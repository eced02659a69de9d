"""One HTTP/1.1 connection to a provider, and one answer on it: llhttp (httptools) parses, this file decides what the
parser's events mean.

There is no task and no lock. The event loop calls `data_received`, the parser calls back, and the Answer either wakes
whoever waits (`head`, `next`, `read`) or, once `pour_into` was called, hands the bytes straight on to a Sink, so that
a frame of a stream costs no task switch. What waits for a consumer is bounded: above 64 KiB the socket is not read.

A body ends in one of three ways (RFC 9112, 6.3), and only a proper end is an end: a connection that is lost before it
is Broken, whatever had arrived. Interim answers (1xx) are skipped. An answer may come before the request was sent
whole; the connection is then not used again.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, cast, final

import httptools

from ai_gateway.runtime.decompression import Decode, decoder_for
from ai_gateway.runtime.upstream import Broken, Sink, TooSlow, UpstreamError

BUFFER_BYTES: Final = 64 << 10
HEAD_BYTES: Final = 64 << 10
FRESH_SECONDS: Final = 0.02
SWITCHING_PROTOCOLS: Final = 101
BODILESS: Final = frozenset({204, 304})
NEVER: Final = float("inf")


class _Want(Enum):
    NOTHING = auto()
    HEAD = auto()
    PART = auto()
    WHOLE = auto()


@final
class Http1Answer:
    """An answer as runtime/upstream.py promises it."""

    __slots__ = (
        "_between",
        "_connection",
        "_decode",
        "_error",
        "_left_alone",
        "_loop",
        "_most",
        "_paused",
        "_ready",
        "_ready_bytes",
        "_sink",
        "_stage",
        "_until",
        "_waiter",
        "_want",
        "_whole",
        "deadline",
        "raw_headers",
        "status",
    )

    def __init__(self, connection: "Http1Connection", loop: asyncio.AbstractEventLoop) -> None:
        self._connection: Http1Connection | None = connection
        self._loop = loop
        self._ready: list[bytes] = []
        self._ready_bytes = 0
        self._most = BUFFER_BYTES
        self._paused = False
        self._left_alone = False
        self._whole = False
        self._error: UpstreamError | None = None
        self._decode: Decode | None = None
        self._sink: Sink | None = None
        self._between = self._until = NEVER
        self._waiter: asyncio.Future[None] | None = None
        self._want = _Want.NOTHING
        self._stage = "first byte"
        self.deadline = NEVER
        self.raw_headers: list[tuple[bytes, bytes]] = []
        self.status = 0

    # Whoever asked

    @property
    def headers(self) -> dict[str, str]:
        joined: dict[str, str] = {}
        for raw_name, raw_value in self.raw_headers:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
        return joined

    async def head(self, seconds: float) -> None:
        """Until status and headers are there. Raises TooSlow, Broken."""
        if not self.status:
            await self._wait(_Want.HEAD, seconds)

    async def read(self, most: int, seconds: float) -> bytes:
        self._stage = "between bytes"
        self._most = most
        if not self._whole and self._ready_bytes <= most:
            self.resume()
            await self._wait(_Want.WHOLE, seconds)
        self._raise_failure()
        if self._ready_bytes > most:
            self.close()
            raise Broken("the answer is too large")
        return self._take()

    async def next(self, seconds: float) -> bytes:
        self._stage = "between bytes"
        while not self._ready and not self._whole:
            self.resume()
            await self._wait(_Want.PART, seconds)
        if not self._ready:
            self._raise_failure()
        taken = self._take()
        if not self._whole:
            self.resume()
        return taken

    def pour_into(self, sink: Sink, between_seconds: float, total_seconds: float) -> bool:
        now = self._loop.time()
        self._stage = "between bytes"
        self._between, self._until = between_seconds, now + total_seconds
        self.deadline = min(now + between_seconds, self._until)
        self._sink = sink
        if self._ready:
            sink.pour(self._take())
        if self._whole or self._error is not None:
            self._end_sink()
        else:
            self.resume()
        return True

    def pause(self) -> None:
        """Read no more for now; silence is then nobody's fault, so only the total time runs on."""
        if not self._paused and self._connection is not None:
            self._paused = True
            self.deadline = self._until
            self._connection.pause()

    def resume(self) -> None:
        if self._paused and self._connection is not None:
            self._paused = False
            if self._sink is not None:
                self.deadline = min(self._loop.time() + self._between, self._until)
            self._connection.resume()

    def leave(self, seconds: float) -> None:
        self._sink = None
        self._left_alone = True
        self._ready = []
        if self._connection is not None:
            self.resume()
            self.deadline = self._loop.time() + seconds

    def close(self) -> None:
        """An answer that was not read to its end takes its connection with it, at once."""
        self._sink = None
        if self._connection is not None and not self._left_alone:
            connection, self._connection = self._connection, None
            connection.cut()

    # The connection

    def head_arrived(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        self.raw_headers = headers
        for name, value in headers:
            if len(name) == len(b"content-encoding") and name.lower() == b"content-encoding":
                try:
                    self._decode = decoder_for(value.decode("latin-1"))
                except Broken as error:
                    self.fail(error)
                    return
        if self._want is _Want.HEAD:
            self._wake()

    def body_arrived(self, data: bytes) -> None:
        if self._decode is not None:
            try:
                data = self._decode(data)
            except Broken as error:
                self.fail(error)
                return
            if not data:
                return
        if self._left_alone:
            return
        if self._sink is not None:
            self.deadline = min(self._loop.time() + self._between, self._until)
            self._sink.pour(data)
            return
        self._ready.append(data)
        self._ready_bytes += len(data)
        if self._ready_bytes > self._most:
            self.pause()
        if self._want is _Want.PART or (self._want is _Want.WHOLE and self._ready_bytes > self._most):
            self._wake()

    def completed(self) -> None:
        """The body ended properly; the connection is no longer this answer's."""
        self._connection = None
        if self._decode is not None and self._error is None:
            try:
                self._decode(b"")
            except Broken as error:
                self._error = error
        self._whole = True
        self.deadline = NEVER
        self._end_sink()
        self._wake()

    def fail(self, error: UpstreamError) -> None:
        if self._error is None and not self._whole:
            self._error = error
            if self._connection is not None:
                connection, self._connection = self._connection, None
                connection.cut()
            self._whole = True
            self._end_sink()
            self._wake()

    def expire(self, now: float) -> None:
        if now >= self.deadline:
            self.fail(TooSlow(self._stage))

    def _end_sink(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close(self._error)

    async def _wait(self, want: _Want, seconds: float) -> None:
        """Until what is wanted has arrived, or there is nothing more to come. Raises the failure, unless bytes that
        came before it are still to be taken."""
        if not self._whole:
            self._want = want
            self.deadline = self._loop.time() + seconds
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            except asyncio.CancelledError:
                self.close()
                raise
            finally:
                self._waiter = None
                self._want = _Want.NOTHING
                self.deadline = NEVER
        if not self._ready or want is _Want.HEAD:
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _take(self) -> bytes:
        ready = self._ready
        taken = ready[0] if len(ready) == 1 else b"".join(ready)
        self._ready = []
        self._ready_bytes = 0
        return taken


@final
class Http1Connection(asyncio.Protocol):
    """`ended` is told when an answer has left: True, and the connection may carry another one; False, once, and it is
    gone. A connection that dies idle says so too."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ended: Callable[["Http1Connection", bool], None]) -> None:
        self._loop = loop
        self._ended = ended
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._answer: Http1Answer | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._reads_to_end = False
        self._interim = False
        self._surplus = False
        self._gone = False
        self.idle_since = 0.0

    @property
    def answer(self) -> Http1Answer | None:
        return self._answer

    def watch_socket(self, raw: socket.socket) -> None:
        """The socket itself, to ask the kernel whether the other side has hung up."""
        self._poll = select.poll()
        self._poll.register(raw.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)

    def is_usable(self, now: float) -> bool:
        """Whether an idle connection can be trusted with a request: nothing has arrived on it, also not an end that
        the event loop has not seen yet."""
        if self._transport is None or self._transport.is_closing() or self._answer is not None:
            return False
        return now - self.idle_since < FRESH_SECONDS or self._poll is None or not self._poll.poll(0)

    def ask(self, head: bytes, body: bytes) -> Http1Answer:
        answer = self._answer = Http1Answer(self, self._loop)
        transport = self._transport
        assert transport is not None, "a connection is asked once it is made"
        self._reads_to_end = self._interim = False
        if len(body) <= BUFFER_BYTES:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
        return answer

    def pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def cut(self) -> None:
        """Close at once, whatever is under way."""
        self._leave(reusable=False)
        if self._transport is not None:
            self._transport.abort()

    # The event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.cut()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._broken("the provider switched protocols")
        except httptools.HttpParserError as error:
            self._broken(f"the answer is not HTTP: {error}")
        if self._surplus:
            self.cut()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        answer = self._answer
        self._transport = None
        if answer is None:
            self._leave(reusable=False)
        elif self._reads_to_end and exc is None:
            self._leave(reusable=False)
            answer.completed()
        else:
            answer.fail(Broken(f"the connection was lost: {exc!r}"))

    # The parser

    def on_message_begin(self) -> None:
        self._surplus = self._answer is None  # nobody asked: the next answer must not begin with it
        self._headers = []
        self._head_bytes = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES:
            raise ValueError("the head of the answer is too large")
        if self._answer is not None and not self._answer.status:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        answer = self._answer
        if answer is None:
            return
        status = self._parser.get_status_code()
        self._interim = 100 <= status < 200 and status != SWITCHING_PROTOCOLS
        if self._interim:
            return
        framed = any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self._headers)
        self._reads_to_end = not framed and status not in BODILESS
        answer.head_arrived(status, self._headers)

    def on_body(self, body: bytes) -> None:
        if self._answer is not None:
            self._answer.body_arrived(body)

    def on_message_complete(self) -> None:
        answer = self._answer
        if self._interim or answer is None:
            return
        transport = self._transport
        sent_whole = transport is not None and not transport.get_write_buffer_size()
        if sent_whole and self._parser.should_keep_alive():
            self.resume()
            self._leave(reusable=True)
        else:
            self.cut()
        answer.completed()

    def _leave(self, *, reusable: bool) -> None:
        """The answer has left this connection; where it cannot be reused, that is said once and is final."""
        self._answer = None
        if not self._gone:
            self._gone = not reusable
            self.idle_since = self._loop.time()
            self._ended(self, reusable)

    def _broken(self, why: str) -> None:
        if self._answer is not None:
            self._answer.fail(Broken(why))
        else:
            self.cut()
