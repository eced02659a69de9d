"""The connections of one place: kept, counted, waited for in order, never trusted when they are dead.

The connection that was used last is used next, so that the idle ones age and can be let go. Where there are as many
as there may be, requests wait; what becomes free, a connection or the room for one, is promised to the first of them.
A promise counts like a connection: it cannot be raced for by somebody who comes later.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, final

import msgspec

from ai_gateway.runtime.http1 import Http1Connection
from ai_gateway.runtime.upstream import CannotConnect, TooSlow

CLOSED: Final = "the gateway is closing its connections"

Dial = Callable[[float], Awaitable[Http1Connection]]


class PoolLimits(msgspec.Struct, frozen=True):
    """`connections` to one place at a time; `idle_seconds` a connection may wait for its next request."""

    connections: int = 16_384
    idle_seconds: float = 60.0


@final
class Pool:
    """`open` counts the connections that exist, are being made, or were promised. `dial` makes one within seconds and
    raises what Dialer.dial raises. `idle` are those that wait for a request, the last used at its end: whoever takes
    one from there asks it whether it `is_usable`, and cuts it where it is not."""

    def __init__(self, dial: Dial, limits: PoolLimits) -> None:
        self._dial = dial
        self._limits = limits
        self.idle: list[Http1Connection] = []  # in the order of their last use; the dead are taken out now and then
        self._has_dead = False
        self._all: set[Http1Connection] = set()
        self._waiters: deque[asyncio.Future[Http1Connection | None]] = deque()
        self._closed = False
        self._size = 0
        self.open = 0

    def alike(self, size: int) -> int:
        """The same number for all who ask for the same one in turn: what they compare is then one object, which a
        thousand of them find in the cache."""
        if size != self._size:
            self._size = size
        return self._size

    def take_idle(self, now: float) -> Http1Connection | None:
        """The connection that was used last; one that the provider has closed meanwhile is dropped, not used."""
        idle = self.idle
        while idle:
            connection = idle.pop()
            if connection.is_usable(now):
                return connection
            connection.cut()
        return None

    async def acquire(self, seconds: float) -> Http1Connection:
        """A new connection, or the next one that becomes free. Raises CannotConnect, EgressRefused,
        TooSlow('connect')."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        enqueue = self._waiters.append
        while self.open >= self._limits.connections:
            freed = await self._wait(enqueue, until)
            if freed is None:
                return await self._make(until - loop.time())
            if freed.is_usable(freed.idle_since):
                return freed
            freed.cut()
            enqueue = self._waiters.appendleft  # it died between two turns of the loop: we are still first
        self.open += 1
        return await self._make(seconds)

    def expire(self, now: float) -> None:
        """Let go what was idle for long, and tell answers whose time is up."""
        for oldest in self.idle:
            if now - oldest.idle_since <= self._limits.idle_seconds:
                break
            oldest.cut()
        if self._has_dead:
            self._has_dead = False
            self.idle[:] = [it for it in self.idle if it in self._all]
        for connection in tuple(self._all):
            answer = connection.answer
            if answer is not None:
                if connection.heard or now >= answer.deadline:
                    answer.expire(now)
            elif now >= connection.until:
                connection.expire(now)

    def close(self) -> None:
        """Whoever waits, for a connection or for an answer, is told."""
        self._closed = True
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(CannotConnect(CLOSED))
        self._waiters.clear()
        for connection in tuple(self._all):
            connection.end(CLOSED)

    async def _make(self, seconds: float) -> Http1Connection:
        """For whom a place is counted already."""
        try:
            connection = await self._dial(seconds)
            if self._closed:
                connection.cut()
                raise CannotConnect(CLOSED)
            if not connection.adopt(self._put_back):
                raise CannotConnect("the provider closed the connection at once")
        except BaseException:
            self._make_room()
            raise
        self._all.add(connection)
        return connection

    def _put_back(self, connection: Http1Connection, reusable: bool) -> None:  # noqa: FBT001  a callback's shape
        if not reusable:
            self._all.discard(connection)
            self._has_dead = True
            self._make_room()
        elif not self._waiters or not self._hand_on(connection):
            self.idle.append(connection)

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
            self._put_back(handed, reusable=True)
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
