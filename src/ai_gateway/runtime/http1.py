"""One HTTP/1.1 connection to a provider: llhttp (httptools) parses, this file decides what the parser's events mean for
the answer and for the connection behind it.

There is no task and no lock: the event loop calls `data_received`, the parser calls back, the answer takes it. Of a
request that was sent at once there is not even an answer before something of it comes that is not as usual.

A body ends in one of three ways (RFC 9112, 6.3), and only a proper end is an end: a connection that is lost before it
is Broken, whatever had arrived. Interim answers (1xx) are skipped. An answer may come before the request was sent
whole; the connection is then not used again. A provider that sends without end what carries nothing (a header line,
extensions of chunks, trailers, interim answers) is Broken too, before it fills the memory.
"""

import asyncio
import select
import socket
from collections.abc import Callable
from functools import partial
from typing import Final, cast, final

import httptools

from ai_gateway.domain.traffic import Body, size_of
from ai_gateway.policy.known_head import KnownHead, known_head
from ai_gateway.runtime.http1_answer import BUFFER_BYTES, NEVER, Http1Answer
from ai_gateway.runtime.upstream import Asker, Broken, Sink

HEAD_BYTES: Final = 64 << 10
IDLE_BYTES: Final = 512 << 10  # two whole reads of the event loop in which nothing of an answer was
FRESH_SECONDS: Final = 0.02
OK: Final = 200
SWITCHING_PROTOCOLS: Final = 101
MOST_REMEMBERED: Final = 8
MOST_HEADS: Final = 64
BODILESS: Final = frozenset({204, 304})


@final
class Heads:
    """The heads of answers that came from one place, each with what it was read as: the same for all connections, so
    that who sees the same headers again knows it at a glance."""

    def __init__(self) -> None:
        self._known: dict[KnownHead, tuple[KnownHead, dict[str, str]]] = {}

    def known(self, head: KnownHead, headers: dict[str, str]) -> tuple[KnownHead, dict[str, str]]:
        if len(self._known) >= MOST_HEADS:
            self._known.clear()
        return self._known.setdefault(head, (head, headers))


@final
class Http1Connection(asyncio.Protocol):
    """From `adopt` on `ended` is told when an answer has left: True, and the connection may carry another one; False,
    once, and it is gone. A connection that dies idle says so too. `until` then (the loop's seconds) nothing needs to
    `expire` that was asked at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, heads: Heads) -> None:
        self._loop = loop
        self._time = loop.time
        self._heads = heads
        self._ended: Callable[[Http1Connection, bool], None] = _tell_nobody
        # Not empty while the parser stands between two chunks. It is C that it calls: chunks are dear enough without.
        between_chunks = self._between_chunks = list[None]()
        self.on_chunk_header = between_chunks.clear
        self.on_chunk_complete = partial(between_chunks.append, None)
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._idle_bytes = 0
        self._is_between = True
        self._reads_to_end = False
        self._interim = False
        self._surplus = False
        self._gone = False
        self._is_paused = False
        self._known: KnownHead | None = None
        self._known_headers: dict[str, str] = {}
        self._remembered = 0
        self._asker: Asker | None = None
        self._most = 0
        self.answer: Http1Answer | None = None
        self.chunk_sink: Sink | None = None
        self.heard = False
        self.idle_since = 0.0
        self.until = NEVER

    def adopt(self, ended: Callable[["Http1Connection", bool], None]) -> bool:
        """Whoever counts connections takes this one over; False where it died on the way, and does not count."""
        if self._transport is None or self._transport.is_closing():
            self.cut()
            return False
        self._ended = ended
        return True

    def watch_socket(self, raw: socket.socket) -> None:
        """The socket itself, to ask the kernel whether the other side has hung up."""
        self._poll = select.poll()
        self._poll.register(raw.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)

    def is_usable(self, now: float) -> bool:
        """Whether an idle connection can be trusted with a request: nothing has arrived on it, also not an end that
        the event loop has not seen yet."""
        transport = self._transport
        if transport is None or transport.is_closing() or self.answer is not None or self._asker is not None:
            return False
        return now - self.idle_since < FRESH_SECONDS or self._poll is None or not self._poll.poll(0)

    def ask(self, head: bytes, body: Body) -> Http1Answer:
        """`head` ends where the length is to be said, which is the last thing in it."""
        answer = self.answer = Http1Answer(self, self._loop)
        transport = self._transport
        assert transport is not None, "a connection is asked once it is made"
        if isinstance(body, bytes) and (size := len(body)) <= BUFFER_BYTES:
            transport.write(b"%b%d\r\n\r\n%b" % (head, size, body))
        else:
            pieces = (body,) if isinstance(body, bytes) else body
            transport.writelines((b"%b%d\r\n\r\n" % (head, size_of(body)), *pieces))
        return answer

    def ask_at_once(self, message: Body, most: int, seconds: float, asker: Asker, now: float) -> bool:
        """As Errand.ask has it, of an idle connection; False where it `is_usable` no more. `message` is all of a
        request."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if now - self.idle_since >= FRESH_SECONDS and self._poll is not None and self._poll.poll(0):
            return False
        self._asker = asker
        self._most = most
        self.until = now + seconds
        if isinstance(message, bytes):
            transport.write(message)
        else:
            transport.writelines(message)
        return True

    def unhand(self) -> Http1Answer:
        self._asker = None
        answer = self.answer = Http1Answer(self, self._loop)
        return answer

    def expire(self, now: float) -> None:
        """The time is over of what was asked at once."""
        self._stand_in()
        self.until = NEVER
        if self.answer is not None:
            self.answer.expire(now)

    def pause(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        self._is_paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def end(self, why: str) -> None:
        """Cut, and the answer that is under way hears why."""
        if self._asker is not None:
            self._stand_in()
        if self.answer is not None:
            self.answer.fail(Broken(why))
        self.cut()

    def cut(self) -> None:
        """Close at once, whatever is under way."""
        self.answer = self.chunk_sink = None
        if not self._gone:
            self._gone = True
            self._ended(self, False)
        if self._transport is not None:
            self._transport.abort()

    # The event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        sink = self.chunk_sink
        if sink is not None and self._between_chunks:
            try:
                if sink.take(data):
                    self.heard = True
                    return
            except Exception as error:  # noqa: BLE001  as where a parser calls us
                self.end_by(error)
                return
        asker = self._asker
        if asker is not None:
            known = self._known
            body = None if known is None or len(data) > self._most else known.body_of(data)
            if body is not None:
                self._asker = None
                transport = self._transport
                if transport is None or transport.get_write_buffer_size():
                    self.cut()
                else:
                    self.idle_since = self._time()
                    ended = self._ended
                    ended(self, True)
                if not asker.take(self._known_headers, body):
                    self._put_off(asker, body)
                return
            self._stand_in()
        answer = self.answer
        if answer is None:
            self.cut()
            return
        known = self._known
        if known is not None and self._is_between:
            body = known.body_of(data)
            if body is not None:
                self._keep()
                answer.whole_arrived(OK, self._known_headers, body)
                return
        self._parse(data, answer)

    def _parse(self, data: bytes, answer: Http1Answer) -> None:
        begins = self._is_between
        self._is_between = False
        self._idle_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            self.end_by(error.__context__)
        except httptools.HttpParserError as error:
            self.end(f"the answer is not HTTP: {error}")
        if self._between_chunks and not data.endswith(b"\n"):
            self._between_chunks.clear()  # a part of the next size has been read
        if self._surplus:
            self.cut()
        elif self._idle_bytes > HEAD_BYTES:
            self._end_what_never_begins()
        elif self.answer is None and begins and not self._gone and self._remembered < MOST_REMEMBERED:
            self._remember(data, answer)

    def _stand_in(self) -> None:
        """What was asked at once does not come as usual: from here on it has an answer like any other."""
        asker = self._asker
        if asker is not None:
            answer = self.unhand()
            asker.wait_for(answer, self.until - self._time())

    def _put_off(self, asker: Asker, body: bytes) -> None:
        """It came as usual, and is looked at as if it had not."""
        answer = Http1Answer(self, self._loop)
        answer.whole_arrived(OK, self._known_headers, body)
        asker.wait_for(answer, NEVER)

    def _remember(self, data: bytes, answer: Http1Answer) -> None:
        """A whole answer came at once, and the connection is kept. Where no two of them begin alike, nobody goes on
        looking for it."""
        self._remembered += 1
        is_plain = answer.status == OK and "content-encoding" not in answer.headers
        head = known_head(data) if is_plain else None
        self._known = None
        if head is not None:
            self._known, self._known_headers = self._heads.known(head, answer.headers)

    def _end_what_never_begins(self) -> None:
        answer = self.answer
        if answer is not None and not answer.status:
            self.end("the head of the answer is too large")
        elif self._idle_bytes > IDLE_BYTES:
            self.end("the provider sends what is no answer")

    def eof_received(self) -> bool:
        """Decided here and not when the transport has closed: it would first send the rest of a request that nobody
        reads any more."""
        if self._asker is not None:
            self._stand_in()
        answer = self.answer
        if answer is not None and self._reads_to_end:
            self.cut()
            answer.completed()
        else:
            self.end("the provider closed the connection")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self.end(f"the connection was lost: {exc!r}")

    # The parser

    def on_message_begin(self) -> None:
        self._surplus = self.answer is None  # nobody asked: the next answer must not begin with it
        self._headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        answer = self.answer
        if answer is None:
            return
        status = self._parser.get_status_code()
        if status == SWITCHING_PROTOCOLS:
            raise Broken("the provider switched protocols")
        self._interim = 100 <= status < 200
        if self._interim:
            return
        if self._idle_bytes > HEAD_BYTES and sum(len(name) + len(value) for name, value in self._headers) > HEAD_BYTES:
            raise Broken("the head of the answer is too large")
        headers = _joined(self._headers)
        self._headers = []  # trailers go here: they say nothing of what has arrived already
        framed = "content-length" in headers or "transfer-encoding" in headers
        self._reads_to_end = not framed and status not in BODILESS
        self._idle_bytes = 0
        answer.head_arrived(status, headers)

    def on_body(self, body: bytes) -> None:
        if self.answer is not None:
            self._idle_bytes = 0
            self.answer.body_arrived(body)

    def on_message_complete(self) -> None:
        answer = self.answer
        if self._interim or answer is None:
            return
        self._idle_bytes = 0
        self._is_between = True
        if self._between_chunks:
            self._between_chunks.clear()
        if self._parser.should_keep_alive():
            self._keep()
        else:
            self.cut()
        answer.completed()

    def _keep(self) -> None:
        """The answer has left this connection, which may carry another one where the request was sent whole."""
        transport = self._transport
        if transport is None or transport.get_write_buffer_size():
            self.cut()
            return
        if self._is_paused:
            self.resume()
        self.answer = self.chunk_sink = None
        self.idle_since = self._time()
        ended = self._ended
        ended(self, True)

    def end_by(self, error: BaseException | None) -> None:
        """By what a callback of the parser raised. A mistake of our own is said to the loop: it must not pass for one
        of the provider's."""
        if isinstance(error, Broken):
            self.end(str(error))
        else:
            self._loop.call_exception_handler({"message": "an answer could not be taken", "exception": error})
            self.end("the answer could not be taken")


def _tell_nobody(connection: Http1Connection, reusable: bool) -> None:  # noqa: FBT001  a callback's shape
    """Before somebody counts it, a connection comes and goes unseen."""


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names; what came twice is joined (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
