"""A body that comes in several reads behind a head that is known (gateway/known_request.py): nothing of it needs a
parser, only to be counted. So its reads are gathered where they are to stay (gateway/unwritten.py), and the request
begins when it is whole, as one that comes in a single read does.

Only where such a request was answered on this connection (its head has lanes): whoever has not been let in yet is
judged by the head, before the body has come, and cannot have us keep anything. What is gathered arrives at the pace
that every body has to keep; a length alone takes addresses and no memory, and none where the body is too long for a
lane.

Whatever is not as usual (more bytes than the body has, a caller who is too slow, a server that stops) is left to the
parser, which is given all of it again.
"""

from typing import TYPE_CHECKING, ClassVar, Final, final

from ai_gateway.gateway.edge_timers import BETWEEN, BODY, TimedProtocol
from ai_gateway.gateway.known_request import Heads, KnownRequest, Memory, known_request
from ai_gateway.gateway.long_chat import LONGEST_BYTES
from ai_gateway.gateway.straight import Straight
from ai_gateway.gateway.unwritten import unwritten
from ai_gateway.policy.known_head import KnownHead, begun_head, known_head

if TYPE_CHECKING:
    from ai_gateway.gateway.cycle import Cycle

MOST_REMEMBERED: Final = 8
LEAST_STRAIGHT: Final = 128 << 10
"""Bytes of a body from which on two calls for each read (gateway/straight.py) cost less than its copies."""


@final
class Gathered:
    """A head, and the body that it announced. What has come of it is written to its end already; `room` is for the
    `missing` bytes."""

    __slots__ = ("body", "head", "known", "missing", "room")

    def __init__(self, known: KnownRequest, data: bytes, begin: int, size: int) -> None:
        self.known = known
        self.head = data[:begin]
        here = len(data) - begin
        self.body, room = unwritten(size)
        room[:here] = memoryview(data)[begin:]
        self.room = room[here:]
        self.missing = size - here

    def all(self) -> bytes:
        """That has come."""
        return self.head + self.body[: len(self.body) - self.missing]


class GatheringProtocol(TimedProtocol):
    """Also remembers heads. `_latest` is the request that was begun last."""

    __slots__ = ()

    heads: ClassVar[Heads]
    _latest: "Cycle | None"
    _known: KnownRequest | None
    gathered: Gathered | None
    _memory: Memory | None
    _begun: tuple[int, KnownHead, int] | None
    _remembered: int
    _wire_bytes: int
    _refused: bool

    def _remember_nothing(self) -> None:
        """Of a connection that begins."""
        self._latest = self._known = self.gathered = self._memory = self._begun = None
        self._remembered = self._wire_bytes = 0
        self._refused = False

    def _begin_again(self, known: KnownRequest, body: bytes) -> None:
        """A request whose head is known has come whole."""
        raise NotImplementedError

    def _gathers(self, known: KnownRequest, data: bytes) -> bool:
        """Whether a request has begun whose body is gathered, or is here already. False: it is the parser's."""
        begun = known.head.begin_of(data)
        if begun is None:
            return False
        begin, size = begun
        here = len(data) - begin
        if here > size or size > self.limits.body_bytes:
            return False
        if here == size:
            if size >= LEAST_STRAIGHT:
                self._read_straight()
            self._begin_again(known, data[begin:])
            return True
        if known.memory.lanes is None or size > LONGEST_BYTES:
            self._memory = known.memory
            return False
        self.gathered = Gathered(known, data, begin, size)
        self._phase = BODY
        self._body_bytes = here
        if self._head_timer is not None:
            self._cancel_head_timer()
        self._watch_the_time()
        if size >= LEAST_STRAIGHT:
            self._read_straight()
        return True

    def _gather(self, gathered: Gathered, data: bytes) -> None:
        size = len(data)
        if size > gathered.missing:
            self._read_again(data)
        else:
            gathered.room[:size] = data
            self.fill(gathered, size)

    def fill(self, gathered: Gathered, size: int) -> None:
        """So many bytes of its room have been written."""
        self._body_bytes += size
        gathered.missing -= size
        if gathered.missing:
            gathered.room = gathered.room[size:]
        else:
            self._stop_gathering()
            self._begin_again(gathered.known, gathered.body)

    def _read_straight(self) -> None:
        """What is still to come, on a connection on which long bodies come."""
        transport = self.transport
        if transport.get_protocol() is self:
            transport.set_protocol(Straight(self))

    def _read_again(self, more: bytes = b"") -> None:
        gathered = self.gathered
        if gathered is not None:
            self._stop_gathering()
            self._known = None
            self.data_received(gathered.all() + more)

    def _stop_gathering(self) -> None:
        self.gathered = None
        self._phase = BETWEEN
        if self._pace_timer is not None:
            self._cancel_pace_timer()

    def shutdown(self) -> None:
        self._read_again()
        super().shutdown()

    def _judge_pace(self, expected_bytes: float) -> None:
        if self.gathered is not None and self._body_bytes < expected_bytes:
            self._pace_timer = None
            self._read_again()  # so that there is a request, which can be refused
            self._cancel_pace_timer()
            if self._refused:
                return
        super()._judge_pace(expected_bytes)

    def _take_memory(self) -> Memory | None:
        """Of the head that the parser has just read, where it is known."""
        memory, self._memory = self._memory, None
        return memory

    def _learn(self, data: bytes, *, is_first: bool) -> None:
        """After a read of one request and nothing else: the head of one that came whole and alone is remembered. Where
        clients never say the same twice, nobody goes on looking for it."""
        cycle = self._latest
        if cycle is None or self._remembered >= MOST_REMEMBERED:
            return
        if self._phase is BODY:
            if is_first and cycle.watch.memory is None and not cycle.waiting_for_100_continue:
                begun = begun_head(data)
                self._begun = None if begun is None else (self._requests, begun[0], begun[1] - len(data))
        elif self._phase is BETWEEN and self._open:
            head = known_head(data) if is_first else self._head_of_all()
            if head is not None or is_first:
                self._remembered += 1
                self._known = known_request(head, cycle, self.heads)

    def _head_of_all(self) -> KnownHead | None:
        """That of a request whose first read was not the last, where this one was and nothing came behind it."""
        if self._begun is None:
            return None
        number, head, missing = self._begun
        return head if number == self._requests and missing == self._wire_bytes else None
