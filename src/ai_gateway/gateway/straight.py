"""How a connection is read on which long bodies come: straight into the bytes that they are going to be.

The event loop reads 250 kB at a time into a buffer of its own and makes bytes of that, which are then joined: a body of
400 kB is copied twice before anybody looks at it. A protocol that hands out the buffer is asked for it before each
read, so here a little is read to see the head, and then the rest goes where it stays (gateway/gathering.py).

Only for long bodies: two more calls for each read cost more than a short one's copy. What comes on such a connection
and is none is the edge's again, and so is the connection.
"""

import asyncio
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    from ai_gateway.gateway.gathering import GatheringProtocol

FIRST_BYTES: Final = 4096
"""Enough for a head. They are copied, and so is what they have of the body."""
_FIRST: Final = bytearray(FIRST_BYTES)  # for all connections: it is empty again before the loop reads another one


@final
class Straight(asyncio.BufferedProtocol):
    """Takes the place of `edge` at its transport, and gives it back."""

    __slots__ = ("_edge",)

    def __init__(self, edge: "GatheringProtocol") -> None:
        self._edge = edge

    def get_buffer(self, sizehint: int) -> bytearray | memoryview:
        gathered = self._edge.gathered
        return _FIRST if gathered is None else gathered.room

    def buffer_updated(self, nbytes: int) -> None:
        edge = self._edge
        gathered = edge.gathered
        if gathered is not None:
            edge.fill(gathered, nbytes)
            return
        edge.data_received(bytes(memoryview(_FIRST)[:nbytes]))
        if edge.gathered is None:
            edge.transport.set_protocol(edge)

    def eof_received(self) -> None:
        self._edge.eof_received()

    def pause_writing(self) -> None:
        self._edge.pause_writing()

    def resume_writing(self) -> None:
        self._edge.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._edge.connection_lost(exc)
