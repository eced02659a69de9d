"""The rest of a stream whose caller has left, on routes that say `"on_disconnect": "drain"`.

A provider bills what it generated, which is more than what the caller saw; only its own last report says how much. So
it is heard out, but not for long and not for many at once: beyond that it is hung up on, as everywhere else, and the
bill is the estimate.
"""

import asyncio
from typing import Final, Protocol, final

import msgspec

from ai_gateway.domain.faults import Fault
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.upstream import Answer, UpstreamError

SHORTEST_SECONDS: Final = 0.001


class LeftoverLimits(msgspec.Struct, frozen=True):
    """For each: seconds, and tokens (one an event). For all: how many at once."""

    seconds: float = 5.0
    tokens: int = 512
    at_once: int = 100


class Heard(Protocol):
    """A stream on its way (`relay.Streaming`)."""

    @property
    def delivered_events(self) -> int: ...

    @property
    def is_over(self) -> bool: ...

    def feed(self, chunk: bytes) -> bytes: ...


@final
class Leftovers:
    def __init__(self, limits: LeftoverLimits = LeftoverLimits()) -> None:
        self._limits = limits
        self.running = 0

    async def hear_out(self, streaming: Heard, answer: Answer, clock: Clock) -> None:
        """Until the stream's end or this one's bounds; never raises what the wire does."""
        if self.running >= self._limits.at_once:
            return
        until = clock.now() + self._limits.seconds
        most = streaming.delivered_events + self._limits.tokens
        self.running += 1
        try:
            sink = _Deaf(streaming, most)
            if answer.pour_into(sink, self._limits.seconds, self._limits.seconds):
                await sink.over
                return
            while not streaming.is_over and streaming.delivered_events < most:
                left = until - clock.now()
                chunk = b"" if left <= 0 else await answer.next(max(SHORTEST_SECONDS, left))
                if not chunk:
                    return
                _hear(streaming, chunk)
        except UpstreamError:
            return
        finally:
            self.running -= 1


@final
class _Deaf:
    """A Sink that hands nothing on."""

    __slots__ = ("_most", "_streaming", "over")

    def __init__(self, streaming: Heard, most: int) -> None:
        self._streaming = streaming
        self._most = most
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, read: bytes) -> bool:
        return False

    def tick(self) -> None: ...

    def pour(self, data: bytes) -> None:
        if self.over.done():
            return
        _hear(self._streaming, data)
        if self._streaming.is_over or self._streaming.delivered_events >= self._most:
            self.over.set_result(None)

    def close(self, error: UpstreamError | None) -> None:
        if not self.over.done():
            self.over.set_result(None)


def _hear(streaming: Heard, chunk: bytes) -> None:
    try:
        streaming.feed(chunk)
    except Fault:
        return  # what a rule of the route blocks nobody is given here anyway, and its usage counts
