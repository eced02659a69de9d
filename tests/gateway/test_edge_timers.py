"""Deadlines of what has begun: a head its seconds, a body its rate, and nobody is blamed for what we made wait."""

import asyncio

import pytest

from ai_gateway.gateway.protocol import WATCH, EdgeLimits, protocol_class
from gateway.test_protocol import GET, POST, Echo, Receive, Scope, Send, answer, read_all, refusal
from support.raw_http import serving

IMPATIENT = EdgeLimits(head_seconds=0.1, body_seconds=0.1, body_bytes_per_second=10_000)
SLOW_BODIES = EdgeLimits(body_seconds=0.2, body_bytes_per_second=10_000)

SLOW = {
    "a client that sends nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: a\r\nX:",
    "blank lines": b"\r\n\r\n",
    "half a body": POST + b"Content-Length: 10\r\n\r\nhello",
    "half a chunk": POST + b"Transfer-Encoding: chunked\r\n\r\na\r\nhello",
}


@pytest.mark.parametrize("request_bytes", SLOW.values(), ids=SLOW.keys())
async def test_a_slow_client_is_told_and_cut_off(request_bytes: bytes) -> None:
    status, _, _ = await refusal(request_bytes, IMPATIENT)
    assert status == 408


async def test_a_dripping_head_does_not_move_its_deadline() -> None:
    async with serving(Echo(), protocol_class(IMPATIENT)) as server, server.connect() as client:
        said = asyncio.create_task(client.read_answer())
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        while not said.done():
            await client.send(b"X: y\r\n")
            await asyncio.sleep(0.01)
        assert said.result().status == 408


async def test_a_slow_client_does_not_hurt_its_neighbour() -> None:
    async with (
        serving(Echo(), protocol_class(SLOW_BODIES)) as server,
        server.connect() as slow,
        server.connect() as good,
    ):
        await slow.send(POST + b"Content-Length: 10\r\n\r\nhello")
        await good.send(GET)
        assert (await good.read_answer()).body == b"/v1/models "
        assert (await slow.read_answer()).status == 408


async def test_the_app_of_a_slow_body_hears_a_disconnect() -> None:
    heard: asyncio.Future[tuple[bytes | None, bool]] = asyncio.get_running_loop().create_future()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.set_result((await read_all(receive), scope["extensions"][WATCH].lost))

    async with serving(app, protocol_class(SLOW_BODIES)) as server:
        assert (await server.exchange(POST + b"Content-Length: 10\r\n\r\nhello")).status == 408
        assert await heard == (None, True)


async def test_who_waits_for_100_continue_is_not_slow() -> None:
    go = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await go.wait()
        await answer(send, (await read_all(receive)) or b"nothing")

    async with serving(app, protocol_class(SLOW_BODIES)) as server, server.connect() as client:
        await client.send(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        # More than two windows of the body's pace.
        asyncio.get_running_loop().call_later(0.5, go.set)
        async with asyncio.timeout(20):
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(b"hello")
        assert (await client.read_answer()).body == b"hello"


async def test_who_is_not_read_is_not_slow() -> None:
    go = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await go.wait()
        await answer(send, str(len((await read_all(receive)) or b"")).encode())

    async with serving(app, protocol_class(SLOW_BODIES)) as server, server.connect() as client:
        size = 10_000_000
        asyncio.get_running_loop().call_later(0.5, go.set)
        sending = asyncio.create_task(client.send(POST + b"Content-Length: %d\r\n\r\n" % size + b"a" * size))
        assert (await client.read_answer()).body == b"10000000"
        await sending


async def test_an_idle_connection_has_no_timer_of_ours() -> None:
    """Keep-alive is uvicorn's: a short head deadline does not close a connection between two requests."""
    async with serving(Echo(), protocol_class(IMPATIENT)) as server, server.connect() as client:
        await client.send(GET)
        await client.read_answer()
        await asyncio.sleep(0.25)
        await client.send(GET)
        assert (await client.read_answer()).status == 200
