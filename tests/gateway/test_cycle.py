"""What an application receives of a body, and when, over a socket; and that an idle connection is let go."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from ai_gateway.gateway.cycle import NoticingFlow
from ai_gateway.gateway.protocol import WATCH, EdgeLimits, protocol_class
from support.raw_http import serving

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
POST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n"


class Listener:
    """Takes down each message; the answer is how many there were until the body was whole."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.arrived = asyncio.Event()
        self.after: dict[str, Any] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.messages.clear()
        while not self.messages or self.messages[-1]["more_body"]:
            self.messages.append(await receive())
            self.arrived.set()
        body = str(len(self.messages)).encode()
        headers = [(b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self.after = await receive()


async def test_a_body_that_came_whole_is_one_message_and_what_follows_is_the_end() -> None:
    listener = Listener()
    async with serving(listener, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(POST + b"Content-Length: 5\r\n\r\nhello")
        assert (await client.read_answer()).body == b"1"
    assert listener.messages == [{"type": "http.request", "body": b"hello", "more_body": False}]
    assert listener.after == {"type": "http.disconnect"}


async def test_a_body_in_pieces_is_handed_on_as_it_comes() -> None:
    listener = Listener()
    async with serving(listener, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(POST + b"Content-Length: 10\r\n\r\nhello")
        await listener.arrived.wait()
        await client.send(b"world")
        assert (await client.read_answer()).body == b"2"
    assert [it["body"] for it in listener.messages] == [b"hello", b"world"]


async def test_pieces_that_nobody_has_taken_yet_are_one_message() -> None:
    listener = Listener()
    async with serving(listener, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
        assert (await client.read_answer()).body == b"1"
    assert listener.messages[0]["body"] == b"abcde"


async def test_a_client_that_waits_for_100_continue_is_told_to_go_on() -> None:
    listener = Listener()
    async with serving(listener, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(POST + b"Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n")
        assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 Continue")
        await client.send(b"hi")
        assert (await client.read_answer()).body == b"1"


async def test_a_connection_that_stays_idle_is_let_go_counted_from_its_last_answer() -> None:
    loop = asyncio.get_running_loop()
    server_for = serving(Listener(), protocol_class(EdgeLimits()), keep_alive_seconds=0.3)
    async with server_for as server, server.connect() as client:
        for _ in range(3):
            await client.send(b"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n")
            answered = loop.time()
            await client.read_answer()
            await asyncio.sleep(0.2)
        assert await client.read_to_end() == b""
        assert loop.time() - answered >= 0.3


async def test_who_is_blocked_waits_for_his_own_connection() -> None:
    here, there = (NoticingFlow(cast(asyncio.Transport, None), lambda: None) for _ in range(2))
    for _ in range(2):
        here.pause_writing()
        waits = asyncio.create_task(here.drain())
        await asyncio.wait_for(there.drain(), 5)
        assert not waits.done()
        here.resume_writing()
        await asyncio.wait_for(waits, 5)
    await asyncio.wait_for(here.drain(), 5)


class Streamer:
    """Says that its answer takes long, and goes on when it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()
        self.parsers: list[Any] = []
        self.paths: list[str] = []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        watch = scope["extensions"][WATCH]
        watch.lighten()
        self.parsers.append(watch._cycle.connection.parser)
        self.begun.set()
        await self.may_end.wait()
        await send({"type": "http.response.body", "body": b"end"})


async def test_while_an_answer_takes_long_there_is_no_parser_and_then_one_for_what_comes_next() -> None:
    app = Streamer()
    async with serving(app, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(POST + b"Content-Length: 2\r\n\r\nhi")
        await app.begun.wait()
        await client.send(b"GET /next HTTP/1.1\r\nHost: gateway\r\n\r\n")
        app.may_end.set()
        assert [(await client.read_answer()).body for _ in range(2)] == [b"end", b"end"]
    assert app.parsers[0] is None
    assert app.paths == ["/v1/chat/completions", "/next"]


async def test_what_a_parser_knows_of_a_connection_that_ends_is_kept() -> None:
    """It takes what is behind the last request for nothing; a new one would read it as another request."""
    app = Streamer()
    async with serving(app, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(POST + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi")
        await app.begun.wait()
        await client.send(b"GET /next HTTP/1.1\r\nHost: gateway\r\n\r\n")
        app.may_end.set()
        assert (await client.read_answer()).body == b"end"
        assert await client.read_to_end() == b""
    assert app.parsers[0] is not None
    assert app.paths == ["/v1/chat/completions"]


async def test_a_request_whose_body_is_not_here_yet_keeps_its_parser() -> None:
    app = Streamer()
    async with serving(app, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(POST + b"Content-Length: 4\r\n\r\nhi")
        await app.begun.wait()
        await client.send(b"ho")
        app.may_end.set()
        assert (await client.read_answer()).body == b"end"
        await client.send(b"GET /next HTTP/1.1\r\nHost: gateway\r\n\r\n")
        assert (await client.read_answer()).body == b"end"
    assert app.parsers[0] is not None
