"""What a request may know of the connection it came on: that its caller has left, and a way to write frames of a
stream without going through ASGI.

ASGI's `send` builds a message, awaits, and looks at flow control for every frame, and looks at every header with two
regular expressions; a frame of a stream is one write to the transport, and so is a whole answer. So a stream's head
and its last bytes go through `send`, which keeps the server's state right; what is in between goes straight to the
transport, in the chunks that the server would have made, and a whole answer does so with the state set as `send` sets
it. That rests on the inside of uvicorn, which is pinned and has a contract test.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

if TYPE_CHECKING:
    from ai_gateway.gateway.cycle import Cycle
    from ai_gateway.gateway.flight import Flight
    from ai_gateway.gateway.known_request import Memory


@final
class Watch:
    """One request's view of its connection. `on_lost` is called once, at once, in the loop's thread; who sets it
    looks at `lost` first. `on_blocked` is told True when the caller reads slower than we write, False when it has
    caught up. `path` is the canonical one, where somebody has worked it out already. `memory` is there for a request
    whose head is one that this connection has had before, `flight` for one that goes on where that one ended."""

    __slots__ = ("_cycle", "flight", "lost", "memory", "on_blocked", "on_lost", "path")

    def __init__(self, path: str | None = None, memory: "Memory | None" = None, flight: "Flight | None" = None) -> None:
        self.path = path
        self.memory = memory
        self.flight = flight
        self._cycle: Cycle | None = None
        self.lost = False
        self.on_lost: Callable[[], None] | None = None
        self.on_blocked: Callable[[bool], None] | None = None

    def serve(self, cycle: "Cycle") -> None:
        self._cycle = cycle

    def part(self) -> None:
        """The answer is complete. The server's cycle knows this watch and is known to it: let go, or every request
        leaves a ring of objects for the garbage collector."""
        self._cycle = None

    def lighten(self) -> None:
        """The answer takes long: its connection need not keep what it can make anew."""
        if self._cycle is not None:
            self._cycle.connection.lighten()

    def take_body(self) -> bytes | None:
        """The request's whole body, where it is there; None where it has to be received."""
        return None if self._cycle is None else self._cycle.take_body()

    def lose(self) -> None:
        if not self.lost:
            self.lost = True
            if self.on_lost is not None:
                self.on_lost()

    def block(self, *, blocked: bool) -> None:
        if self.on_blocked is not None:
            self.on_blocked(blocked)

    @property
    def is_blocked(self) -> bool:
        return self._cycle is not None and self._cycle.flow.write_paused

    @property
    def takes_frames(self) -> bool:
        """The head has been sent, and the body goes out in chunks."""
        cycle = self._cycle
        return cycle is not None and bool(cycle.chunked_encoding) and not self.lost

    def write_whole(self, status: int, head: str, body: bytes) -> bool:
        """A whole answer in one write. `head` are header lines, each ended with CRLF, without content-length; nothing
        in them may break a line. False: nothing was done, because this connection has to be asked through ASGI (it is
        blocked, there is none, or HEAD asked for no body)."""
        cycle = self._cycle
        if cycle is None or self.lost or cycle.response_started or cycle.flow.write_paused:
            return False
        if cycle.scope["method"] == "HEAD":  # a body would be taken for the next answer
            return False
        cycle.transport.write(whole_answer(status, cycle.default_lines, head, body, keep_alive=cycle.keep_alive))
        cycle.waiting_for_100_continue = False
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True

    @property
    def writer(self) -> Callable[[bytes], None]:
        """Where it `takes_frames`: for whoever has chunks of the body as they are to be on the wire. Not to be asked
        once it is `lost`."""
        assert self._cycle is not None, "it takes frames"
        return self._cycle.transport.write

    def write_frame(self, data: bytes) -> None:
        """A chunk of the body (RFC 9112, 7.1); `data` is not empty. Nothing happens once the caller has left."""
        if not self.lost and self._cycle is not None:
            self._cycle.transport.write(b"%x\r\n%b\r\n" % (len(data), data))


def whole_answer(status: int, default_lines: bytes, head: str, body: bytes, *, keep_alive: bool) -> bytes:
    """An answer's bytes. `head` are header lines, each ended with CRLF, without content-length; nothing in them may
    break a line."""
    last = b"" if keep_alive else b"connection: close\r\n"
    own = head.encode("latin-1", "replace")
    return b"%b%b%b%bcontent-length: %d\r\n\r\n%b" % (STATUS_LINE[status], default_lines, last, own, len(body), body)
