"""The caller's side of a request: reads the body, sends the answer, and knows when the caller has left.

It wraps ASGI so that the line sees five verbs. A lost client cancels the task that serves it: the server's protocol
says so at once (`ai_gateway.watch`, see protocol.py), so nobody has to listen for it and an upstream call that nobody
waits for is closed within milliseconds. Draining ends a request by the same way, with a reason.

Having a status and having a part of an answer are two things. Whoever hears comments in a stream while the request
waits has the first, and any endpoint may still answer; only with the second is it too late for another one to begin.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, final

from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.traffic import Head
from ai_gateway.gateway.watch import Watch

if TYPE_CHECKING:
    from ai_gateway.gateway.flight import Flight
    from ai_gateway.gateway.known_request import Memory

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = Iterable[tuple[str, str]]


class Interruption(StrEnum):
    LEFT = "left"
    DRAINED = "drained"


class ClientLeft(Exception):
    """The caller closed the connection while its request was still being read."""


class InFlight(Protocol):
    """A request that is not answered yet."""

    def interrupt(self, why: Interruption) -> None: ...


class Edit(Protocol):
    """Changes a few bytes of an answer on its way out: of a whole one, or of the first and the last of a stream.
    `whole` may be asked more than once for the same answer."""

    def whole(self, status: int, body: bytes) -> bytes: ...

    def first(self, events: bytes) -> bytes: ...

    def last(self, events: bytes) -> bytes: ...


@final
class Client:
    """`status` is 0 until a head was sent. `committed`: the caller has a part of an answer, or all of it. `streams`:
    what was sent is a stream, so something can be added to it. `hides_providers`: nothing that is said to this caller
    may name a provider."""

    __slots__ = (
        "_besides",
        "_direct",
        "_edit",
        "_head",
        "_receive",
        "_send",
        "_task",
        "_watch",
        "committed",
        "hides_providers",
        "interruption",
        "status",
        "streams",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._task = asyncio.current_task()
        self._watch: Watch | None = scope.get("extensions", {}).get("ai_gateway.watch")
        self._direct = self._watch
        self.interruption: Interruption | None = None
        self.status = 0
        self.committed = False
        self.streams = False
        self.hides_providers = False
        self._head: Head | None = None
        self._besides: tuple[tuple[str, str], ...] = ()
        self._edit: Edit | None = None
        if self._watch is not None:
            self._watch.on_lost = self._left
            if self._watch.lost:
                self.interruption = Interruption.LEFT

    @property
    def answered(self) -> bool:
        """The caller has a status; what goes wrong from here on can only be said within the stream."""
        return self.status != 0

    @property
    def flight(self) -> "Flight | None":
        """Where this request began, if not here."""
        return None if self._watch is None else self._watch.flight

    @property
    def memory(self) -> "Memory | None":
        """What is known of a head that this connection has had before."""
        return None if self._watch is None else self._watch.memory

    def introduce(self, head: Head) -> None:
        """Every answer of this request carries its ids."""
        self._head = head

    def say_besides(self, header: tuple[str, str]) -> None:
        """One more that every answer carries."""
        self._besides = (*self._besides, header)

    def edit(self, edit: Edit) -> None:
        """From here on."""
        self._edit = edit

    def record(self, hear: Callable[[Message], Awaitable[None]], body: bytes) -> None:
        """Overhear, and a caller who leaves ends nothing: the answer is wanted whether he is there or not. `body` is
        read again."""

        async def receive_again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        self.overhear(hear)
        self._receive = receive_again
        if self._watch is not None:
            self._watch.on_lost = None

    def overhear(self, hear: Callable[[Message], Awaitable[None]]) -> None:
        """From here on `hear` is told of every message before it is sent, frames too."""
        send = self._send

        async def send_heard(message: Message) -> None:
            await hear(message)
            await send(message)

        self._send, self._direct = send_heard, None

    async def read_body(self, most: int) -> bytes:
        """Raises InvalidRequest (413) above `most` bytes, ClientLeft."""
        if self.interruption is not None:
            raise ClientLeft
        if self._watch is not None and (whole := self._watch.take_body()) is not None and len(whole) <= most:
            return whole
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > most:
                raise InvalidRequest("The request body is too large.", status=413, code="request_too_large")
            parts.append(part)
            more = message.get("more_body", False)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer at once. A header that would break its line is left to the server, which refuses it."""
        if self._edit is not None:
            body = self._edit.whole(status, body)
        if not self.answer_lines(status, lines_of(headers), body):
            await self._begin(status, (*headers, ("content-length", str(len(body)))))
            await self._send({"type": "http.response.body", "body": body})

    def answer_lines(self, status: int, lines: str | None, body: bytes) -> bool:
        """The same for header lines that are text already, as `lines_of` makes them, in one write. False: nothing was
        written, and `answer` has to."""
        self.committed = True
        if self._edit is not None:
            body = self._edit.whole(status, body)
        always = self._always_as_lines()
        if self._direct is None or lines is None or always is None:
            return False
        if not self._direct.write_whole(status, lines + always, body):
            return False
        self.status = status
        return True

    async def comment(self, headers: Headers, text: bytes) -> None:
        """Bytes of a stream that no reader takes for a part of the answer, behind its head; from here on the status is
        200, and still anybody may answer."""
        await self._begin_stream(headers)
        await self.write(text)

    async def begin(self, headers: Headers, first: bytes) -> None:
        """A stream's first bytes, behind its head where none was sent yet."""
        self.committed = True
        await self._begin_stream(headers)
        await self.write(first if self._edit is None else self._edit.first(first))

    async def write(self, chunk: bytes) -> None:
        if chunk:
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    def frames(self) -> Watch | None:
        """Where frames of the stream may be written directly; None where only `write` can."""
        return self._direct if self._direct is not None and self._direct.takes_frames else None

    async def finish(self, last: bytes = b"") -> None:
        if self._edit is not None:
            last = self._edit.last(last)
        await self._send({"type": "http.response.body", "body": last})

    def interrupt(self, why: Interruption) -> None:
        """Cancel the task that serves this client, once, with a reason that it can ask for."""
        if self.interruption is None and self._task is not None:
            self.interruption = why
            self._task.cancel()

    def take_interruption(self) -> Interruption | None:
        """What a CancelledError was about, where it was ours; the task may go on to say goodbye and to book."""
        if self.interruption is not None and self._task is not None:
            self._task.uncancel()
        return self.interruption

    def release(self) -> None:
        """The request is over: nothing that happens to the connection concerns it any more."""
        if self._watch is not None:
            self._watch.on_lost = self._watch.on_blocked = None
        self._task = None

    def _always(self) -> tuple[tuple[str, str], ...]:
        head = self._head
        if head is None:
            return self._besides
        own = (("x-request-id", head.request_id), ("request-id", head.request_id))
        if head.client_request_id is not None:
            own = (*own, ("x-client-request-id", head.client_request_id))
        return (*own, *self._besides)

    def _always_as_lines(self) -> str | None:
        """Ours are made by us, and a caller's own was looked at: nothing in them breaks a line."""
        head = self._head
        if head is None or self._besides or head.client_request_id is not None:
            return lines_of(self._always())
        return f"x-request-id: {head.request_id}\r\nrequest-id: {head.request_id}\r\n"

    def _left(self) -> None:
        self.interrupt(Interruption.LEFT)

    async def _begin_stream(self, headers: Headers) -> None:
        if not self.answered:
            await self._begin(200, headers)
            self.streams = True
            if self._watch is not None:
                self._watch.lighten()

    async def _begin(self, status: int, headers: Headers) -> None:
        """Whoever is cancelled before the head was sent has sent none."""
        said = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
        said += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self._always()]
        await self._send({"type": "http.response.start", "status": status, "headers": said})
        self.status = status


def lines_of(headers: Headers) -> str | None:
    """Header lines, each ended with CRLF; None where a header would break the line that it stands in."""
    text, count = "", 0
    for name, value in headers:
        text += f"{name}: {value}\r\n"
        count += 1
    return text if text.count("\r") == count == text.count("\n") else None
