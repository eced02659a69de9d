"""Ours on real sockets: what only a kernel shows. Framing, waiting and counting are proved without sockets in
test_http1*.py; what every upstream does is in test_upstream.py and test_real_upstreams.py, which run on ours too."""

import asyncio
import hashlib
import os
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec
import pytest

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.http1 import FRESH_SECONDS
from ai_gateway.runtime.http1_answer import BUFFER_BYTES
from ai_gateway.runtime.http1_pool import PoolLimits
from ai_gateway.runtime.http1_upstream import SWEEP_SECONDS, Http1Upstream
from ai_gateway.runtime.upstream import Broken, CannotConnect, Outgoing, TooSlow, UpstreamError
from support.provider import Ending, Played, Provider, a_closed_port, a_provider
from support.transport import AtOnce

LONG = 30.0
SHORT = 0.05


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as provider:
        yield provider


@pytest.fixture
async def upstream() -> AsyncIterator[Http1Upstream]:
    upstream = Http1Upstream(lambda _: True)
    yield upstream
    await upstream.close()
    assert upstream.open_connections == 0, "every story ends with nothing open"


def outgoing(provider: Provider, connect_seconds: float = LONG, head_seconds: float = LONG) -> Outgoing:
    return Outgoing("POST", provider.url, "/x", (), b"{}", Reach.CHECKED, connect_seconds, head_seconds)


async def exchange(upstream: Http1Upstream, provider: Provider) -> bytes:
    answer = await upstream.send(outgoing(provider))
    body = await answer.read(1_000, LONG)
    answer.close()
    return body


async def exchange_at_once(upstream: Http1Upstream, request: Outgoing, seconds: float = LONG) -> AtOnce | None:
    """What came, be it as usual or not; None where nothing was sent."""
    asker = AtOnce(1_000)
    is_whole = asyncio.Event()
    asker.tell = is_whole.set
    if upstream.prepare(request).ask(b"{}", 1_000, seconds, asker) is None:
        return None
    await is_whole.wait()
    return asker


class Basin:
    """A sink whose end can be awaited."""

    def __init__(self) -> None:
        self.size = 0
        self.end: asyncio.Future[UpstreamError | None] = asyncio.get_running_loop().create_future()

    def pour(self, data: bytes) -> None:
        self.size += len(data)

    def take(self, read: bytes) -> bool:
        return False

    def tick(self) -> None: ...

    def close(self, error: UpstreamError | None) -> None:
        self.end.set_result(error)


async def test_a_connection_that_the_provider_closed_meanwhile_is_not_used(provider: Provider) -> None:
    upstream = Http1Upstream(lambda _: True)
    provider.will_play(Played(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none"), Played(body=(b"two",)))

    assert await exchange(upstream, provider) == b"one"
    async with asyncio.timeout(LONG):
        while upstream.open_connections:  # noqa: ASYNC110  the news of a close is the event loop's alone
            await asyncio.sleep(0)
    assert await exchange(upstream, provider) == b"two"

    assert provider.connections == 2
    await upstream.close()


async def test_where_a_place_has_as_many_as_it_may_have_requests_wait_for_one(provider: Provider) -> None:
    upstream = Http1Upstream(lambda _: True, limits=PoolLimits(connections=1))
    provider.will_play(*(Played(body=(text,)) for text in (b"one", b"two", b"three")))
    first = await upstream.send(outgoing(provider))
    waiting = [asyncio.ensure_future(exchange(upstream, provider)) for _ in range(2)]
    await asyncio.sleep(0)

    assert await first.read(1_000, LONG) == b"one"
    first.close()

    assert [await it for it in waiting] == [b"two", b"three"]
    assert (provider.connections, upstream.open_connections) == (1, 1)
    await upstream.close()


async def test_waiting_for_a_connection_is_a_part_of_connecting(provider: Provider) -> None:
    upstream = Http1Upstream(lambda _: True, limits=PoolLimits(connections=1))
    provider.will_play(Played(ending=Ending.SILENT))
    held = await upstream.send(outgoing(provider))

    with pytest.raises(TooSlow) as slow:
        await upstream.send(outgoing(provider, connect_seconds=0.02))

    assert slow.value.stage == "connect"
    held.close()
    await upstream.close()


async def test_a_connection_that_was_cut_makes_room_for_the_next(provider: Provider) -> None:
    upstream = Http1Upstream(lambda _: True, limits=PoolLimits(connections=1))
    provider.will_play(Played(ending=Ending.SILENT), Played(body=(b"two",)))
    held = await upstream.send(outgoing(provider))
    waiting = asyncio.ensure_future(exchange(upstream, provider))
    await asyncio.sleep(0)

    held.close()

    assert await waiting == b"two"
    await upstream.close()


async def test_a_failed_dial_leaves_no_count_behind() -> None:
    upstream = Http1Upstream(lambda _: True, limits=PoolLimits(connections=1))
    nobody = Provider(port=a_closed_port())
    for _ in range(3):
        with pytest.raises(CannotConnect):
            await upstream.send(outgoing(nobody))
    assert upstream.open_connections == 0
    await upstream.close()


async def test_closing_closes_what_is_idle_and_what_is_busy(provider: Provider) -> None:
    upstream = Http1Upstream(lambda _: True)
    provider.will_play(Played(ending=Ending.SILENT))
    await upstream.send(outgoing(provider))

    await upstream.close()

    await provider.client_left()
    assert upstream.open_connections == 0


async def test_a_stale_connection_is_replaced_and_the_request_sent_once(
    upstream: Http1Upstream, provider: Provider
) -> None:
    """The provider closes while the event loop is busy with this request: only the kernel knows of it."""
    ends: list[socket.socket] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        ends.append(socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with suppress(ConnectionError):  # the dead connection is cut, which may reach this side as a reset
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    assert await exchange(upstream, provider) == b"ok"
    await asyncio.sleep(2 * FRESH_SECONDS)  # longer than the kernel is not asked, also by a clock of milliseconds
    ends[0].shutdown(socket.SHUT_RDWR)
    ends[0].close()

    assert await exchange_at_once(upstream, outgoing(provider)) is None
    assert await exchange(upstream, provider) == b"ok"
    assert (len(ends), upstream.open_connections) == (2, 1)
    ends[1].close()
    server.close()


async def test_a_head_that_does_not_come_ends_the_request_at_both_ends(
    upstream: Http1Upstream, provider: Provider
) -> None:
    provider.will_play(Played(headers=None))
    with pytest.raises(TooSlow) as slow:
        await upstream.send(outgoing(provider, head_seconds=SHORT))
    assert slow.value.stage == "first byte"
    await provider.client_left()
    assert upstream.open_connections == 0


@pytest.mark.parametrize(("between", "total"), [(SHORT, LONG), (LONG, SHORT)])
async def test_a_poured_stream_ends_in_time_although_nobody_awaits_it(
    upstream: Http1Upstream, provider: Provider, between: float, total: float
) -> None:
    provider.will_play(Played(body=(b"one",), ending=Ending.SILENT))
    answer = await upstream.send(outgoing(provider))
    basin = Basin()
    answer.pour_into(basin, between, total)
    assert isinstance(await basin.end, TooSlow)
    await provider.client_left()
    assert basin.size == len(b"one")
    assert upstream.open_connections == 0


async def test_an_answer_that_was_left_and_does_not_end_is_cut_although_nobody_awaits_it(
    upstream: Http1Upstream, provider: Provider
) -> None:
    provider.will_play(Played(body=(b"one",), ending=Ending.SILENT))
    answer = await upstream.send(outgoing(provider))
    answer.leave(SHORT)
    answer.close()
    assert upstream.open_connections == 1
    await provider.client_left()
    assert upstream.open_connections == 0


async def test_an_answer_that_was_left_and_ends_keeps_its_connection(provider: Provider) -> None:
    upstream = Http1Upstream(lambda _: True, limits=PoolLimits(connections=1))
    provider.will_play(Played(body=(b"one", b"two" * 50_000)), Played(body=(b"next",)))
    answer = await upstream.send(outgoing(provider))
    answer.leave(LONG)
    answer.close()
    assert await exchange(upstream, provider) == b"next"
    assert provider.connections == 1
    await upstream.close()


async def test_nothing_ticks_where_nothing_is_open(provider: Provider) -> None:
    upstream = Http1Upstream(lambda _: True, limits=PoolLimits(idle_seconds=0))
    provider.will_play(Played(body=(b"one",)))
    assert await exchange(upstream, provider) == b"one"
    assert upstream._sweeper is not None
    await provider.client_left()
    async with asyncio.timeout(LONG):
        while upstream._sweeper is not None:  # noqa: ASYNC110  a timer tells nobody that it was not set again
            await asyncio.sleep(SWEEP_SECONDS / 10)
    assert upstream.open_connections == 0
    provider.will_play(Played(body=(b"two",)))
    assert await exchange(upstream, provider) == b"two"
    assert upstream._sweeper is not None
    assert upstream.open_connections == 1
    await upstream.close()


@pytest.mark.parametrize("at", ["head", "next", "read", "pour"])
async def test_giving_up_closes_the_providers_socket(upstream: Http1Upstream, provider: Provider, at: str) -> None:
    silent = Played(headers=None) if at == "head" else Played(body=(b"one",), ending=Ending.SILENT)
    provider.will_play(silent)

    async def ask() -> None:
        answer = await upstream.send(outgoing(provider))
        try:
            assert await answer.next(LONG) == b"one"
            if at == "pour":
                basin = Basin()
                answer.pour_into(basin, LONG, LONG)
                await basin.end
            await (answer.next(LONG) if at == "next" else answer.read(1_000, LONG))
        finally:
            answer.close()

    asking = asyncio.ensure_future(ask())
    await provider.asked.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    assert upstream.open_connections == 0
    await provider.client_left()


async def test_closing_tells_whoever_waits_for_an_answer(upstream: Http1Upstream, provider: Provider) -> None:
    provider.will_play(Played(headers=None))
    asking = asyncio.ensure_future(upstream.send(outgoing(provider)))
    await provider.asked.wait()
    await upstream.close()
    with pytest.raises(Broken):
        await asking
    with pytest.raises(CannotConnect):
        await upstream.send(outgoing(provider))


async def test_an_early_answer_to_a_large_request_is_had_while_it_is_still_being_sent(
    upstream: Http1Upstream, provider: Provider
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await closed.wait()
        writer.close()

    closed = asyncio.Event()
    server = await asyncio.start_server(refuse, "127.0.0.1", 0, limit=1_024)
    provider.port = server.sockets[0].getsockname()[1]
    large = Outgoing("POST", provider.url, "/x", (), bytes(32 << 20), Reach.CHECKED, LONG, LONG)
    answer = await upstream.send(large)
    assert (answer.status, await answer.read(10, LONG)) == (413, b"no")
    assert upstream.open_connections == 0
    closed.set()
    server.close()


async def test_a_caller_that_does_not_read_stops_us_reading_and_all_bytes_come_in_the_end(
    upstream: Http1Upstream, provider: Provider
) -> None:
    """64 MiB are offered. What the provider gets rid of is what two kernel buffers hold (loopback's largest are 4 MiB
    for sending and 6 MiB for receiving) and what we hold, which is one read behind 64 KiB."""
    size = 64 << 20
    accepted = 0
    full = asyncio.Event()

    async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.set_write_buffer_limits(high=0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        while accepted < size:
            writer.write(bytes([accepted >> 16 & 255]) * 65_536)
            accepted += 65_536
            if writer.transport.get_write_buffer_size():
                full.set()
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(stream, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    answer = await upstream.send(outgoing(provider))
    for _ in range(100):
        await asyncio.sleep(0)
    await full.wait()
    assert answer._ready_bytes <= BUFFER_BYTES + (256 << 10)
    assert accepted <= 16 << 20

    came, seen, meant = 0, hashlib.sha256(), hashlib.sha256()
    while part := await answer.next(LONG):
        seen.update(part)
        came += len(part)
    for at in range(0, size, 65_536):
        meant.update(bytes([at >> 16 & 255]) * 65_536)
    assert seen.digest() == meant.digest()
    assert came == size
    server.close()


async def test_a_request_is_sent_at_once_where_a_connection_waits_for_it(
    upstream: Http1Upstream, provider: Provider
) -> None:
    provider.will_play(*(Played(body=(text,)) for text in (b"one", b"two", b"three")))
    request = outgoing(provider)
    assert await exchange_at_once(upstream, request) is None
    assert await exchange(upstream, provider) == b"one"
    for text in (b"two", b"three"):
        answer = await exchange_at_once(upstream, request)
        assert answer is not None
        assert (answer.status, answer.body) == (200, text)
    assert [it.body for it in provider.requests] == [b"{}"] * 3
    assert [it.line for it in provider.requests] == ["POST /v1/x HTTP/1.1"] * 3
    assert provider.connections == 1


async def test_nothing_is_sent_at_once_while_the_only_connection_has_an_answer_under_way(
    upstream: Http1Upstream, provider: Provider
) -> None:
    provider.will_play(Played(body=(b"one",), ending=Ending.SILENT))
    held = await upstream.send(outgoing(provider))
    assert await exchange_at_once(upstream, outgoing(provider)) is None
    assert len(provider.requests) == 1
    held.close()


async def test_an_errand_finds_its_place_again_when_that_was_given_up_meanwhile(provider: Provider) -> None:
    upstream = Http1Upstream(lambda _: True, limits=PoolLimits(idle_seconds=0.0))
    errand = upstream.prepare(outgoing(provider))
    for _ in range(2):
        provider.will_play(Played(body=(b"one",)))
        await exchange(upstream, provider)
        asker, heard = AtOnce(), asyncio.Event()
        asker.tell = heard.set
        provider.will_play(Played(body=(b"two",)))
        assert errand.ask(b"{}", 1_000, LONG, asker) is not None
        await heard.wait()
        assert asker.body == b"two"
        await provider.client_left()
        provider.left.clear()
        assert errand.ask(b"{}", 1_000, LONG, asker) is None
    await upstream.close()
    assert errand.ask(b"{}", 1_000, LONG, asker) is None


async def test_bodies_of_every_length_are_sent_with_theirs(upstream: Http1Upstream, provider: Provider) -> None:
    provider.will_play(*(Played(body=(b"ok",)) for _ in range(5)))
    await exchange(upstream, provider)
    errand = upstream.prepare(outgoing(provider))
    bodies = [b"a", b"b", b"", b"cc"]
    for body in bodies:
        heard = asyncio.Event()
        asker = AtOnce()
        asker.tell = heard.set
        assert errand.ask(body, 1_000, LONG, asker) is not None
        await heard.wait()
    assert [it.body for it in provider.requests[1:]] == bodies


async def test_what_cannot_be_sent_at_all_is_said_by_who_awaits_it(upstream: Http1Upstream, provider: Provider) -> None:
    provider.will_play(Played(body=(b"one",)))
    assert await exchange(upstream, provider) == b"one"
    broken = msgspec.structs.replace(outgoing(provider), headers=(("x", "a\r\nb: c"),))
    assert await exchange_at_once(upstream, broken) is None
    with pytest.raises(Broken):
        await upstream.send(broken)
    assert len(provider.requests) == 1


@pytest.mark.parametrize("played", [Played(headers=None), Played(body=(b"one",), ending=Ending.SILENT)])
async def test_who_is_told_is_told_in_time_although_nobody_awaits_anything(
    upstream: Http1Upstream, provider: Provider, played: Played
) -> None:
    provider.will_play(Played(), played)
    await exchange(upstream, provider)
    answer = await exchange_at_once(upstream, outgoing(provider), SHORT)
    assert answer is not None
    assert answer.body is None
    assert answer.answer is not None
    with pytest.raises(TooSlow):
        await (answer.answer.read(1_000, LONG) if answer.status else answer.answer.head(LONG))
    await provider.client_left()
    assert upstream.open_connections == 0


async def test_closing_tells_who_is_to_be_told(provider: Provider) -> None:
    upstream = Http1Upstream(lambda _: True)
    provider.will_play(Played(), Played(headers=None))
    await exchange(upstream, provider)
    provider.asked.clear()
    asking = asyncio.ensure_future(exchange_at_once(upstream, outgoing(provider)))
    await provider.asked.wait()
    await upstream.close()
    answer = await asking
    assert answer is not None
    assert answer.body is None
    assert await exchange_at_once(upstream, outgoing(provider)) is None
    assert upstream.open_connections == 0


async def test_another_request_with_the_same_headers_goes_where_it_is_meant_to_go(
    upstream: Http1Upstream, provider: Provider
) -> None:
    """What is known of a request is told apart by all that its head and its place are made of."""
    first = outgoing(provider)
    others = [
        first,
        msgspec.structs.replace(first, method="PUT"),
        msgspec.structs.replace(first, path="/y"),
        msgspec.structs.replace(first, url=BaseUrl("http", "localhost", provider.port, "/v2")),
        msgspec.structs.replace(first, headers=(("a", "b"),)),
        msgspec.structs.replace(first, reach=Reach.BUILT_IN),
    ]
    provider.will_play(*[Played()] * 2 * len(others))
    for request in others * 2:
        answer = await upstream.send(request)
        await answer.read(1_000, LONG)
    lines = ["POST /v1/x", "PUT /v1/x", "POST /v1/y", "POST /v2/x", "POST /v1/x", "POST /v1/x"]
    assert [it.line for it in provider.requests] == [f"{line} HTTP/1.1" for line in lines * 2]
    assert [it.header("a") for it in provider.requests] == [None, None, None, None, "b", None] * 2
    assert provider.connections == 3, "by name, by number, and the built-in mock's"
