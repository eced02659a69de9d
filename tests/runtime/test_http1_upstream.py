"""The pool: connections are kept, counted, waited for in order and never trusted when they are dead. What every
upstream does is in test_upstream.py and test_real_upstreams.py, which run on this one too."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ai_gateway.domain.config import Reach
from ai_gateway.runtime.http1_pool import PoolLimits
from ai_gateway.runtime.http1_upstream import Http1Upstream
from ai_gateway.runtime.upstream import CannotConnect, Outgoing, TooSlow
from support.provider import Ending, Played, Provider, a_closed_port, a_provider

LONG = 30.0


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with a_provider() as provider:
        yield provider


def outgoing(provider: Provider, connect_seconds: float = LONG) -> Outgoing:
    return Outgoing("POST", provider.url, "/x", (), b"{}", Reach.CHECKED, connect_seconds, LONG)


async def exchange(upstream: Http1Upstream, provider: Provider) -> bytes:
    answer = await upstream.send(outgoing(provider))
    body = await answer.read(1_000, LONG)
    answer.close()
    return body


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
