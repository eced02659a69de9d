"""The loops of leases: each does its one thing, says what stood in its way, and goes on."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from ai_gateway.domain.budgets import Limit, Mode, Unit, Window
from ai_gateway.domain.leases import Pot, Want
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.jobs.leases import Rhythm, keep_beating, keep_fetching, keep_sharing, keep_tidy
from ai_gateway.policy.clocks import MOST_SLEW
from ai_gateway.runtime.cells import Shortage
from ai_gateway.runtime.clock import SystemClock
from ai_gateway.runtime.leases import Leases
from ai_gateway.runtime.meters import Meters
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from ai_gateway.store.records import StoreUnavailable
from support.clock import NOON, FakeClock

AT_ONCE = Rhythm(0, 0, 0, 0)
LIMIT = (Limit(("key", "k"), Window.TOTAL, Unit.USD, 1_000, mode=Mode.STRICT),)
POT = Pot("t", "key", "k", "T:total", "usd")
CHARGE = Charge((("key", "k"), ("tenant", "t")), 600, at=NOON, limits=LIMIT)


class Desk:
    """The twin, which can be away for so many calls."""

    def __init__(self, twin: MemoryLeaseDesk) -> None:
        self._twin = twin
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._twin, name)

        async def call(*args: Any) -> Any:
            if self.failures:
                self.failures -= 1
                raise ConnectionError("away")
            return await real(*args)

        return call


@pytest.fixture
def twin() -> MemoryLeaseDesk:
    return MemoryLeaseDesk(lambda: NOON)


@pytest.fixture
def desk(twin: MemoryLeaseDesk) -> Desk:
    return Desk(twin)


@pytest.fixture
def leases(desk: Desk) -> Leases:
    return Leases(desk, FakeClock(), "prc_1")


async def while_running(loop: Any, look: Callable[[], Any]) -> None:
    running = asyncio.ensure_future(loop)
    while not look():
        assert not running.done(), running
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_whoever_asks_is_fetched_for_also_after_a_failure(
    leases: Leases, desk: Desk, twin: MemoryLeaseDesk
) -> None:
    meters, told = Meters(leases), list[Exception]()
    assert isinstance(meters.take("r", CHARGE), Shortage)
    asking = asyncio.ensure_future(leases.ask(meters.lacking(CHARGE), CHARGE))
    await while_running(keep_fetching(leases, told.append, AT_ONCE), asking.done)
    assert isinstance(meters.take("r", CHARGE), Hold)
    desk.failures = 1
    other = Charge(CHARGE.legs, 200, at=NOON, limits=LIMIT)
    asking = asyncio.ensure_future(leases.ask(meters.lacking(other), other))
    await while_running(keep_fetching(leases, told.append, AT_ONCE), asking.done)
    assert [str(it) for it in told] == ["away"]
    assert asking.exception() is not None
    await asyncio.wait_for(asyncio.gather(_asked_again(leases, meters, other, told)), 5)


async def _asked_again(leases: Leases, meters: Meters, charge: Charge, told: list[Exception]) -> None:
    asking = asyncio.ensure_future(leases.ask(meters.lacking(charge), charge))
    await while_running(keep_fetching(leases, told.append, AT_ONCE), asking.done)
    assert isinstance(meters.take("again", charge), Hold)


async def test_what_others_are_refused_is_given_back_also_after_a_failure(
    leases: Leases, desk: Desk, twin: MemoryLeaseDesk
) -> None:
    await twin.open("prc_1", "here")
    meters, told = Meters(leases), list[Exception]()
    meters.take("r", CHARGE)
    asking = asyncio.ensure_future(leases.ask(meters.lacking(CHARGE), CHARGE))
    await while_running(keep_fetching(leases, told.append, AT_ONCE), asking.done)
    await twin.grant("prc_2", [Want(POT, 1_000, asked=900)])
    desk.failures = 2
    await while_running(keep_sharing(leases, meters, told.append, AT_ONCE), lambda: twin.leased(POT) == 0)
    assert [str(it) for it in told] == ["away", "away"]


async def test_a_sign_of_life_is_given_and_a_clock_that_strays_is_told_and_brought_nearer(
    leases: Leases, desk: Desk, twin: MemoryLeaseDesk
) -> None:
    clock, told = SystemClock(), list[Exception]()
    off_by = clock.wall() - NOON
    desk.failures = 1
    beating = keep_beating(leases, Meters(leases), clock, told.append, AT_ONCE)
    await while_running(beating, lambda: len(told) > 1)
    assert str(told[0]) == "away"
    assert f"{off_by:+.0f} s off the database's" in str(told[1])
    assert abs(clock.wall() - NOON - off_by) < 5, "it is not moved in one step"
    assert MOST_SLEW < 0.001


async def test_what_is_lost_for_long_is_released_where_somebody_says_so_and_else_never(twin: MemoryLeaseDesk) -> None:
    class Book:
        """A desk that counts its tidying and fails once."""

        def __init__(self) -> None:
            self.released: list[float] = []
            self.tidied: list[float] = []

        async def release_lost(self, after_seconds: float) -> int:
            self.released.append(after_seconds)
            if len(self.released) == 1:
                raise StoreUnavailable("away")
            return 0

        async def tidy(self, before: float) -> None:
            self.tidied.append(before)

        def __getattr__(self, name: str) -> Any:
            return getattr(twin, name)

    told: list[Exception] = []
    book: Any = Book()
    await while_running(keep_tidy(book, FakeClock(), None, told.append, AT_ONCE), lambda: len(book.tidied) > 1)
    assert book.released == []
    assert book.tidied[0] == NOON - 7 * 86_400
    await while_running(keep_tidy(book, FakeClock(), 60.0, told.append, AT_ONCE), lambda: len(book.released) > 1)
    assert book.released[:2] == [60.0, 60.0]
    assert [str(it) for it in told] == ["away"]
