"""The upstream side of the line: our own HTTP/1.1 on httptools and the event loop's own callbacks.

A client library spends most of its time on what a gateway does not need (sessions, cookies, URL objects, a task for
every body). Here a request is one write, an answer is one wake-up, and a stream is none. Connections are kept per
place (scheme, host, port), the last used first, so that the idle ones age and can be let go; where a place has as many
as it may have, requests wait in the order they came; what becomes free, a connection or the room for one, goes to the
first of them and never to one that came later. One timer looks after all deadlines, ten times a second: a
timeout is late by at most that, and costs a request two assignments.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import Final, final

import msgspec

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.dialer import Dialer, MayConnect, Resolve, trust
from ai_gateway.runtime.http1 import Http1Connection
from ai_gateway.runtime.http1_answer import Http1Answer
from ai_gateway.runtime.upstream import Broken, CannotConnect, Outgoing, TooSlow

SWEEP_SECONDS: Final = 0.1
MOST_HEADS: Final = 4096
CLOSED: Final = "the gateway is closing its connections"
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Place = tuple[str, str, int, Reach]


class PoolLimits(msgspec.Struct, frozen=True):
    """`connections` to one place at a time; `idle_seconds` a connection may wait for its next request."""

    connections: int = 4096
    idle_seconds: float = 60.0


@final
class Http1Upstream:
    """Made inside the running loop."""

    def __init__(
        self,
        may_connect: MayConnect,
        tls: ssl.SSLContext | None = None,
        limits: PoolLimits = PoolLimits(),
        proxy: BaseUrl | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._dialer = Dialer(may_connect, tls or trust(None), proxy, resolve)
        self._limits = limits
        self._pools: dict[Place, _Pool] = {}
        self._busy: set[Http1Connection] = set()
        self._heads: dict[tuple[object, ...], bytes] = {}
        self._closed = False
        self._sweeper: asyncio.TimerHandle | None = None

    async def send(self, request: Outgoing) -> Http1Answer:
        head = self._head_of(request)
        url = request.url
        place = (url.scheme, url.host, url.port, request.reach)
        pool = self._pools.get(place)
        if pool is None:
            pool = self._open_pool(place)
        connection = pool.take_idle(self._loop.time())
        if connection is None:
            connection = await pool.acquire(url, request.reach, request.connect_seconds)
        self._busy.add(connection)
        answer = connection.ask(head, request.body)
        await answer.head(request.head_seconds)
        return answer

    async def close(self) -> None:
        """Whoever waits for a connection or an answer is told, and nothing can be sent any more."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for pool in self._pools.values():
            pool.close()
        for connection in tuple(self._busy):
            connection.end(CLOSED)

    @property
    def open_connections(self) -> int:
        return sum(pool.open for pool in self._pools.values())

    async def dial(self, pool: "_Pool", url: BaseUrl, reach: Reach, seconds: float) -> Http1Connection:
        """A connection that tells `pool` when it is free or gone. Raises what dialing raises."""

        def ended(connection: Http1Connection, reusable: bool) -> None:  # noqa: FBT001  a callback's shape
            self._busy.discard(connection)
            pool.put_back(connection, reusable=reusable)

        connection = await self._dialer.dial(url, reach, lambda: Http1Connection(self._loop), seconds)
        if self._closed:
            connection.cut()
            raise CannotConnect(CLOSED)
        if not connection.adopt(ended):
            raise CannotConnect(f"{url.host}:{url.port} closed the connection at once")
        return connection

    def _open_pool(self, place: Place) -> "_Pool":
        if self._closed:
            raise CannotConnect(CLOSED)
        pool = self._pools[place] = _Pool(self, self._limits)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        return pool

    def _head_of(self, request: Outgoing) -> bytes:
        """The request's head as bytes; all of it but the length is the same for most requests of an endpoint."""
        name = (request.method, request.url, request.path, request.headers)
        head = self._heads.get(name)
        if head is None:
            if len(self._heads) >= MOST_HEADS:
                self._heads.clear()
            head = self._heads[name] = _encode_head(request)
        return b"%b%d\r\n\r\n" % (head, len(request.body))

    def _sweep(self) -> None:
        now = self._loop.time()
        for place, pool in tuple(self._pools.items()):
            pool.let_go(now)
            if not pool.open:
                del self._pools[place]
        # Before anybody is told: what a listener raises must not stop the clock of all others.
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep) if self._pools else None
        for connection in tuple(self._busy):
            answer = connection.answer
            if answer is not None:
                answer.expire(now)


@final
class _Pool:
    """The connections of one place. `open` counts those that exist, are being made, or may be made by a waiter that
    was promised the room: a promise is a place taken, so that nobody who comes later can take it."""

    def __init__(self, upstream: Http1Upstream, limits: PoolLimits) -> None:
        self._upstream = upstream
        self._limits = limits
        self._idle: dict[Http1Connection, None] = {}  # in the order of their last use
        self._waiters: deque[asyncio.Future[Http1Connection | None]] = deque()
        self.open = 0

    def take_idle(self, now: float) -> Http1Connection | None:
        """The connection that was used last; one that the provider has closed meanwhile is dropped, not used."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.is_usable(now):
                return connection
            connection.cut()
        return None

    async def acquire(self, url: BaseUrl, reach: Reach, seconds: float) -> Http1Connection:
        """A new connection, or the next one that becomes free. Raises what dialing raises, TooSlow('connect')."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        enqueue = self._waiters.append
        while self.open >= self._limits.connections:
            freed = await self._wait(enqueue, until)
            if freed is None:
                return await self._dial(url, reach, until - loop.time())
            if freed.is_usable(freed.idle_since):
                return freed
            freed.cut()
            enqueue = self._waiters.appendleft  # it died between two turns of the loop: we are still first
        self.open += 1
        return await self._dial(url, reach, seconds)

    def put_back(self, connection: Http1Connection, *, reusable: bool) -> None:
        if not reusable:
            self._idle.pop(connection, None)
            self._make_room()
        elif not self._hand_on(connection):
            self._idle[connection] = None

    def let_go(self, now: float) -> None:
        while self._idle:
            oldest = next(iter(self._idle))
            if now - oldest.idle_since <= self._limits.idle_seconds:
                break
            oldest.cut()

    def close(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(CannotConnect(CLOSED))
        for connection in tuple(self._idle):
            connection.cut()

    async def _dial(self, url: BaseUrl, reach: Reach, seconds: float) -> Http1Connection:
        """For whom a place is counted already."""
        try:
            return await self._upstream.dial(self, url, reach, seconds)
        except BaseException:
            self._make_room()
            raise

    async def _wait(
        self, enqueue: Callable[[asyncio.Future[Http1Connection | None]], None], until: float
    ) -> Http1Connection | None:
        """A connection that became free, or None: room for a new one, which is counted already."""
        waiter: asyncio.Future[Http1Connection | None] = asyncio.get_running_loop().create_future()
        enqueue(waiter)
        try:
            async with asyncio.timeout_at(until):
                return await waiter
        except TimeoutError as error:
            self._pass_by(waiter)
            raise TooSlow("connect") from error
        except asyncio.CancelledError:
            self._pass_by(waiter)
            raise

    def _pass_by(self, waiter: asyncio.Future[Http1Connection | None]) -> None:
        """Who gave up in the moment it was served hands on what it got."""
        if waiter.cancelled() or waiter.exception() is not None:
            return
        handed = waiter.result()
        if handed is None:
            self._make_room()
        elif handed.is_usable(handed.idle_since):
            self.put_back(handed, reusable=True)
        else:
            handed.cut()

    def _make_room(self) -> None:
        if not self._hand_on(None):
            self.open -= 1

    def _hand_on(self, handed: Http1Connection | None) -> bool:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(handed)
                return True
        return False


def _encode_head(request: Outgoing) -> bytes:
    """Up to and with 'content-length: '. Raises Broken for a header that would end the line it stands in."""
    url = request.url
    host = f"[{url.host}]" if ":" in url.host else url.host
    if url.port != DEFAULT_PORTS[url.scheme]:
        host = f"{host}:{url.port}"
    lines = [f"{request.method} {url.path}{request.path} HTTP/1.1", f"host: {host}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\0" in text:
        raise Broken("a header has a line break in it")
    try:
        return text.encode("latin-1") + b"\r\ncontent-length: "
    except UnicodeEncodeError as error:
        raise Broken("a header has a character that HTTP cannot carry") from error
