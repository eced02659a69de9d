"""Ours and aiohttp, answer by answer on real sockets: status, body and the class of what went wrong are the same. Where
they differ on purpose stands in DIFFERENT, with the reason; nothing else may."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.http1_upstream import Http1Upstream
from ai_gateway.runtime.upstream import Outgoing, Upstream, UpstreamError
from support.aiohttp_upstream import AiohttpUpstream
from support.answers import said
from support.transport import AtOnce

LONG = 20.0
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
Told = tuple[int, bytes] | str

ALIKE = [
    OK + b"Content-Length: 2\r\n\r\nok",
    OK + b"Content-Length: 3\r\n\r\nok",
    OK + b"\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    CHUNKED + b"2;x=y\r\nok\r\n0\r\nT: 1\r\n\r\n",
    CHUNKED + b"2\r\nok\r\n",
    CHUNKED + b"zz\r\nok\r\n0\r\n\r\n",
    CHUNKED + b"2\r\nokk\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nok",
    b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    OK + b"Content-Le",
    OK + b"Content-Length: x\r\n\r\nok",
    OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    OK + b"no colon\r\n\r\n",
    OK + b"X: a\0b\r\nContent-Length: 0\r\n\r\n",
    OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
    OK + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\nok",
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    b"",
]
DIFFERENT: list[tuple[bytes, Told]] = [
    # Another protocol than the one that was asked for is no answer; aiohttp hands it on as one.
    (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", "Broken"),
    # Behind an answer is nothing of it. To aiohttp the answer is broken if both come in one read, and whole otherwise.
    (OK + b"Content-Length: 2\r\n\r\nok and more", (200, b"ok")),
]


async def told(upstream: Upstream, url: BaseUrl) -> Told:
    try:
        answer = await upstream.send(Outgoing("POST", url, "/x", (), b"{}", Reach.CHECKED, LONG, LONG))
        try:
            return answer.status, await answer.read(1 << 20, LONG)
        finally:
            answer.close()
    except UpstreamError as error:
        return type(error).__name__


async def told_at_once(upstream: Http1Upstream, url: BaseUrl) -> Told:
    """On a connection that waits for it, by somebody who does not."""
    outgoing = Outgoing("POST", url, "/x", (), b"{}", Reach.CHECKED, LONG, LONG)
    before = await upstream.send(outgoing)
    assert await before.read(1 << 20, LONG) == b"before"
    is_whole = asyncio.Event()
    asker = AtOnce()
    asker.tell = is_whole.set
    assert upstream.prepare(outgoing).ask(b"{}", 1 << 20, LONG, asker) is not None
    await is_whole.wait()
    if asker.body is not None:
        return asker.status, asker.body
    answer = asker.answer
    assert answer is not None, "what came as usual has a body"
    try:
        await answer.head(LONG)
        await answer.read(1 << 20, LONG)
    except UpstreamError as error:
        return type(error).__name__
    raise AssertionError("it is not whole, and nothing has failed")


@asynccontextmanager
async def saying(raw: bytes, before: bytes = b"") -> AsyncIterator[BaseUrl]:
    """Whoever asks is told this, and then the connection is closed; with `before`, which answers an earlier request
    on it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if before:
            await reader.readuntil(b"{}")
            writer.write(before)
        await reader.readuntil(b"{}")
        writer.write(raw)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield BaseUrl("http", "127.0.0.1", server.sockets[0].getsockname()[1], "")
    finally:
        server.close()


async def both(raw: bytes) -> tuple[Told, Told]:
    """What ours says is the same when it is asked at once."""
    async with saying(raw) as url, saying(raw, OK + b"Content-Length: 6\r\n\r\nbefore") as again:
        ours, theirs = Http1Upstream(lambda _: True), AiohttpUpstream(lambda _: True)
        try:
            said_by_ours = await told(ours, url)
            assert await told_at_once(ours, again) == said_by_ours
            return said_by_ours, await told(theirs, url)
        finally:
            await ours.close()
            await theirs.close()


@pytest.mark.parametrize("raw", ALIKE)
async def test_both_say_the_same(raw: bytes) -> None:
    ours, theirs = await both(raw)
    assert ours == theirs


@pytest.mark.parametrize(("raw", "meant"), DIFFERENT)
async def test_where_they_differ_ours_is_as_it_was_meant(raw: bytes, meant: Told) -> None:
    ours, theirs = await both(raw)
    assert ours == meant
    assert theirs != meant, "no difference any more: move it up"


@given(answer=said(), cut=st.none() | st.integers(0, 10_000))
@settings(max_examples=40, phases=[Phase.generate])
async def test_both_say_the_same_of_whatever_is_well_formed_and_of_whatever_is_cut(answer: object, cut: object) -> None:
    raw: bytes = answer.raw  # type: ignore[attr-defined]
    ours, theirs = await both(raw if cut is None else raw[: cut % len(raw)])  # type: ignore[operator]
    assert ours == theirs
