"""Which address is connected to, seen through the upstream that dials. Refusals by number and by name, and TLS, are in
test_real_upstreams.py, which runs on every upstream; here is what only this dialer has: a proxy in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.http1_upstream import Http1Upstream
from ai_gateway.runtime.upstream import CannotConnect, EgressRefused, Outgoing
from support.provider import Played, a_closed_port, a_provider

LONG = 30.0


@asynccontextmanager
async def a_proxy(answer: bytes) -> AsyncIterator[tuple[BaseUrl, list[str]]]:
    """Says `answer` to every CONNECT and, where that is a 2xx, tunnels to the address that was named."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head.split("\r\n")[0])
        writer.write(answer)
        if b" 200 " in answer:
            host, _, port = head.split(" ")[1].rpartition(":")
            inner, outer = await asyncio.open_connection(host, int(port))
            outer.write(await reader.read(65_536))
            writer.write(await inner.read(65_536))
            outer.close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield BaseUrl("http", "127.0.0.1", server.sockets[0].getsockname()[1], ""), asked
    server.close()


def outgoing(url: BaseUrl, reach: Reach = Reach.CHECKED) -> Outgoing:
    return Outgoing("GET", url, "/models", (), b"", reach, LONG, LONG)


async def test_a_proxy_is_asked_for_the_judged_address_and_not_for_the_name() -> None:
    async with a_provider() as provider, a_proxy(b"HTTP/1.1 200 Connection established\r\n\r\n") as (proxy, asked):
        provider.will_play(Played(body=(b"ok",)))
        upstream = Http1Upstream(lambda address: address.version == 4, proxy=proxy)

        answer = await upstream.send(outgoing(BaseUrl("http", "localhost", provider.port, "")))

        assert await answer.read(100, LONG) == b"ok"
        assert asked == [f"CONNECT 127.0.0.1:{provider.port} HTTP/1.1"]
        assert provider.requests[0].header("host") == f"localhost:{provider.port}"
        await upstream.close()


async def test_what_may_not_be_called_is_not_asked_of_a_proxy_either() -> None:
    async with a_proxy(b"HTTP/1.1 200 OK\r\n\r\n") as (proxy, asked):
        upstream = Http1Upstream(lambda _: False, proxy=proxy)
        with pytest.raises(EgressRefused):
            await upstream.send(outgoing(BaseUrl("http", "localhost", 80, "")))
        assert asked == []
        await upstream.close()


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 No\r\n\r\n", b"garbage\r\n\r\n", b""])
async def test_a_proxy_that_refuses_is_no_connection(answer: bytes) -> None:
    async with a_proxy(answer) as (proxy, _):
        upstream = Http1Upstream(lambda _: True, proxy=proxy)
        with pytest.raises(CannotConnect):
            await upstream.send(outgoing(BaseUrl("http", "127.0.0.1", 80, "")))
        await upstream.close()


async def test_the_built_in_mock_is_never_behind_the_proxy() -> None:
    async with a_provider() as provider:
        provider.will_play(Played(body=(b"mock",)))
        nowhere = BaseUrl("http", "127.0.0.1", a_closed_port(), "")
        upstream = Http1Upstream(lambda _: False, proxy=nowhere)
        answer = await upstream.send(outgoing(provider.url, Reach.BUILT_IN))
        assert await answer.read(100, LONG) == b"mock"
        await upstream.close()
