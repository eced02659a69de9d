"""The pool: connections are kept, counted, waited for in order and never trusted when they are dead. The dialer and the
transports are by hand, so every order of events can be played, also those that a network plays once a year."""

import asyncio
import gc
import weakref
from collections import deque
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ai_gateway.runtime.http1 import Heads, Http1Connection
from ai_gateway.runtime.http1_answer import Http1Answer
from ai_gateway.runtime.http1_pool import Pool, PoolLimits
from ai_gateway.runtime.upstream import Broken, CannotConnect, TooSlow
from support.transport import Asked, AtOnce, HandLoop, HandTransport

LONG = 30.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Dialer:
    """Every dial is a future that the test answers."""

    def __init__(self) -> None:
        self.loop = HandLoop()
        self.under_way: deque[asyncio.Future[Http1Connection]] = deque()
        self.transports: dict[Http1Connection, HandTransport] = {}

    async def dial(self, seconds: float) -> Http1Connection:
        assert seconds > 0
        future: asyncio.Future[Http1Connection] = asyncio.get_running_loop().create_future()
        self.under_way.append(future)
        return await future

    def connect(self) -> Http1Connection:
        transport = HandTransport()
        connection = Http1Connection(cast(asyncio.AbstractEventLoop, self.loop), Heads())
        connection.connection_made(transport)
        self.transports[connection] = transport
        return connection

    def succeed(self) -> Http1Connection:
        connection = self.connect()
        self._next().set_result(connection)
        return connection

    def fail(self) -> None:
        self._next().set_exception(CannotConnect("refused"))

    def _next(self) -> "asyncio.Future[Http1Connection]":
        while (future := self.under_way.popleft()).done():
            pass
        return future


def a_pool(connections: int) -> tuple[Pool, Dialer]:
    dialer = Dialer()
    return Pool(dialer.dial, PoolLimits(connections=connections)), dialer


async def settle() -> None:
    """Until every task has done what it can; each step of a promise is one turn of the loop."""
    for _ in range(12):
        await asyncio.sleep(0)


def asking(pool: Pool, seconds: float = LONG) -> "asyncio.Task[Http1Connection]":
    return asyncio.ensure_future(pool.acquire(seconds))  # type: ignore[return-value]


async def connected(pool: Pool, dialer: Dialer) -> Http1Connection:
    task = asking(pool)
    await settle()
    dialer.succeed()
    return await task


def exchange(connection: Http1Connection, answer: bytes = OK) -> None:
    connection.ask(b"POST / HTTP/1.1\r\ncontent-length: ", b"")
    connection.data_received(answer)


async def test_a_connection_is_used_again_and_the_last_used_first() -> None:
    pool, dialer = a_pool(9)
    first, second = await connected(pool, dialer), await connected(pool, dialer)
    exchange(first)
    exchange(second)

    assert pool.take_idle(dialer.loop.now) is second
    assert pool.take_idle(dialer.loop.now) is first
    assert pool.take_idle(dialer.loop.now) is None
    assert pool.open == 2


async def test_a_connection_that_is_closed_by_its_answer_is_not_kept() -> None:
    pool, dialer = a_pool(9)
    only = await connected(pool, dialer)
    exchange(only, CLOSING)

    assert (pool.take_idle(dialer.loop.now), pool.open) == (None, 0)


async def test_what_was_idle_for_long_is_let_go_and_nothing_else() -> None:
    pool, dialer = a_pool(9)
    old, young = await connected(pool, dialer), await connected(pool, dialer)
    exchange(old)
    dialer.loop.now += 50
    exchange(young)
    pool.expire(dialer.loop.now + 10)
    assert pool.open == 2
    pool.expire(dialer.loop.now + 10.1)

    assert dialer.transports[old].aborted
    assert pool.open == 1
    assert pool.take_idle(dialer.loop.now) is young


async def test_connections_that_died_idle_are_not_kept() -> None:
    pool, dialer = a_pool(9)
    three = [await connected(pool, dialer) for _ in range(3)]
    for it in three:
        exchange(it)
    three[1].eof_received()
    assert pool.open == 2
    pool.expire(dialer.loop.now)
    assert pool.idle == [three[0], three[2]]


async def test_who_asked_at_once_is_told_when_his_time_is_over() -> None:
    pool, dialer = a_pool(9)
    only = await connected(pool, dialer)
    exchange(only)
    assert pool.take_idle(dialer.loop.now) is only
    it = AtOnce()
    only.ask_at_once(b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", 9, 5.0, it, dialer.loop.now)
    pool.expire(dialer.loop.now + 4.9)
    assert it.answer is None
    dialer.loop.now += 5
    pool.expire(dialer.loop.now)
    assert it.answer is not None
    assert (pool.open, pool.take_idle(dialer.loop.now)) == (0, None)


async def test_room_is_given_in_the_order_in_which_it_was_asked_for() -> None:
    pool, dialer = a_pool(1)
    held = await connected(pool, dialer)
    waiting = [asking(pool) for _ in range(4)]
    await settle()
    served: list[int] = []
    for number, task in enumerate(waiting):
        task.add_done_callback(lambda _, number=number: served.append(number))
    for _ in waiting:
        exchange(held)
        await settle()

    assert served == [0, 1, 2, 3]
    assert {task.result() for task in waiting} == {held}
    assert pool.open == 1


async def test_room_that_was_promised_is_not_taken_by_somebody_who_comes_later() -> None:
    pool, dialer = a_pool(1)
    held = await connected(pool, dialer)
    first = asking(pool)
    await settle()
    held.cut()
    late = asking(pool)  # in the same turn of the loop: the room is free, and promised
    await settle()
    mine = dialer.succeed()
    await settle()

    assert first.result() is mine
    assert not late.done()
    exchange(mine)
    assert await late is mine


async def test_a_waiter_that_is_cancelled_leaves_its_turn_to_the_next() -> None:
    pool, dialer = a_pool(1)
    held = await connected(pool, dialer)
    first, second = asking(pool), asking(pool)
    await settle()
    first.cancel()
    await settle()
    exchange(held)

    assert await second is held
    assert first.cancelled()


@pytest.mark.parametrize("freed", ["connection", "room"])
async def test_a_waiter_that_is_cancelled_in_the_moment_it_is_served_hands_it_on(freed: str) -> None:
    pool, dialer = a_pool(1)
    held = await connected(pool, dialer)
    first, second = asking(pool), asking(pool)
    await settle()
    if freed == "connection":
        exchange(held)
    else:
        held.cut()
    first.cancel()
    await settle()
    if freed == "room":
        dialer.succeed()
    await settle()

    assert first.cancelled()
    assert second.done()
    assert pool.open == 1


@pytest.mark.parametrize("freed", ["connection", "room"])
async def test_what_nobody_wants_any_more_is_idle_or_uncounted(freed: str) -> None:
    pool, dialer = a_pool(1)
    held = await connected(pool, dialer)
    only = asking(pool)
    await settle()
    if freed == "connection":
        exchange(held)
    else:
        held.cut()
    only.cancel()
    await settle()

    assert pool.open == (1 if freed == "connection" else 0)
    assert pool.take_idle(dialer.loop.now) is (held if freed == "connection" else None)


async def test_a_waiter_whose_time_is_up_is_told_and_loses_nothing() -> None:
    pool, dialer = a_pool(1)
    held = await connected(pool, dialer)
    with pytest.raises(TooSlow) as slow:
        await pool.acquire(0.001)
    assert slow.value.stage == "connect"
    exchange(held)
    assert pool.take_idle(dialer.loop.now) is held


async def test_a_connection_that_dies_on_its_way_to_a_waiter_is_replaced() -> None:
    pool, dialer = a_pool(1)
    held = await connected(pool, dialer)
    first = asking(pool)
    await settle()
    exchange(held)
    held.data_received(b"noise: nobody asked")
    await settle()
    new = dialer.succeed()

    assert await first is new
    assert pool.open == 1


async def test_who_was_handed_a_connection_that_died_is_the_next_to_be_served() -> None:
    pool, dialer = a_pool(1)
    held = await connected(pool, dialer)
    first, second, third = (asking(pool) for _ in range(3))
    await settle()
    exchange(held)
    held.data_received(b"noise: nobody asked")  # its room is promised to the second by now
    await settle()
    new = dialer.succeed()
    assert await second is new
    exchange(new)

    assert await first is new
    assert not third.done()


async def test_a_dial_that_fails_gives_its_room_to_the_next_and_its_error_to_who_asked() -> None:
    pool, dialer = a_pool(1)
    first, second = asking(pool), asking(pool)
    await settle()
    dialer.fail()
    await settle()
    with pytest.raises(CannotConnect):
        await first
    new = dialer.succeed()

    assert await second is new
    assert pool.open == 1


async def test_a_dial_that_is_given_up_is_not_counted() -> None:
    pool, _ = a_pool(1)
    first = asking(pool)
    await settle()
    assert pool.open == 1
    first.cancel()
    await settle()
    assert pool.open == 0


async def test_a_connection_that_is_dead_when_it_is_made_is_no_connection() -> None:
    pool, dialer = a_pool(1)
    first = asking(pool)
    await settle()
    made = dialer.succeed()
    dialer.transports[made].aborted = True
    with pytest.raises(CannotConnect):
        await first
    made.connection_lost(None)
    assert pool.open == 0


async def test_a_connection_that_is_gone_is_forgotten() -> None:
    pool, dialer = a_pool(1)
    connection = await connected(pool, dialer)
    known = weakref.ref(connection)
    exchange(connection, CLOSING)
    dialer.transports.clear()
    del connection
    await settle()
    gc.collect()
    assert known() is None
    assert pool.open == 0


async def test_closing_tells_whoever_waits_for_a_connection_or_for_an_answer() -> None:
    pool, dialer = a_pool(2)
    idle, busy = await connected(pool, dialer), await connected(pool, dialer)
    exchange(idle)
    reading = Asked(busy.ask(b"", b"").head(LONG))
    taken = pool.take_idle(dialer.loop.now)
    assert taken is idle
    waiting = asking(pool)
    await settle()

    pool.close()

    assert reading.went_on()
    assert isinstance(reading.error, Broken)
    with pytest.raises(CannotConnect):
        await waiting
    assert pool.open == 0
    assert all(transport.aborted for transport in dialer.transports.values())


async def test_a_connection_that_is_made_after_closing_is_closed() -> None:
    pool, dialer = a_pool(1)
    first = asking(pool)
    await settle()
    pool.close()
    made = dialer.succeed()
    with pytest.raises(CannotConnect):
        await first
    assert dialer.transports[made].aborted
    assert pool.open == 0


class PoolStories(RuleBasedStateMachine):
    """Any order of asking, answering, dying, giving up and failing: never more than the limit, never a request that
    waits while there is room, never one count too many or too few."""

    LIMIT = 3

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.pool, self.dialer = a_pool(self.LIMIT)
        self.tasks: list[asyncio.Task[Http1Connection]] = []
        self.busy: dict[Http1Connection, Http1Answer] = {}

    def run(self, *then: Any) -> None:
        async def turn() -> None:
            for one in then:
                one()
            await settle()

        self.loop.run_until_complete(turn())
        for task in [it for it in self.tasks if it.done()]:
            self.tasks.remove(task)
            if not task.cancelled() and task.exception() is None:
                connection = task.result()
                assert connection not in self.busy, "one connection, one request"
                self.busy[connection] = connection.ask(b"", b"")

    def _ask(self) -> None:
        connection = self.pool.take_idle(self.dialer.loop.now)
        if connection is None:
            self.tasks.append(asking(self.pool))
        else:
            self.busy[connection] = connection.ask(b"", b"")

    def _free(self, which: int, answer: bytes) -> None:
        connection = list(self.busy)[which % len(self.busy)]
        del self.busy[connection]
        connection.data_received(answer)

    @rule(count=st.integers(1, 4))
    def ask(self, count: int) -> None:
        self.run(*[self._ask] * count)

    @precondition(lambda self: self.busy)
    @rule(which=st.integers(0, 9), answer=st.sampled_from([OK, CLOSING, b"noise"]), and_asks=st.booleans())
    def answer(self, which: int, answer: bytes, and_asks: bool) -> None:
        self.run(lambda: self._free(which, answer), *[self._ask] * and_asks)

    @precondition(lambda self: self.busy and self.tasks)
    @rule(which=st.integers(0, 9), who=st.integers(0, 9), answer=st.sampled_from([OK, CLOSING]))
    def answer_while_somebody_gives_up(self, which: int, who: int, answer: bytes) -> None:
        self.run(lambda: self._free(which, answer), self.tasks[who % len(self.tasks)].cancel)

    @precondition(lambda self: self.tasks)
    @rule(who=st.integers(0, 9))
    def give_up(self, who: int) -> None:
        self.run(self.tasks[who % len(self.tasks)].cancel)

    @precondition(lambda self: any(not it.done() for it in self.dialer.under_way))
    @rule(well=st.booleans())
    def finish_dialing(self, well: bool) -> None:
        self.run(self.dialer.succeed if well else self.dialer.fail)

    @precondition(lambda self: self.busy)
    @rule(which=st.integers(0, 9))
    def answer_and_die_on_the_way_to_the_next(self, which: int) -> None:
        connection = list(self.busy)[which % len(self.busy)]
        self.run(lambda: self._free(which, OK), lambda: connection.data_received(b"noise"))

    @rule(seconds=st.sampled_from([1, 61]))
    def time_passes(self, seconds: int) -> None:
        self.dialer.loop.now += seconds
        self.run(lambda: self.pool.expire(self.dialer.loop.now))

    @invariant()
    def counts_are_right(self) -> None:
        living = sum(not it.aborted for it in self.dialer.transports.values())
        dialing = sum(not it.done() for it in self.dialer.under_way)
        assert self.pool.open == living + dialing
        assert self.pool.open <= self.LIMIT

    @invariant()
    def nobody_waits_beside_free_room(self) -> None:
        dialing = sum(not it.done() for it in self.dialer.under_way)
        waiting = len(self.tasks) - dialing
        assert not waiting or len(self.busy) + dialing == self.LIMIT

    def teardown(self) -> None:
        self.run(self.pool.close, *[it.cancel for it in self.tasks])
        assert self.pool.open == 0
        self.loop.close()


TestPoolStories = PoolStories.TestCase
TestPoolStories.settings = settings(max_examples=60, stateful_step_count=40)


def test_whoever_asks_for_the_same_size_in_turn_gets_the_same_object() -> None:
    pool, _ = a_pool(1)
    first = pool.alike(int("100000"))
    assert pool.alike(int("100000")) is first
    assert pool.alike(7) == 7
