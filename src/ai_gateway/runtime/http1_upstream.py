"""The upstream side of the line: our own HTTP/1.1 on httptools and the event loop's own callbacks.

A client library spends most of its time on what a gateway does not need (sessions, cookies, URL objects, a task for
every body). Here a request is one write, an answer is one wake-up, and a stream is none. Connections are kept per
place (scheme, host, port), the last used first, so that the idle ones age and can be let go; where a place has as many
as it may have, requests wait in the order they came. One timer looks after all deadlines, ten times a second: a
timeout is late by at most that, and costs a request two assignments.
"""

import asyncio
import ssl
from collections import deque
from typing import Final, final

import msgspec

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.runtime.dialer import Dialer, MayConnect
from ai_gateway.runtime.http1 import Http1Answer, Http1Connection
from ai_gateway.runtime.upstream import Broken, Outgoing, TooSlow

SWEEP_SECONDS: Final = 0.1
MOST_HEADS: Final = 4096
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
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._dialer = Dialer(may_connect, tls or ssl.create_default_context(), proxy)
        self._limits = limits
        self._pools: dict[Place, _Pool] = {}
        self._busy: set[Http1Connection] = set()
        self._heads: dict[tuple[object, ...], bytes] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    async def send(self, request: Outgoing) -> Http1Answer:
        url = request.url
        place = (url.scheme, url.host, url.port, request.reach)
        pool = self._pools.get(place)
        if pool is None:
            pool = self._pools[place] = _Pool(self, self._limits)
        head = self._head_of(request)
        connection = pool.take_idle(self._loop.time())
        if connection is None:
            connection = await pool.acquire(url, request.reach, request.connect_seconds)
        self._busy.add(connection)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        answer = connection.ask(head, request.body)
        await answer.head(request.head_seconds)
        return answer

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in tuple(self._busy):
            connection.cut()
        for pool in self._pools.values():
            pool.close()

    @property
    def open_connections(self) -> int:
        return sum(pool.open for pool in self._pools.values())

    async def dial(self, pool: "_Pool", url: BaseUrl, reach: Reach, seconds: float) -> Http1Connection:
        def ended(connection: Http1Connection, reusable: bool) -> None:  # noqa: FBT001  a callback's shape
            self._busy.discard(connection)
            pool.put_back(connection, reusable=reusable)

        return await self._dialer.dial(url, reach, lambda: Http1Connection(self._loop, ended), seconds)

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
        for connection in tuple(self._busy):
            answer = connection.answer
            if answer is not None:
                answer.expire(now)
        for place, pool in tuple(self._pools.items()):
            pool.let_go(now)
            if not pool.open and not pool.waiting:
                del self._pools[place]
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep) if self._pools else None


@final
class _Pool:
    """The connections of one place. `open` counts those that exist or are being made."""

    def __init__(self, upstream: Http1Upstream, limits: PoolLimits) -> None:
        self._upstream = upstream
        self._limits = limits
        self._idle: deque[Http1Connection] = deque()
        self._waiters: deque[asyncio.Future[Http1Connection | None]] = deque()
        self.open = 0

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def take_idle(self, now: float) -> Http1Connection | None:
        """The connection that was used last; one that the provider has closed meanwhile is dropped, not used."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable(now):
                return connection
            connection.cut()
        return None

    async def acquire(self, url: BaseUrl, reach: Reach, seconds: float) -> Http1Connection:
        """A new connection, or the next one that becomes free. Raises what dialing raises, TooSlow('connect')."""
        while self.open >= self._limits.connections:
            freed = await self._wait(seconds)
            if freed is not None:
                if freed.is_usable(freed.idle_since):
                    return freed
                freed.cut()
        self.open += 1
        try:
            return await self._upstream.dial(self, url, reach, seconds)
        except BaseException:
            self.open -= 1
            self._hand_on(None)
            raise

    def put_back(self, connection: Http1Connection, *, reusable: bool) -> None:
        if reusable:
            if not self._hand_on(connection):
                self._idle.append(connection)
            return
        self.open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._hand_on(None)

    def let_go(self, now: float) -> None:
        while self._idle and now - self._idle[0].idle_since > self._limits.idle_seconds:
            self._idle.popleft().cut()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().cut()

    async def _wait(self, seconds: float) -> Http1Connection | None:
        """A connection that became free, or None: there is room for a new one."""
        waiter: asyncio.Future[Http1Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                self._pass_by(waiter.result())
            waiter.cancel()
            if isinstance(error, TimeoutError):
                raise TooSlow("connect") from error
            raise

    def _pass_by(self, handed: Http1Connection | None) -> None:
        """Who gave up in the moment it was served hands on what it got."""
        if handed is None:
            self._hand_on(None)
        else:
            self.put_back(handed, reusable=True)

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
