import asyncio
import resource
import socket
from contextlib import closing
from typing import Any

import pytest

from ai_gateway.runtime.server import Server, allow_open_files, open_sockets
from support.raw_http import RawServer

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def close_all(sockets: list[socket.socket]) -> None:
    for it in sockets:
        it.close()


def test_all_sockets_share_the_port_that_the_first_one_picked() -> None:
    opened = open_sockets(("127.0.0.1", "::1"), 0)
    ports = {it.getsockname()[1] for it in opened}
    close_all(opened)
    assert len(ports) == 1
    assert ports != {0}


def test_a_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    with closing(open_sockets(("127.0.0.1",), 0)[0]) as taken, pytest.raises(OSError, match="in use"):
        open_sockets(("127.0.0.1",), taken.getsockname()[1])


def test_an_address_that_is_not_this_machines_is_an_error() -> None:
    with pytest.raises(OSError):
        open_sockets(("192.0.2.1",), 0)


def test_no_address_is_an_error() -> None:
    with pytest.raises(OSError, match="no address"):
        open_sockets((), 0)


class App:
    """Answers each request once the test opens the gate."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.asked = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.set()
        await self.gate.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def test_a_server_finishes_what_it_began_and_takes_no_more() -> None:
    app = App()
    server = Server(app, open_sockets(("127.0.0.1",), 0), drain_seconds=20)
    running = asyncio.ensure_future(server.run())
    await server.started()
    port = server.port
    async with RawServer(port).connect() as client:
        await client.send(REQUEST)
        await app.asked.wait()

        server.stop()
        server.stop()  # a second signal cuts nothing short
        app.gate.set()

        assert (await client.read_answer()).body == b"ok"
    await running
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_server_says_nothing_about_itself() -> None:
    app = App()
    app.gate.set()
    server = Server(app, open_sockets(("127.0.0.1",), 0))
    running = asyncio.ensure_future(server.run())
    await server.started()
    answer = await RawServer(server.port).exchange(REQUEST)
    server.stop()
    await running
    assert "server" not in answer.headers
    assert "date" in answer.headers


def test_as_many_files_may_be_open_as_the_system_allows() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = before[1]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, most), most))
        assert allow_open_files() == most
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
