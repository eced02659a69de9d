import asyncio
import json
from collections.abc import Awaitable, Callable
from inspect import signature
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from ai_gateway.domain.faults import Fault
from ai_gateway.gateway.protocol import WATCH, EdgeDoors, EdgeLimits, Watch, protocol_class
from ai_gateway.runtime.clock import SystemClock
from support.raw_http import serving

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

HOST = b"Host: gateway\r\n"
GET = b"GET /v1/models HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /v1/chat/completions HTTP/1.1\r\n" + HOST
SMALL = EdgeLimits(body_bytes=1000)


async def read_all(receive: Receive) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        if not message["more_body"]:
            return body


async def answer(send: Send, body: bytes) -> None:
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Echo:
    """Answers with what it was asked, and remembers what reached it."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.headers: list[list[tuple[bytes, bytes]]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.paths.append(scope["path"])
        self.headers.append(scope["headers"])
        body = await read_all(receive)
        if body is not None:
            await answer(send, scope["path"].encode() + b" " + body)


async def refusal(request: bytes, limits: EdgeLimits = SMALL) -> tuple[int, dict[str, Any], Echo]:
    echo = Echo()
    async with serving(echo, protocol_class(limits)) as server, server.connect() as client:
        await client.send(request)
        said = await client.read_answer()
        assert said.headers["connection"] == "close"
        assert await client.read_to_end() == b""
        error = json.loads(said.body)
        assert error["error"]["gateway"]["request_id"] == said.headers["x-request-id"]
        return said.status, error, echo


MALFORMED = {
    "content length, then chunked": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked, then content length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "unknown transfer encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "transfer encoding in a list": POST + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
    "transfer encoding gzip": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "two transfer encodings": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "vertical tab in the value": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "folded header": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "empty transfer encoding": POST + b"Transfer-Encoding: \r\n\r\n",
    "chunked in HTTP/1.0": b"POST / HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "list of lengths": POST + b"Content-Length: 5, 5\r\n\r\nhello",
    "signed length": POST + b"Content-Length: +5\r\n\r\nhello",
    "negative length": POST + b"Content-Length: -5\r\n\r\nhello",
    "endless length": POST + b"Content-Length: 99999999999999999999999\r\n\r\nhello",
    "empty length": POST + b"Content-Length: \r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "the same host twice": b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "two hosts in HTTP/1.0": b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "bare LF behind a header": b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "bare CR": b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
    "NUL in a name": b"GET / HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n",
    "header without a colon": b"GET / HTTP/1.1\r\nHost: a\r\nX b\r\n\r\n",
    "chunk size of letters": POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nab\r\n0\r\n\r\n",
    "chunk size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n",
    "negative chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\nab\r\n0\r\n\r\n",
    "endless chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nab\r\n",
    "chunk longer than its size": POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
    "chunk with bare LF": POST + b"Transfer-Encoding: chunked\r\n\r\n2\nab\n0\n\n",
    "newline in a chunk extension": POST + b'Transfer-Encoding: chunked\r\n\r\n2;a="\n"\r\nab\r\n0\r\n\r\n',
    "absolute target": b"GET http://evil/v1/models HTTP/1.1\r\n" + HOST + b"\r\n",
    "target of another host": b"GET @evil/v1/models HTTP/1.1\r\n" + HOST + b"\r\n",
    "network path": b"GET //evil/v1/models HTTP/1.1\r\n" + HOST + b"\r\n",
    "dot segments": b"GET /v1/%2e%2e/admin HTTP/1.1\r\n" + HOST + b"\r\n",
    "fragment": b"GET /v1/models#a HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes above ASCII": b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "CONNECT with a path": b"CONNECT /v1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "TLS on the plain port": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "unknown method": b"FOO / HTTP/1.1\r\n" + HOST + b"\r\n",
}


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED.keys())
async def test_what_two_servers_could_read_differently_is_refused(request_bytes: bytes) -> None:
    status, error, _ = await refusal(request_bytes)
    assert status == 400
    assert error["error"]["gateway"]["category"] == "invalid_request"


TOO_LARGE = {
    "one header": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40_000 + b"\r\n\r\n"),
    "a header that never ends": (431, b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 40_000),
    "many headers": (431, b"GET / HTTP/1.1\r\n" + HOST + b"a:\r\n" * 10_000 + b"\r\n"),
    "many small headers": (431, b"GET / HTTP/1.1\r\n" + HOST + b"a:\r\n" * 300 + b"\r\n"),
    "target": (431, b"GET /?" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    "blank lines for ever": (431, b"\r\n" * 20_000),
    "announced body": (413, POST + b"Content-Length: 1001\r\n\r\n"),
    "announced body that waits for 100": (413, POST + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n"),
    "chunked body": (413, POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1f4\r\n" + b"a" * 500 + b"\r\n"
                     + b"1f5\r\n" + b"a" * 501 + b"\r\n"),
    "compressed body": (415, POST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"),
}  # fmt: skip


@pytest.mark.parametrize(("status", "request_bytes"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
async def test_what_is_too_large_is_cut_off(status: int, request_bytes: bytes) -> None:
    said, _, echo = await refusal(request_bytes)
    assert said == status
    # Only the chunked body could not be known before it came.
    assert echo.paths == (["/v1/chat/completions"] if b"chunked" in request_bytes else [])


async def test_chunk_extensions_do_not_hide_a_flood() -> None:
    async with serving(Echo(), protocol_class(SMALL)) as server, server.connect() as client:
        await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        said = asyncio.create_task(client.read_answer())
        await client.send(b"1;")
        while not said.done():
            await client.send(b"a" * 10_000)
            await asyncio.sleep(0)
        assert said.result().status == 413


async def test_a_head_of_just_the_limit_passes() -> None:
    # Size as it is counted: target, and for each header name, value and four bytes.
    room = 32 * 1024 - len("/") - len("hostgateway") - 4 - len("x") - 4
    async with serving(Echo(), protocol_class(EdgeLimits())) as server:
        fits = await server.exchange(b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * (room - 16) + b"\r\n\r\n")
        assert fits.status == 200
        assert (
            await server.exchange(b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * (room + 1) + b"\r\n\r\n")
        ).status == 431


async def test_a_body_of_just_the_limit_passes() -> None:
    async with serving(Echo(), protocol_class(SMALL)) as server:
        assert (await server.exchange(POST + b"Content-Length: 1000\r\n\r\n" + b"a" * 1000)).status == 200


async def test_anthropic_paths_hear_of_errors_in_their_own_shape() -> None:
    status, error, _ = await refusal(b"POST /v1/messages?beta=true HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
    assert (status, error["type"], error["error"]["type"]) == (400, "error", "invalid_request_error")
    status, error, _ = await refusal(b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n")
    assert (status, error["error"]["type"]) == (413, "request_too_large")


async def test_every_refusal_is_told_to_who_counts() -> None:
    heard: list[tuple[int, str]] = []

    def hear(fault: Fault, request_id: str) -> None:
        heard.append((fault.status, request_id))

    protocol = protocol_class(SMALL, EdgeDoors(clock=SystemClock(), refused=hear))
    async with serving(Echo(), protocol) as server:
        said = await server.exchange(b"GET / HTTP/1.1\r\n\r\n")
    assert heard == [(400, said.headers["x-request-id"])]


async def test_a_connection_is_used_again() -> None:
    async with serving(Echo(), protocol_class(SMALL)) as server, server.connect() as client:
        for number in range(3):
            await client.send(POST + b"Content-Length: 2\r\n\r\n%02d" % number)
            assert (await client.read_answer()).body == b"/v1/chat/completions %02d" % number


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with serving(Echo(), protocol_class(SMALL)) as server, server.connect() as client:
        await client.send(b"".join(b"GET /%d HTTP/1.1\r\n" % number + HOST + b"\r\n" for number in range(20)))
        for number in range(20):
            assert (await client.read_answer()).body == b"/%d " % number


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_a_request_may_come_in_any_pieces(size: int) -> None:
    data = (
        POST
        + b"Content-Length: 5\r\n\r\nhello"
        + POST
        + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        + GET
    )
    async with serving(Echo(), protocol_class(SMALL)) as server, server.connect() as client:
        for start in range(0, len(data), size):
            await client.send(data[start : start + size])
            await asyncio.sleep(0)
        assert [(await client.read_answer()).body for _ in range(3)] == [
            b"/v1/chat/completions hello",
            b"/v1/chat/completions hi",
            b"/v1/models ",
        ]


async def test_what_is_owed_is_answered_before_a_refusal_closes() -> None:
    async with serving(Echo(), protocol_class(SMALL)) as server, server.connect() as client:
        await client.send(GET + GET + b"BROKEN\r\n\r\n" + GET)
        assert (await client.read_answer()).status == 200
        assert (await client.read_answer()).status == 200
        assert await client.read_to_end() == b""


async def test_a_bad_body_behind_a_pipelined_request_does_not_spoil_the_first() -> None:
    echo = Echo()
    async with serving(echo, protocol_class(SMALL)) as server, server.connect() as client:
        await client.send(GET + POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n")
        assert (await client.read_answer()).body == b"/v1/models "
        assert await client.read_to_end() == b""
    assert echo.paths == ["/v1/models"]


async def test_nothing_behind_connection_close_is_served() -> None:
    echo = Echo()
    async with serving(echo, protocol_class(SMALL)) as server, server.connect() as client:
        await client.send(
            b"GET /1 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n" + b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n"
        )
        assert (await client.read_answer()).body == b"/1 "
        assert await client.read_to_end() == b""
    assert echo.paths == ["/1"]


@pytest.mark.parametrize("protocol", [b"h2c", b"websocket", b"TLS/1.0"])
async def test_an_upgrade_is_ignored(protocol: bytes) -> None:
    upgrade = (
        HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + protocol + b"\r\nHTTP2-Settings: AAMAAABk\r\n"
    )
    async with serving(Echo(), protocol_class(SMALL)) as server, server.connect() as client:
        for _ in range(2):
            await client.send(b"POST /up HTTP/1.1\r\n" + upgrade + b"Content-Length: 2\r\n\r\nhi" + GET)
            assert (await client.read_answer()).body == b"/up hi"
            assert (await client.read_answer()).body == b"/v1/models "
        await client.send(b"GET /up HTTP/1.1\r\n" + upgrade + b"\r\n")
        assert (await client.read_answer()).body == b"/up "


async def test_the_body_behind_an_upgrade_is_no_request() -> None:
    echo = Echo()
    smuggled = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    head = POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: %d\r\n\r\n" % len(smuggled)
    async with serving(echo, protocol_class(SMALL)) as server, server.connect() as client:
        await client.send(head + smuggled + GET)
        assert (await client.read_answer()).body == b"/v1/chat/completions " + smuggled
        assert (await client.read_answer()).body == b"/v1/models "
    assert echo.paths == ["/v1/chat/completions", "/v1/models"]


async def test_a_trailer_is_no_header() -> None:
    echo = Echo()
    async with serving(echo, protocol_class(SMALL)) as server, server.connect() as client:
        chunks = b"2\r\nhi\r\n0\r\nAuthorization: Bearer stolen\r\nHost: evil\r\n\r\n"
        await client.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        assert (await client.read_answer()).status == 200
    assert [name for name, _ in echo.headers[0]] == [b"host", b"transfer-encoding"]


async def test_the_app_sees_the_path_that_was_checked() -> None:
    echo = Echo()
    async with serving(echo, protocol_class(SMALL)) as server:
        await server.exchange(b"GET /v1/a%20b%41?x=%2e%2e HTTP/1.1\r\n" + HOST + b"\r\n")
    assert echo.paths == ["/v1/a bA"]


async def test_an_answer_before_the_body_leaves_the_connection_usable() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send, b"early")

    async with serving(app, protocol_class(SMALL)) as server, server.connect() as client:
        await client.send(POST + b"Content-Length: 5\r\n\r\nhe")
        assert (await client.read_answer()).body == b"early"
        await client.send(b"llo" + GET)
        assert (await client.read_answer()).body == b"early"


async def test_a_refusal_reaches_a_client_that_is_still_sending() -> None:
    async with serving(Echo(), protocol_class(SMALL)) as server, server.connect() as client:
        await client.send(POST + b"Content-Length: 5000000\r\n\r\n")
        sending = asyncio.create_task(client.send(b"a" * 5_000_000))
        assert (await client.read_answer()).status == 413
        await asyncio.gather(sending, return_exceptions=True)


class Waiting:
    """Waits until its caller has left, which only the watch can tell it."""

    def __init__(self) -> None:
        self.calls = 0
        self.started = asyncio.Event()
        self.lost = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch: Watch = scope["extensions"][WATCH]
        assert not watch.lost
        watch.on_lost = self._on_lost
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        self.started.set()
        async with asyncio.timeout(20):
            await self.lost.wait()

    def _on_lost(self) -> None:
        self.calls += 1
        self.lost.set()


@pytest.mark.parametrize("leave", ["abort", "close"])
async def test_a_client_that_leaves_is_noticed_once_without_anybody_listening(leave: str) -> None:
    app = Waiting()
    async with serving(app, protocol_class(EdgeLimits())) as server, server.connect() as client:
        await client.send(GET)
        async with asyncio.timeout(20):
            await app.started.wait()
            client.abort() if leave == "abort" else client.writer.close()
            await app.lost.wait()
    assert app.calls == 1


@pytest.mark.parametrize("behind", [b"", b"BROKEN\r\n\r\n", b"GET /half"])
async def test_a_client_that_leaves_loses_the_running_request_and_not_only_the_last(behind: bytes) -> None:
    app = Waiting()
    async with serving(app, protocol_class(EdgeLimits())) as server, server.connect() as client:
        # The next one waits in the pipeline; uvicorn alone would tell only that one, if it read the socket at all.
        await client.send(GET)
        async with asyncio.timeout(20):
            await app.started.wait()
        await client.send(GET + behind)
        client.abort()
        async with asyncio.timeout(20):
            await app.lost.wait()
    assert app.calls == 1


async def test_a_finished_request_is_not_lost() -> None:
    watches: list[Watch] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        watches.append(scope["extensions"][WATCH])
        await answer(send, b"")

    async with serving(app, protocol_class(EdgeLimits())) as server:
        for _ in range(2):
            await server.exchange(GET)
        async with server.connect() as client:
            await client.send(GET + GET)
            await client.read_answer()
            await client.read_answer()
    assert [watch.lost for watch in watches] == [False] * 4


OVERRIDDEN = {
    "connection_made",
    "connection_lost",
    "data_received",
    "on_message_begin",
    "on_header",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",
    "_should_upgrade",
    "_start_asgi_task",
    "_unset_keepalive_if_required",
}
CYCLE_STATE = {
    "disconnected",
    "response_complete",
    "response_started",
    "keep_alive",
    "on_response",
    "message_event",
    "waiting_for_100_continue",
}


def test_uvicorn_still_has_inside_what_the_edge_rests_on() -> None:
    assert list(signature(HttpToolsProtocol.__init__).parameters) == [
        "self",
        "config",
        "server_state",
        "app_state",
        "_loop",
    ]
    assert set(vars(HttpToolsProtocol)) >= OVERRIDDEN
    assert set(signature(RequestResponseCycle.__init__).parameters) >= {"scope", "transport", "flow", "on_response"}
    used = set(RequestResponseCycle.send.__code__.co_names) | set(RequestResponseCycle.receive.__code__.co_names)
    assert used >= CYCLE_STATE
    assert {"appendleft", "pipeline"} <= set(HttpToolsProtocol.on_headers_complete.__code__.co_names)
    assert {"read_paused"} <= set(FlowControl.resume_reading.__code__.co_names)
