"""The outermost wall: what a socket may send before anybody looks at what it asks for.

uvicorn with httptools parses strictly, and yet takes two Host headers, two megabytes of head, trailers that look like
headers, and waits for ever. This subclass adds what is missing: limits in bytes, limits in time, one meaning for each
request, and refusals that speak the gateway's error. It holds no opinion on what a good request says.

Timers cost nothing where nothing is slow: a request that arrives whole (nearly all do) never arms one.

A caller that leaves is told to whoever serves it through a `Watch` in the ASGI scope, within the loop's turn in which
the socket dies. The other way, a task that listens on `receive()` for every request, costs more than the parsing.

What uvicorn does for each request is done here once for each connection where it can be: one timer watches over an
idle connection, the parts of the scope that do not change are kept, a body that came whole is handed on without a copy.

All of this rests on names inside uvicorn; tests/gateway/test_protocol.py pins them.
"""

import asyncio
from collections import deque
from functools import lru_cache
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any, ClassVar, Final, cast, final

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ai_gateway.domain.faults import Fault, InvalidRequest
from ai_gateway.gateway.cycle import Cycle, NoticingFlow
from ai_gateway.gateway.edge_limits import EdgeDoors, EdgeLimits
from ai_gateway.gateway.edge_timers import BETWEEN, BODY, HEAD
from ai_gateway.gateway.edge_weight import ATTRIBUTES, answer_lines, asgi_of, default_lines, same_place
from ai_gateway.gateway.flight import Flight
from ai_gateway.gateway.gathering import GatheringProtocol
from ai_gateway.gateway.input_bound import SMALL_BYTES
from ai_gateway.gateway.known_request import Heads, KnownRequest
from ai_gateway.gateway.last_words import last_words
from ai_gateway.gateway.watch import Watch
from ai_gateway.policy import framing
from ai_gateway.policy.paths import canonical_path
from ai_gateway.runtime import ids
from ai_gateway.runtime.clock import SystemClock
from ai_gateway.runtime.tasks import begin

WATCH: Final = "ai_gateway.watch"

_REQUESTS_AHEAD: Final = 8
_NOBODY_WAITS: Final[Any] = ()  # until somebody does: an empty deque has room for 64
_canonical_path: Final = lru_cache(256)(canonical_path)


def protocol_class(limits: EdgeLimits, doors: EdgeDoors | None = None) -> type[HttpToolsProtocol]:
    """A protocol for uvicorn's `http` setting."""
    handed_limits, handed_doors = limits, doors or EdgeDoors(clock=SystemClock())
    new_heads = Heads()

    @final
    class BoundEdgeProtocol(EdgeProtocol):
        limits = handed_limits
        doors = handed_doors
        heads = new_heads

    return BoundEdgeProtocol


class EdgeProtocol(GatheringProtocol):
    """One connection. `_open` are the requests that have no complete answer yet, in the order of their answers."""

    __slots__ = ATTRIBUTES

    limits: ClassVar[EdgeLimits]
    doors: ClassVar[EdgeDoors]
    heads: ClassVar[Heads]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._remember_nothing()
        self.url = b""
        self._phase = BETWEEN
        self.pipeline = _NOBODY_WAITS
        self._open: list[Cycle] = []
        self._head_timer = self._pace_timer = None
        self.default_headers: list[tuple[bytes, bytes]] = []
        self.default_lines = self._plain_head = b""
        self.answer_lines = ""
        self._head_bytes = 0
        self._body_bytes = 0
        self._requests = 0
        self._idle_since = 0.0
        self._linger_timer: asyncio.TimerHandle | None = None

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = NoticingFlow(transport, self._restart_timers)
        socket = transport.get_extra_info("socket")
        if socket is not None and self.client is not None:
            socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self.server = same_place(self.server)
        self._arm_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        if self._linger_timer is not None:
            self._linger_timer.cancel()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        lost = tuple(self._open)
        self._open.clear()
        for cycle in lost:
            cycle.lose()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        known = self._known
        is_new = self._phase is BETWEEN and not self._head_bytes and not self._open
        if known is not None and is_new:
            body = known.head.body_of(data) if len(data) <= SMALL_BYTES else None
            if body is not None and len(body) <= self.limits.body_bytes:
                self._begin_again(known, body)
                return
            if self._gathers(known, data):
                return
        elif self.gathered is not None:
            self._gather(self.gathered, data)
            return
        before = self._requests
        if self._phase is BODY:
            self._wire_bytes += len(data)
        else:
            self._head_bytes += len(data)
        try:
            self._feed(data)
            if self._head_bytes or self._phase is BODY:
                self._refuse_excess()
        except Fault as fault:
            self._refuse(fault)
        else:
            if self._phase is not BETWEEN or not self._open:
                self._watch_the_time()
            if self._requests == before + is_new:
                self._learn(data, is_first=is_new)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._open:
            self._open[0].block(blocked=True)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._open:
            self._open[0].block(blocked=False)

    def on_response_complete(self) -> None:
        self._open.pop(0).part()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle_since = self.loop.time()
            if self.timeout_keep_alive_task is None:
                self._arm_keep_alive(self.timeout_keep_alive)

    def timeout_keep_alive_handler(self) -> None:
        """One timer for as long as the connection lives: whoever was busy meanwhile gets what is left of its time."""
        self.timeout_keep_alive_task = None
        if self._open or self._phase is not BETWEEN:
            return
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left > 0:
            self._arm_keep_alive(left)
        elif not self.transport.is_closing():
            self.transport.close()

    def _arm_keep_alive(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _should_upgrade(self) -> bool:
        return False

    def _feed(self, data: bytes) -> None:
        """Raises Fault; whatever the parser cannot read is one.

        The parser takes a body behind `Upgrade` for another protocol, which would make it a request of its own here.
        So such a head is read again by a new parser, as if nobody had asked for an upgrade (RFC 9110, 7.8 allows it).
        """
        parser = self.parser
        if parser is None:
            parser = self.parser = _new_parser(self)
        while True:
            try:
                parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._plain_head + data[upgrade.args[0] :]
                parser = self.parser = _new_parser(self)
                continue
            except httptools.HttpParserCallbackError as error:
                if isinstance(error.__context__, Fault):
                    raise error.__context__ from None
                raise framing.malformed("its head cannot be read") from error
            except httptools.HttpParserError as error:
                raise framing.malformed(str(error)) from None
            return

    def _refuse_excess(self) -> None:
        """A head that is not complete yet may be too large already; a body may hide in chunk extensions."""
        if self._phase is BODY:
            if self._wire_bytes > 2 * self.limits.body_bytes + self.limits.head_bytes:
                raise framing.body_too_large(self.limits.body_bytes)
        elif self._head_bytes > self.limits.head_bytes:
            raise framing.head_too_large(self.limits.head_bytes)

    # What the parser says

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self._phase = HEAD

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        parser, headers = self.parser, self.headers
        assert parser is not None, "it is the parser that says so"
        version, method = parser.get_http_version(), parser.get_method()
        self._judge_head(version, method)
        self.expect_100_continue = framing.judge_framing(headers, version, self.limits.body_bytes)
        if parser.should_upgrade():
            self._plain_head = framing.head_without_upgrade(method, self.url, version, self.headers)
            return
        raw_path, _, query = self.url.partition(b"?")
        path = _canonical_path(raw_path)
        watch = Watch(path, self._take_memory())
        self.headers = []  # trailers go here: the head has been judged and handed over, nothing may be added to it
        self._phase = BODY
        self._body_bytes = self._wire_bytes = 0
        root = self.root_path
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": asgi_of(self.asgi_version),
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": root,
            "http_version": version,
            "method": method.decode("ascii"),
            "path": root + path if root else path,
            "raw_path": root.encode("ascii") + raw_path if root else raw_path,
            "query_string": query,
            "headers": headers,
            "extensions": {WATCH: watch},
        }
        before = self._latest
        cycle = self._open_cycle(scope, watch)
        cycle.keep_alive = version != "1.0" and parser.should_keep_alive()
        cycle.waiting_for_100_continue = self.expect_100_continue
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, cast(Any, self).app)
        else:
            self.flow.pause_reading()
            self.pipeline = self.pipeline or deque()
            self.pipeline.appendleft((cycle, cast(Any, self).app))
        if self.flow.read_paused and len(self.pipeline) <= _REQUESTS_AHEAD:
            # A socket that is not read cannot tell that its other end is gone.
            self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self.limits.body_bytes:
            raise framing.body_too_large(self.limits.body_bytes)
        cycle = self._latest
        if cycle is None or cycle.response_complete:
            return
        cycle.take_piece(body)
        if cycle.waiting_bytes > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self._phase is not BODY:
            return
        cycle = self._latest
        if cycle is not None and not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
        if self._pace_timer is not None:
            self._cancel_pace_timer()
        self._phase = BETWEEN
        self._head_bytes = 0

    # A head that was here before

    def _begin_again(self, known: KnownRequest, body: bytes) -> None:
        lanes = known.memory.lanes
        if lanes is not None and lanes.take(self, known, body):
            return
        watch = Watch(known.path, known.memory)
        scope = {**known.scope, "client": self.client, "extensions": {WATCH: watch}}
        cycle = self._open_cycle(scope, watch)
        cycle.keep_alive = True
        cycle.waiting_for_100_continue = cycle.more_body = False
        cycle.take_piece(body)
        cycle.message_event.set()
        self._start_asgi_task(cycle, cast(Any, self).app)

    def _open_cycle(self, scope: dict[str, Any], watch: Watch) -> Cycle:
        """A head has come, and was judged."""
        self._note_beginning()
        cycle = self.cycle = self._latest = Cycle(self, scope)
        cycle.watch = watch
        watch.serve(cycle)
        self._open.append(cycle)
        return cycle

    def _note_beginning(self) -> None:
        if self._head_timer is not None:
            self._cancel_head_timer()
        self._requests += 1
        if self.server_state.default_headers is not self.default_headers:
            self._take_default_headers()

    # A request that needs no application (gateway/flight.py)

    def open_flight(self, flight: Flight) -> None:
        self._note_beginning()
        cycle: Any = flight
        self.cycle = self._latest = cycle
        self._open.append(cycle)

    def answer_flight(self, flight: Flight, answer: bytes) -> None:
        """All of it, which begins with `answer_lines`."""
        self.transport.write(answer)
        flight.response_complete = True
        if not flight.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def hand_over(self, flight: Flight) -> None:
        """An ordinary request takes its place, wherever it is by now."""
        known = flight.known
        watch = Watch(known.path, known.memory, flight)
        cycle = Cycle(self, {**known.scope, "client": self.client, "extensions": {WATCH: watch}})
        cycle.watch = watch
        watch.serve(cycle)
        cycle.keep_alive = flight.keep_alive
        cycle.waiting_for_100_continue = cycle.more_body = False
        before = cast(Cycle, flight)
        if before in self._open:
            self._open[self._open.index(before)] = cycle
        if self._latest is before:
            self.cycle = self._latest = cycle
        if flight.disconnected:
            cycle.lose()
        self._start_asgi_task(cycle, cast(Any, self).app)

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """As uvicorn does, but the cycle says itself that it has ended: a callback would be a turn of the loop."""
        cycle.task = task = begin(self.loop, cycle.run_asgi(app))
        self.tasks.add(task)

    def ended(self, cycle: Cycle) -> None:
        self.tasks.discard(cycle.task)
        del cycle.task  # which knows the cycle

    def lighten(self) -> None:
        """The answer takes long. Between two messages a parser knows nothing that a new one does not, but for the end
        of a connection that is not kept."""
        if self._phase is BETWEEN and not self._head_bytes and self.cycle.keep_alive:
            self.parser = None

    def _take_default_headers(self) -> None:
        """uvicorn makes a new list each second, for the date in it."""
        headers = self.default_headers = self.server_state.default_headers
        self.default_lines = default_lines(tuple(headers))
        self.answer_lines = answer_lines(self.default_lines)

    def _judge_head(self, version: str, method: bytes) -> None:
        framing.judge_start(version, method)
        # 0: behind another message in the same read, not counted on its own.
        counted = self._head_bytes
        if (counted == 0 or counted > self.limits.head_bytes) and self._size_of_head() > self.limits.head_bytes:
            raise framing.head_too_large(self.limits.head_bytes)
        if len(self.headers) > self.limits.head_count:
            raise InvalidRequest(
                f"The request has more than {self.limits.head_count} headers.", status=431, code="headers_too_large"
            )

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    # Refusals

    def _refuse(self, fault: Fault) -> None:
        """The last thing this connection says, behind the answers that it still owes."""
        self._refused = True
        self._known = None
        self._stop_timers()
        request_id = ids.request_id(self.doors.clock.wall())
        self.doors.refused(fault, request_id)
        if self._phase is BODY and not self._take_back():
            self.transport.close()
        elif self._open:
            self._open[-1].keep_alive = False
            self.flow.resume_reading()
        else:
            self.transport.write(last_words(fault, self.url, request_id))
            self._linger()

    def _take_back(self) -> bool:
        """Part the request whose body went wrong from the app. Whether it can still be answered here."""
        if self.cycle.response_complete:
            return False
        self._open.pop().lose()
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        return not self.cycle.response_started

    def _linger(self) -> None:
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._linger_timer = self.loop.call_later(self.limits.linger_seconds, self.transport.close)


def _new_parser(protocol: HttpToolsProtocol) -> httptools.HttpRequestParser:
    """As uvicorn makes it: what comes behind `Connection: close` is dropped and not an error."""
    parser = httptools.HttpRequestParser(protocol)
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser
