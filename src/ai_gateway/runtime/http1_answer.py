"""An answer of a provider as runtime/upstream.py promises it: what the parser found goes in on one side, and comes out
on the other where somebody waits for it (`head`, `next`, `read`), where somebody is told of it (`when_whole`) or, once
`pour_into` was called, straight into a Sink: there a whole answer or a frame of a stream costs no task switch. What
waits for a consumer is bounded: above 64 KiB the socket is not read.

An answer ends once: whole, or with an error that it takes its connection along. Nobody who waits is forgotten.
"""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, Protocol, final

from ai_gateway.runtime.decompression import Decode, decoder_for
from ai_gateway.runtime.upstream import Broken, Sink, TooSlow, UpstreamError

BUFFER_BYTES: Final = 64 << 10
NEVER: Final = float("inf")


class Connection(Protocol):
    """What an answer may ask of the connection that it comes on. `chunk_sink`: who may take whole chunks by himself.
    `heard`: that one of them, or what was poured, has come since somebody looked."""

    chunk_sink: Sink | None
    heard: bool

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def cut(self) -> None: ...

    def end_by(self, error: BaseException | None) -> None:
        """By what whoever listens has raised."""
        ...


class _Want(Enum):
    NOTHING = auto()
    HEAD = auto()
    PART = auto()
    WHOLE = auto()


_HEAD: Final = _Want.HEAD
_NOTHING: Final = _Want.NOTHING
_PART: Final = _Want.PART
_WHOLE: Final = _Want.WHOLE  # a member of an enum is a look-up in Python each time
_NO_HEADERS: Final[dict[str, str]] = {}


@final
class _Nobody:
    """The sink of what is not wanted any more."""

    def pour(self, data: bytes) -> None: ...

    def take(self, read: bytes) -> bool:
        return False

    def tick(self) -> None: ...

    def close(self, error: UpstreamError | None) -> None: ...


_NOBODY: Final = _Nobody()


@final
class Http1Answer:
    """An answer as runtime/upstream.py promises it."""

    __slots__ = (
        "_between",
        "_connection",
        "_decode",
        "_error",
        "_loop",
        "_most",
        "_paused",
        "_ready",
        "_ready_bytes",
        "_sink",
        "_tell",
        "_until",
        "_waiter",
        "_want",
        "_whole",
        "deadline",
        "headers",
        "status",
    )

    def __init__(self, connection: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._connection = connection
        self._loop = loop
        self._ready: list[bytes] | tuple[()] = ()
        self._ready_bytes = 0
        self._most = BUFFER_BYTES
        self._paused = False
        self._whole = False
        self._error: UpstreamError | None = None
        self._decode: Decode | None = None
        self._sink: Sink | None = None
        self._between = self._until = NEVER
        self._waiter: asyncio.Future[None] | None = None
        self._want = _NOTHING
        self._tell: Callable[[], None] | None = None
        self.deadline = NEVER
        self.headers: dict[str, str] = _NO_HEADERS
        self.status = 0

    # Whoever asked

    async def head(self, seconds: float) -> None:
        if not self.status:
            await self._wait(_HEAD, seconds)

    def when_whole(self, most: int, seconds: float, tell: Callable[[], None]) -> None:
        self._most = most
        self._tell = tell
        self.deadline = self._loop.time() + seconds
        if self._whole or self.status:
            self._catch_up()

    def take_whole(self) -> bytes | None:
        if not self._whole or self._error is not None or self._ready_bytes > self._most:
            return None
        ready = self._ready
        return ready[0] if len(ready) == 1 else b"".join(ready)

    def unhand(self) -> None:
        self._tell = None
        self.deadline = NEVER
        self._most = BUFFER_BYTES
        if self._ready_bytes > BUFFER_BYTES:
            self.pause()

    async def read(self, most: int, seconds: float) -> bytes:
        self._most = most
        if not self._whole and self._ready_bytes <= most:
            self.resume()
            await self._wait(_WHOLE, seconds)
        self._raise_failure()
        if self._ready_bytes > most:
            self.close()
            raise Broken("the answer is too large")
        return self._take()

    async def next(self, seconds: float) -> bytes:
        while not self._ready and not self._whole:
            self.resume()
            await self._wait(_PART, seconds)
        if not self._ready:
            self._raise_failure()
        taken = self._take()
        if not self._whole:
            self.resume()
        return taken

    def pour_into(self, sink: Sink, between_seconds: float, total_seconds: float) -> bool:
        now = self._loop.time()
        self._between, self._until = between_seconds, now + total_seconds
        self.deadline = min(now + between_seconds, self._until)
        self._sink = sink
        if self._decode is None and not self._whole:
            self._connection.chunk_sink = sink
        self.resume()  # before the sink is filled, or a pause that it asks for would be taken back
        if self._ready:
            sink.pour(self._take())
        if self._whole:
            self._end_sink()
        return True

    def pause(self) -> None:
        """Read no more for now; silence is then nobody's fault, so only the total time runs on."""
        if not self._paused and not self._whole:
            self._paused = True
            self.deadline = self._until
            self._connection.pause()

    def resume(self) -> None:
        if self._paused and not self._whole:
            self._paused = False
            if self._sink is not None:
                self.deadline = min(self._loop.time() + self._between, self._until)
            self._connection.resume()

    def leave(self, seconds: float) -> None:
        self._sink = _NOBODY
        self._decode = None
        self._take()
        if not self._whole:
            self._connection.chunk_sink = None
            self._between, self._until = NEVER, self._loop.time() + seconds
            self.deadline = self._until
            self.resume()

    def close(self) -> None:
        """An answer that was not read to its end takes its connection with it, at once."""
        if self._sink is not _NOBODY:
            self._sink = None
            self.fail(Broken("the answer was closed before its end"))

    # The connection

    def head_arrived(self, status: int, headers: dict[str, str]) -> None:
        """`headers` as `Answer.headers` has them. There is no head where the body cannot be read."""
        if "content-encoding" in headers:
            try:
                self._decode = decoder_for(headers["content-encoding"])
            except Broken as error:
                self.fail(error)
                return
        self.status = status
        self.headers = headers
        if self._want is _HEAD:
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
        if self._sink is not None:
            self._connection.heard = True
            self._sink.pour(data)
            return
        if self._ready:
            self._ready.append(data)
        else:
            self._ready = [data]
        self._ready_bytes += len(data)
        if self._ready_bytes > self._most:
            self.pause()
        if self._want is _PART or (self._want is not _HEAD and self._ready_bytes > self._most):
            self._wake()

    def whole_arrived(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Head and body of an answer in one: nothing of it was there before, and the body stands as it came. The
        connection is no longer this answer's."""
        self.status = status
        self.headers = headers
        self._whole = True
        self._ready = [body]
        self._ready_bytes = len(body)
        tell = self._tell
        if tell is None:
            self._wake()
        else:
            self._tell = None
            tell()

    def completed(self) -> None:
        """The body ended properly; the connection is no longer this answer's."""
        if self._decode is not None:
            try:
                self._decode(b"")
            except Broken as error:
                self._error = error
        self._whole = True
        self.deadline = NEVER
        self._end_sink()
        self._wake()

    def fail(self, error: UpstreamError) -> None:
        """It ends here and takes its connection with it; nothing happens where it has ended already."""
        if not self._whole:
            self._whole = True
            self._error = error
            self.deadline = NEVER
            self._connection.cut()
            self._end_sink()
            self._wake()

    def expire(self, now: float) -> None:
        """What is poured moves its deadline here, once for all frames since the last time: a clock for each of them
        would be the dearest thing about it."""
        connection = self._connection
        if connection.heard:
            connection.heard = False
            sink = self._sink
            if sink is not None:
                if not self._paused:
                    until = now + self._between
                    self.deadline = until if until < self._until else self._until
                tick = sink.tick
                try:
                    tick()
                except Exception as error:  # noqa: BLE001  nobody else's time stands still for it
                    connection.end_by(error)
        if now >= self.deadline:
            self.fail(TooSlow("between bytes" if self.status else "first byte"))

    def _end_sink(self) -> None:
        sink = self._sink
        if sink is not None:
            self._sink = None
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
                self._want = _NOTHING
                self.deadline = NEVER
        if not self._ready or want is _HEAD:
            self._raise_failure()

    def _raise_failure(self) -> None:
        if self._error is not None:
            raise self._error

    def _catch_up(self) -> None:
        """Something was there before anybody asked for the whole."""
        if self._whole or self._ready_bytes > self._most:
            self._wake()
        else:
            self.resume()

    def _wake(self) -> None:
        if self._waiter is not None:
            if not self._waiter.done():
                self._waiter.set_result(None)
        elif self._tell is not None:
            self._loop.call_soon(self._say)  # not here: what is told may ask anew, and the parser is still at work

    def _say(self) -> None:
        """Once, whatever has happened in between."""
        tell, self._tell = self._tell, None
        if tell is not None:
            self.deadline = NEVER
            tell()

    def _take(self) -> bytes:
        ready = self._ready
        taken = ready[0] if len(ready) == 1 else b"".join(ready)
        self._ready = ()
        self._ready_bytes = 0
        return taken
