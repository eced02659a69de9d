"""One request on a connection, as uvicorn keeps it, made lighter: what every request begins with stands on the class,
the body stays in the pieces in which it came (nearly always one, which is then handed on without a copy), and nobody
waits for an event that has happened already.

There are as many of these as there are open streams, so nothing here touches an instance's `__dict__`: without it the
attributes are a row of pointers, whose names all instances share.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, final

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

if TYPE_CHECKING:
    from ai_gateway.gateway.protocol import EdgeProtocol
    from ai_gateway.gateway.watch import Watch


@final
class Cycle(RequestResponseCycle):
    """uvicorn's. `pieces` of the body wait for `receive` or `take_body`, `waiting_bytes` in all. `task` serves it."""

    # What uvicorn's `__init__` has: every cycle begins so.
    disconnected = False
    body = b""  # type: ignore[assignment]
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding = None
    expected_content_length = 0
    waiting_for_100_continue = False
    waiting_bytes = 0

    watch: "Watch"
    task: "asyncio.Task[None]"

    def __init__(self, connection: "EdgeProtocol", scope: Any) -> None:
        self.connection = connection
        self.transport = connection.transport
        self.flow = connection.flow
        self.logger = connection.logger
        self.access_logger = connection.access_logger
        self.access_log = connection.access_log
        self.default_headers = connection.default_headers
        self.default_lines = connection.default_lines
        self.scope = scope
        self.message_event = _Bell()  # type: ignore[assignment]
        self.pieces: list[bytes] | tuple[()] = ()

    def on_response(self) -> None:  # type: ignore[override]
        self.connection.on_response_complete()

    async def run_asgi(self, app: Any) -> None:
        """uvicorn's takes an exception for its own business and looks at what was answered; nearly always all is."""
        try:
            await app(self.scope, self.receive, self.send)
        except BaseException as error:  # noqa: BLE001  as uvicorn: an application that fails takes no server along
            await super().run_asgi(_raising(error))
        else:
            if not self.response_complete and not self.disconnected:
                await super().run_asgi(_returning)
        finally:
            self.on_response = _nothing
            self.connection.ended(self)

    async def receive(self) -> Any:
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self._take_pieces(), "more_body": self.more_body}

    def lose(self) -> None:
        """The caller has left."""
        self.disconnected = True
        self.message_event.set()
        self.watch.lose()

    def part(self) -> None:
        """The answer is complete."""
        self.watch.part()

    def block(self, *, blocked: bool) -> None:
        """The caller reads slower than is written, or has caught up."""
        self.watch.block(blocked=blocked)

    def take_piece(self, body: bytes) -> None:
        """One more of the body has come."""
        if self.pieces:
            self.pieces.append(body)
        else:
            self.pieces = [body]
        self.waiting_bytes += len(body)

    def take_body(self) -> bytes | None:
        """The whole body, where all of it is there and nobody has taken any; else None, and `receive` has it."""
        if self.more_body or self.disconnected or self.response_complete or not self.pieces:
            return None
        return self._take_pieces()

    def _take_pieces(self) -> bytes:
        pieces, self.pieces, self.waiting_bytes = self.pieces, (), 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


@final
class _Bell:
    """An asyncio.Event, which is made when somebody really has to wait."""

    __slots__ = ("_event", "_rung")

    def __init__(self) -> None:
        self._rung = False
        self._event: asyncio.Event | None = None

    def set(self) -> None:
        self._rung = True
        if self._event is not None:
            self._event.set()

    def clear(self) -> None:
        self._rung = False
        if self._event is not None:
            self._event.clear()

    async def wait(self) -> bool:
        if not self._rung:
            if self._event is None:
                self._event = asyncio.Event()
            await self._event.wait()
        return True


def _rung() -> _Bell:
    bell = _Bell()
    bell.set()
    return bell


@final
class NoticingFlow(FlowControl):
    """Says when reading goes on: while we did not read, nobody can be blamed for having sent nothing. Whoever waits
    until it may write has a bell made for it: hardly any connection is ever blocked."""

    _is_writable_event = _rung()  # type: ignore[assignment]

    def __init__(self, transport: asyncio.Transport, resumed: Callable[[], None]) -> None:
        self._transport = transport
        self._resumed = resumed
        self.read_paused = self.write_paused = False

    def pause_writing(self) -> None:
        if not self.write_paused:
            self.write_paused = True
            self._is_writable_event = _Bell()  # type: ignore[assignment]

    def resume_reading(self) -> None:
        if self.read_paused:
            super().resume_reading()
            self._resumed()


def _nothing() -> None:
    """An answer after the end concerns nobody."""


def _raising(error: BaseException) -> Any:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        raise error

    return app


async def _returning(_scope: Any, _receive: Any, _send: Any) -> None:
    """For uvicorn's verdict on an application that has returned too early."""
