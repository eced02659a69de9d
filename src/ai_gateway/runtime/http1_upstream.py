"""The upstream side of the line: our own HTTP/1.1 on httptools and the event loop's own callbacks.

A client library spends most of its time on what a gateway does not need (sessions, cookies, URL objects, a task for
every body). Here a request is one write and an answer is one wake-up. A stream is none, and a whole answer is none
where the request was sent at once and whoever asked is told. Connections are kept in a pool per place (scheme, host,
port). One timer looks after all deadlines, ten times a second: a timeout is late by at most that, and costs a request
two assignments.
"""

import asyncio
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final, final

from ai_gateway.domain.config import BaseUrl, Reach
from ai_gateway.domain.traffic import Body, Header, size_of
from ai_gateway.runtime.dialer import Dialer, MayConnect, Resolve, trust
from ai_gateway.runtime.http1 import Heads, Http1Connection
from ai_gateway.runtime.http1_answer import Http1Answer
from ai_gateway.runtime.http1_pool import CLOSED, Pool, PoolLimits
from ai_gateway.runtime.upstream import Asker, Broken, CannotConnect, Outgoing, UpstreamError

SWEEP_SECONDS: Final = 0.1
MOST_REQUESTS: Final = 4096
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Place = tuple[str, str, int, Reach]


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
        self._pools: dict[Place, Pool] = {}
        self._requests: dict[tuple[int, int, str, str], _KnownRequest] = {}
        self._closed = False
        self._sweeper: asyncio.TimerHandle | None = None

    async def send(self, request: Outgoing) -> Http1Answer:
        known = self._requests.get((id(request.headers), id(request.url), request.path, request.method))
        if known is None or known.reach is not request.reach:
            known = self._learn(request)
        connection = known.pool.take_idle(self._loop.time()) or await known.pool.acquire(request.connect_seconds)
        answer = connection.ask(known.head, request.body)
        await answer.head(request.head_seconds)
        return answer

    def prepare(self, request: Outgoing) -> "Http1Errand":
        return Http1Errand(self._loop, partial(self._learn, request))

    async def close(self) -> None:
        """Whoever waits for a connection or an answer is told, and nothing can be sent any more."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for pool in self._pools.values():
            pool.close()

    @property
    def open_connections(self) -> int:
        return sum(pool.open for pool in self._pools.values())

    def _learn(self, request: Outgoing) -> "_KnownRequest":
        """All of a request's head but the length is the same for most requests of an endpoint, and so is its place.
        They are known by the same tuple and the same address, whose hashes would cost more than all else: both are
        held, so nothing else has their ids meanwhile. Raises Broken, CannotConnect."""
        headers, url = request.headers, request.url
        known = _KnownRequest(_encode_head(request), self._pool_of(url, request.reach), request.reach, (headers, url))
        if len(self._requests) >= MOST_REQUESTS:
            self._requests.clear()
        self._requests[(id(headers), id(url), request.path, request.method)] = known
        return known

    def _pool_of(self, url: BaseUrl, reach: Reach) -> Pool:
        place = (url.scheme, url.host, url.port, reach)
        pool = self._pools.get(place)
        if pool is None:
            if self._closed:
                raise CannotConnect(CLOSED)
            heads = Heads()
            dial = partial(self._dialer.dial, url, reach, lambda: Http1Connection(self._loop, heads))
            pool = self._pools[place] = Pool(dial, self._limits)
            if self._sweeper is None:
                self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        return pool

    def _sweep(self) -> None:
        # Set again before anybody is told: what a listener raises must not stop the clock of all others.
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        now = self._loop.time()
        for place, pool in tuple(self._pools.items()):
            pool.expire(now)
            if not pool.open:
                del self._pools[place]
                self._requests.clear()  # some of them know it
        if not self._pools:
            self._sweeper.cancel()
            self._sweeper = None


@final
class _KnownRequest:
    """What one request leaves behind for others like it: its head up to the length, and where it goes."""

    __slots__ = ("_held", "head", "pool", "reach")

    def __init__(self, head: bytes, pool: Pool, reach: Reach, held: tuple[tuple[Header, ...], BaseUrl]) -> None:
        self.head = head
        self.pool = pool
        self.reach = reach
        self._held = held


@final
class Http1Errand:
    """`learn` finds out where it goes, and is asked again once that place is gone. The head of a request as long as the
    last one is the last one's."""

    __slots__ = ("_head", "_idle", "_known", "_learn", "_size", "_time")

    def __init__(self, loop: asyncio.AbstractEventLoop, learn: "Callable[[], _KnownRequest]") -> None:
        self._time = loop.time
        self._learn = learn
        self._head = b""
        self._size = -1
        self._known: _KnownRequest | None = None
        self._idle: list[Http1Connection] = []
        self._find_place()

    def ask(self, body: Body, most: int, seconds: float, asker: Asker) -> Http1Connection | None:
        now = self._time()
        idle = self._idle
        while idle:
            if isinstance(body, bytes):
                size = len(body)
                message = (self._head if size == self._size else self._head_for(size)) + body
            else:
                message = (self._head_for(size_of(body)), *body)
            connection = idle.pop()
            if connection.ask_at_once(message, most, seconds, asker, now):
                return connection
            connection.cut()
        if self._known is None or not self._known.pool.open:
            self._find_place()
        return None

    def _head_for(self, size: int) -> bytes:
        assert self._known is not None, "connections that wait are of a place that was found"
        self._size = self._known.pool.alike(size)
        self._head = b"%b%d\r\n\r\n" % (self._known.head, size)
        return self._head

    def _find_place(self) -> None:
        """Who cannot be asked at all is told so by `send`."""
        try:
            self._known = known = self._learn()
        except UpstreamError:
            return
        self._idle = known.pool.idle


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
