"""Framing, byte by byte: what is an end, what is none, and what is not HTTP at all."""

from collections.abc import AsyncIterator

import pytest

from ai_gateway.domain.config import Reach
from ai_gateway.runtime.http1 import HEAD_BYTES
from ai_gateway.runtime.http1_upstream import Http1Upstream
from ai_gateway.runtime.upstream import Broken, Outgoing
from support.provider import Played, Provider, a_provider

LONG = 30.0


@pytest.fixture
async def upstream() -> AsyncIterator[Http1Upstream]:
    upstream = Http1Upstream(lambda _: True)
    yield upstream
    await upstream.close()


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as provider:
        yield provider


async def said(upstream: Http1Upstream, provider: Provider, raw: bytes) -> tuple[int, bytes]:
    provider.will_play(Played(raw=raw))
    answer = await upstream.send(Outgoing("POST", provider.url, "/x", (), b"{}", Reach.CHECKED, LONG, LONG))
    try:
        return answer.status, await answer.read(1 << 20, LONG)
    finally:
        answer.close()


@pytest.mark.parametrize(
    ("raw", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nT: 1\r\n\r\n", 200, b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", 404, b""),
    ],
)
async def test_a_body_ends_as_its_head_says(
    upstream: Http1Upstream, provider: Provider, raw: bytes, status: int, body: bytes
) -> None:
    assert await said(upstream, provider, raw) == (status, body)


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (HEAD_BYTES + 1) + b"\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
    ids=["short", "no last chunk", "bad chunk", "cut head", "huge head", "interim only"],
)
async def test_what_is_not_a_whole_answer_is_broken(upstream: Http1Upstream, provider: Provider, raw: bytes) -> None:
    with pytest.raises(Broken):
        await said(upstream, provider, raw)


@pytest.mark.parametrize("kept", [1, 20, 40, 45])
async def test_bytes_behind_an_answer_do_not_become_the_next_one(
    upstream: Http1Upstream, provider: Provider, kept: int
) -> None:
    smuggled = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nforeign"[:kept]
    first = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + smuggled
    assert await said(upstream, provider, first) == (200, b"ok")
    assert await said(upstream, provider, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine") == (200, b"mine")
    assert provider.connections == 2
