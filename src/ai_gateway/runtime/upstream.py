"""The outward socket of the line, as narrow as it can be: send a request, read status and headers, then bytes.

What can go wrong is a closed list, sorted by what it means for the caller: never connected (nothing was billed), too
slow, or broken on the way (something may have been). Implementations raise nothing else.
"""

from collections.abc import Callable
from typing import Protocol

import msgspec

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.domain.traffic import Body, Header


class UpstreamError(Exception):
    """`str` is for logs: it may name addresses, so it is never sent to a caller."""


class CannotConnect(UpstreamError):
    """No connection: refused, unreachable, no such host, TLS that does not verify."""


class EgressRefused(UpstreamError):
    """The address is not one that this gateway may call."""


class TooSlow(UpstreamError):
    """A timeout; `stage` is 'connect', 'first byte' or 'between bytes'."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


class Broken(UpstreamError):
    """The connection was lost, or the answer is not HTTP, too large, or encoded in a way that was not asked for."""


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """A signed request. Seconds: `connect_seconds` until connected, `head_seconds` until the status line (at the latest
    counted from being connected)."""

    method: str
    url: BaseUrl
    path: str
    headers: tuple[Header, ...]
    body: Body
    reach: Reach
    connect_seconds: float
    head_seconds: float


class Sink(Protocol):
    """Takes a stream's bytes as they arrive, inside the event loop's own call."""

    def pour(self, data: bytes) -> None: ...

    def take(self, read: bytes) -> bool:
        """The same for bytes of the wire that begin where a chunk may begin (RFC 9112, 7.1). False: they are not one
        whole chunk (policy/known_chunk.py), nothing was done, and what is in them has to be poured."""
        ...

    def tick(self) -> None:
        """Now and then, late by a tenth of a second at most, where something was taken since the last time: so nobody
        needs a clock for what he takes."""
        ...

    def close(self, error: UpstreamError | None) -> None:
        """Once; None where the body ended properly."""
        ...


class Answer(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> dict[str, str]:
        """Lower-case names; a name that came twice is joined with ', '."""
        ...

    async def head(self, seconds: float) -> None:
        """Until status and headers are there, as they are at once where `send` was awaited. Raises TooSlow, Broken."""
        ...

    def when_whole(self, most: int, seconds: float, tell: Callable[[], None]) -> None:
        """Nobody awaits: `tell` is called once, later and in a call of the event loop's own, when the status and the
        whole body are there, or it failed, or it became longer than `most` bytes. It fails as TooSlow where `seconds`
        from now are over before its end."""
        ...

    def take_whole(self) -> bytes | None:
        """Once `tell` was called: the body that ended properly, and nothing is left to close. None: it failed or is
        not whole, and `head` and `read` say how."""
        ...

    def unhand(self) -> None:
        """`tell` is not wanted any more: whoever takes over awaits `head`, and goes on as after `send`."""
        ...

    async def read(self, most: int, seconds: float) -> bytes:
        """The whole body. Raises Broken (also above `most` bytes), TooSlow."""
        ...

    async def next(self, seconds: float) -> bytes:
        """The next bytes; b'' is the proper end. Raises Broken where the body was cut, TooSlow."""
        ...

    def pour_into(self, sink: Sink, between_seconds: float, total_seconds: float) -> bool:
        """From now on hand bytes to `sink`, those that are there at once; it is closed with TooSlow after a silence
        of `between_seconds`, and where the end has not come within `total_seconds`. False: this answer is only read
        with `next`, and nothing was done."""
        ...

    def pause(self) -> None:
        """Read no more from the provider for now."""
        ...

    def resume(self) -> None: ...

    def leave(self, seconds: float) -> None:
        """Nothing more is wanted: let the body come to its end by itself, so that the connection can be kept, but
        cut it after `seconds`."""
        ...

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else cut it; an answer that was
        left to end by itself is not cut. Safe to call twice."""
        ...


class Asker(Protocol):
    """Who asks at once and awaits nothing; called by the event loop."""

    def take(self, headers: dict[str, str], body: bytes) -> bool:
        """It came as usual: a whole 200, `headers` as Answer has them, and nothing is left to close. False: it is not
        taken, and is to be waited for."""
        ...

    def wait_for(self, answer: "Answer", seconds: float) -> None:
        """Once, where it did not come as usual, or not yet: from here on `answer`, which has no head yet or is there
        already, is all that there is of it. It may be told `when_whole`; `seconds` are left of those that it had."""
        ...


class Asked(Protocol):
    """A request that was sent at once, until its asker heard of it."""

    def unhand(self) -> Answer:
        """The asker wants to hear nothing more: whoever takes over awaits `head`, and goes on as after `send`."""
        ...


class Errand(Protocol):
    """Requests that differ in their bodies alone."""

    def ask(self, body: Body, most: int, seconds: float, asker: Asker) -> Asked | None:
        """Sent in this very call, on a connection that waits for a request; what is longer than `most` bytes, or not
        whole in `seconds`, does not come as usual. None: nothing was sent, and `send` has to."""
        ...


class Upstream(Protocol):
    async def send(self, request: Outgoing) -> Answer:
        """Raises CannotConnect, EgressRefused, TooSlow, Broken."""
        ...

    def prepare(self, request: Outgoing) -> Errand:
        """For all that are like this one, whatever their bodies."""
        ...

    async def close(self) -> None: ...
