"""A connection is as light as it was made: no dictionary around it, and once what is the same for many."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ai_gateway.gateway.edge_weight import ATTRIBUTES, answer_lines, asgi_of, default_lines, same_place
from ai_gateway.gateway.protocol import WATCH, EdgeLimits, protocol_class
from gateway.test_protocol import GET, POST, Echo, Receive, Scope, Send
from support.raw_http import serving


async def test_no_attribute_of_a_connection_needs_a_dictionary() -> None:
    seen: list[dict[str, Any]] = []

    class Noted(protocol_class(EdgeLimits())):  # type: ignore[misc]
        def on_response_complete(self) -> None:
            super().on_response_complete()
            seen.append(dict(vars(self)))

    echo = Echo()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["extensions"][WATCH].lighten()
        await echo(scope, receive, send)

    async with serving(app, Noted) as server, server.connect() as client:
        for request in (GET, POST + b"Content-Length: 2\r\n\r\nhi", GET):
            await client.send(request)
            await client.read_answer()
    assert seen == [{}, {}, {}]


def test_what_uvicorn_sets_for_each_connection_has_a_place() -> None:
    names = HttpToolsProtocol.__init__.__code__.co_names
    assert {"parser", "tasks", "pipeline", "server_state"} <= set(names) & set(ATTRIBUTES)
    assert len(set(ATTRIBUTES)) == len(ATTRIBUTES)


def test_what_is_the_same_for_many_is_there_once() -> None:
    here = [("127.0.0.1", 80 + port) for port in (0, 0, 1)]
    assert same_place(here[0]) is same_place(here[1])
    assert same_place(here[2]) == here[2]
    assert same_place(None) is None
    assert asgi_of("3.0") is asgi_of("3.0")
    assert asgi_of("3.0") == {"version": "3.0", "spec_version": "2.3"}
    dates = [((b"date", b"Fri, 27 Nov 2026 03:0%d:00 GMT" % minute),) for minute in (1, 1, 2)]
    assert default_lines(dates[0]) is default_lines((*dates[1],))
    assert default_lines((*dates[2], (b"x", b"y"))) == b"date: Fri, 27 Nov 2026 03:02:00 GMT\r\nx: y\r\n"
    assert answer_lines(default_lines(dates[0])) is answer_lines(default_lines(dates[1]))
    assert answer_lines(b"x: \xe4\r\n") == "HTTP/1.1 200 OK\r\nx: ä\r\n"
