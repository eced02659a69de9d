"""Frames from socket to socket: the whole data plane between a real caller and a real provider, on loopback. What the
dialogues in test_line.py show with a scripted provider must hold here too, where a stream is written to the transport
without going through ASGI."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec
import pytest
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ai_gateway.domain.traffic import Outcome
from ai_gateway.gateway.client import Receive, Scope, Send
from ai_gateway.gateway.http import drain
from ai_gateway.gateway.protocol import WATCH, EdgeLimits, protocol_class
from ai_gateway.gateway.watch import Watch
from ai_gateway.runtime.clock import SystemClock
from ai_gateway.runtime.http1_upstream import Http1Upstream
from ai_gateway.runtime.telemetry import Telemetry
from support.builders import TOKEN, a_snapshot, a_tenant, an_endpoint
from support.line import Line, a_line
from support.provider import Ending, Played, Provider, a_provider
from support.raw_http import RawServer, serving
from support.wire import CHAT_STREAM_BODY, DONE, USAGE_CHUNK, chat_events

App = Callable[[Scope, Receive, Send], Awaitable[Any]]
HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
REQUEST = f"{HEAD}Content-Length: {len(CHAT_STREAM_BODY)}\r\n\r\n".encode() + CHAT_STREAM_BODY
EVENT_STREAM = (("Content-Type", "text/event-stream"),)


@dataclass
class Street:
    """A caller's door, the line, and the provider at the other end."""

    server: RawServer
    line: Line
    provider: Provider
    ended: asyncio.Event

    def will_stream(self, *body: bytes, ending: Ending = Ending.PROPER) -> None:
        self.provider.will_play(Played(headers=EVENT_STREAM, body=body, ending=ending))


@asynccontextmanager
async def a_street(**timeouts: float) -> AsyncIterator[Street]:
    async with a_provider() as provider:
        ended = asyncio.Event()
        telemetry = Telemetry((lambda _: ended.set(),))
        upstream = Http1Upstream(lambda _: True)
        default = an_endpoint()
        endpoint = an_endpoint(base_url=provider.url, timeouts=msgspec.structs.replace(default.timeouts, **timeouts))
        line = await a_line(
            a_snapshot(a_tenant("t1", endpoint)), upstream=upstream, clock=SystemClock(), telemetry=telemetry
        )
        async with serving(line.app, protocol_class(EdgeLimits())) as server:
            yield Street(server, line, provider, ended)
        await upstream.close()


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with a_street() as street:
        yield street


async def test_a_stream_goes_through_byte_for_byte(street: Street) -> None:
    events = chat_events("one", "two" * 20_000, "three")
    street.will_stream(*events)

    answer = await street.server.exchange(REQUEST)

    assert answer.status == 200
    assert answer.body == b"".join(events).replace(USAGE_CHUNK, b"")
    assert [(it.outcome, it.usage.output_tokens) for it in street.line.receipts] == [(Outcome.OK, 3)]


async def test_the_connection_serves_another_request_after_a_stream(street: Street) -> None:
    for _ in range(3):
        street.will_stream(*chat_events("hi"))
    async with street.server.connect() as client:
        for _ in range(3):
            await client.send(REQUEST)
            assert (await client.read_answer()).body.endswith(DONE)
    assert street.provider.connections == 1


async def test_a_stream_that_is_cut_ends_with_an_error_and_no_proper_end(street: Street) -> None:
    events = chat_events("one", "two")[:2]
    street.will_stream(*events, ending=Ending.CUT)

    answer = await street.server.exchange(REQUEST)

    assert answer.body.startswith(b"".join(events))
    assert b'"category":"provider_error"' in answer.body
    assert DONE not in answer.body
    assert [(it.outcome, it.estimated) for it in street.line.receipts] == [(Outcome.CUT, True)]


async def test_a_caller_who_leaves_mid_stream_is_booked_and_the_provider_closed(street: Street) -> None:
    street.will_stream(*chat_events("one", "two")[:2], ending=Ending.SILENT)
    async with street.server.connect() as client:
        await client.send(REQUEST)
        await client.reader.readuntil(b"two")
        client.abort()
    await street.provider.client_left()
    await street.ended.wait()

    assert [it.outcome for it in street.line.receipts] == [Outcome.CANCELLED]
    assert street.line.doors.meters.open_holds == 0


async def test_a_stall_between_tokens_ends_the_stream() -> None:
    async with a_street(between_tokens=0.05) as street:
        street.will_stream(*chat_events("one")[:1], ending=Ending.SILENT)

        answer = await street.server.exchange(REQUEST)

        assert b'"category":"timeout"' in answer.body
        assert [it.outcome for it in street.line.receipts] == [Outcome.TIMEOUT]
        await street.provider.client_left()


async def test_draining_ends_a_running_stream(street: Street) -> None:
    street.will_stream(*chat_events("one")[:1], ending=Ending.SILENT)
    async with street.server.connect() as client:
        await client.send(REQUEST)
        await client.reader.readuntil(b"one")

        assert drain(street.line.doors) == 1

        rest = await client.reader.readuntil(b"0\r\n\r\n")
    assert b'"code":"draining"' in rest
    assert [it.outcome for it in street.line.receipts] == [Outcome.CUT]


def test_a_watch_that_serves_nobody_takes_no_frames_and_loses_once() -> None:
    watch = Watch()
    lost: list[int] = []
    watch.on_lost = lambda: lost.append(1)

    watch.write_frame(b"nobody hears it")
    watch.lose()
    watch.lose()

    assert (watch.takes_frames, watch.is_blocked, watch.lost, lost) == (False, False, True, [1])


# The contract with uvicorn: a direct write is what `send` would have written.

HEADERS = (("content-type", "text/plain"), ("x-one", "1"), ("x-two", "zwei"))


class Way(Enum):
    DIRECT = "straight to the transport"
    CHUNKS = "straight to the transport, as they came from one that sends chunks too"
    ASGI = "through send"


def whole(way: Way, directly: list[bool]) -> App:
    """A whole answer that names its request; what `write_whole` said goes into `directly`."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = f"{scope['method']} {scope['path']}".encode()
        watch: Watch = scope["extensions"][WATCH]
        if way is Way.DIRECT:
            directly.append(watch.write_whole(200, "".join(f"{name}: {value}\r\n" for name, value in HEADERS), body))
            if directly[-1]:
                return
        said = [(name.encode(), value.encode()) for name, value in (*HEADERS, ("content-length", str(len(body))))]
        await send({"type": "http.response.start", "status": 200, "headers": said})
        await send({"type": "http.response.body", "body": body})

    return app


def streamed(way: Way, frames: tuple[bytes, ...]) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        watch: Watch = scope["extensions"][WATCH]
        said = [(name.encode(), value.encode()) for name, value in HEADERS]
        await send({"type": "http.response.start", "status": 200, "headers": said})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        for frame in frames:
            if way is Way.DIRECT and watch.takes_frames:
                watch.write_frame(frame)
            elif way is Way.CHUNKS and watch.takes_frames:
                watch.writer(b"%x\r\n%b\r\n" % (len(frame), frame))
            else:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"last"})

    return app


async def on_the_wire(app: App, requests: bytes) -> list[bytes]:
    """Everything that comes back until the server closes, split where the order of a head's lines does not matter."""
    async with serving(app, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(requests)
        blocks = (await client.read_to_end()).split(b"\r\n\r\n")
    return [b"\r\n".join(sorted(block.split(b"\r\n"))) for block in blocks]


GET = b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
EXCHANGES = {
    "connection close": LAST,
    "kept alive": GET % 1 + LAST,
    "pipelined": b"".join(GET % number for number in range(5)) + LAST,
    "HTTP/1.0": b"GET /old HTTP/1.0\r\nHost: x\r\n\r\n",
    "HTTP/1.0 kept alive": b"GET /old HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + LAST,
    "HEAD": b"HEAD /head HTTP/1.1\r\nHost: x\r\n\r\n" + LAST,
    "with a body": b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok" + LAST,
    "expecting 100": b"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok" + LAST,
}


@pytest.mark.parametrize("requests", EXCHANGES.values(), ids=EXCHANGES)
async def test_a_whole_answer_is_on_the_wire_what_send_would_have_written(requests: bytes) -> None:
    directly: list[bool] = []
    ours = await on_the_wire(whole(Way.DIRECT, directly), requests)
    assert ours == await on_the_wire(whole(Way.ASGI, []), requests)
    assert any(directly)


@pytest.mark.parametrize("way", [Way.DIRECT, Way.CHUNKS])
@pytest.mark.parametrize("requests", EXCHANGES.values(), ids=EXCHANGES)
async def test_frames_are_on_the_wire_what_send_would_have_written(requests: bytes, way: Way) -> None:
    frames = (b"one", b"\r\n\r\n", b"x" * 70_000)
    ours = await on_the_wire(streamed(way, frames), requests)
    assert ours == await on_the_wire(streamed(Way.ASGI, frames), requests)


async def test_an_answer_to_head_is_left_to_the_server() -> None:
    directly: list[bool] = []
    await on_the_wire(whole(Way.DIRECT, directly), EXCHANGES["HEAD"])
    assert directly == [False, True]


async def test_a_blocked_connection_is_asked_through_send() -> None:
    """The caller does not read: more than the transport's 64 KiB wait, so `send` has to wait, which a write cannot."""
    directly: list[bool] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        watch: Watch = scope["extensions"][WATCH]
        if scope["path"] == "/0":
            assert watch.write_whole(200, "", bytes(64 << 20))
            return
        directly.append(watch.write_whole(200, "", b"next"))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"next"})

    async with serving(app, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(GET % 0 + LAST)
        first = await client.read_answer()
        assert len(first.body) == 64 << 20
        assert (await client.read_answer()).body == b"next"
    assert directly == [False]


async def test_small_frames_to_a_caller_are_not_held_back() -> None:
    """Nagle's algorithm waits for the acknowledgement of the frame before: 40 ms, on a stream of tokens."""
    without_delay: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        cycle = scope["extensions"][WATCH]._cycle
        ours = cycle.transport.get_extra_info("socket")
        without_delay.append(ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with serving(app, protocol_class(EdgeLimits())) as server:
        await server.exchange(LAST)
    assert without_delay != [0]
    assert len(without_delay) == 1


async def test_a_finished_request_leaves_no_ring_of_objects_behind(street: Street) -> None:
    """A ring is only freed by the garbage collector, whose pauses every stream would feel."""
    gc.collect()
    gc.disable()
    try:
        async with street.server.connect() as client:
            for _ in range(5):
                street.will_stream(*chat_events("Hello"), DONE)
                await client.send(REQUEST)
                await client.read_answer()
        alive = [it for it in gc.get_objects() if isinstance(it, RequestResponseCycle)]
        assert len(alive) <= 1  # the connection still knows its last one
    finally:
        gc.enable()
