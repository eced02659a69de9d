"""One process's leases over the desk's twin: who waits for a grant, who does not, and who hears what."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import pytest

from ai_gateway.domain.budgets import Limit, Limits, Mode, Unit, Window
from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.leases import Grant, LeaseState, Pot, Want
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.runtime.cells import Cell, Short, Shortage
from ai_gateway.runtime.leases import AHEAD_SECONDS, IDLE_SECONDS, Leases
from ai_gateway.runtime.meters import Meters
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from support.clock import NOON, FakeClock
from support.timers import Timers
from support.turns import settle

DAY = Limit(("key", "k"), Window.DAILY, Unit.USD, 1_000, mode=Mode.STRICT)
POT = Pot("t", "key", "k", "D:2026-01-01", "usd")
TOMORROW = Pot("t", "key", "k", "D:2026-01-02", "usd")
MIDNIGHT = NOON + 12 * 3_600


class Process:
    """One of several on the same books."""

    def __init__(self, desk: Any, clock: FakeClock, name: str = "prc_1") -> None:
        self.clock = clock
        self.leases = Leases(desk, clock, name, wait_seconds=5)
        self.meters = Meters(self.leases)
        self.leases.granted = self.meters.granted
        self.holds = 0

    def take(self, worst: int, *limits: Limit) -> Hold | Shortage:
        self.holds += 1
        charge = self.charge(worst, *limits)
        return self.meters.take(f"{self.leases.process_id}-{self.holds}", charge)

    def charge(self, worst: int, *limits: Limit) -> Charge:
        legs = (("key", "k"), ("tenant", "t"))
        return Charge(legs, worst, at=self.clock.wall(), limits=_same(limits or (DAY,)))

    async def hold(self, worst: int, *limits: Limit) -> Hold | Shortage:
        """As the line does it."""
        taken = self.take(worst, *limits)
        while isinstance(taken, Shortage) and taken.short is Short.NEEDS_GRANT:
            charge = self.charge(worst, *limits)
            await self.leases.ask(self.meters.lacking(charge), charge)
            taken = self.take(worst, *limits)
        return taken

    def settle(self, hold: Hold | Shortage, cost: int) -> None:
        assert isinstance(hold, Hold)
        self.meters.book(hold, cost)
        self.meters.settle(hold)

    async def granted(self, asking: Awaitable[Any]) -> Any:
        """What `asking` says, with grants fetched as long as it waits."""
        task = asyncio.ensure_future(asking)
        while not task.done():
            await asyncio.sleep(0)
            await self.leases.fetch()
        return task.result()


_paths: dict[Limits, Limits] = {}


def _same(limits: Limits) -> Limits:
    """A caller's limits are one object, as long as the configuration is the same."""
    return _paths.setdefault(limits, limits)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def desk(clock: FakeClock) -> MemoryLeaseDesk:
    return MemoryLeaseDesk(clock.wall)


@pytest.fixture
async def process(desk: MemoryLeaseDesk, clock: FakeClock) -> Process:
    await desk.open("prc_1", "here")
    return Process(desk, clock)


@pytest.fixture
async def other(desk: MemoryLeaseDesk, clock: FakeClock) -> Process:
    await desk.open("prc_2", "there")
    return Process(desk, clock, "prc_2")


def short_of(taken: Hold | Shortage) -> Short:
    assert isinstance(taken, Shortage)
    return taken.short


async def test_the_first_request_waits_for_one_grant_and_the_next_for_none(process: Process) -> None:
    assert short_of(process.take(10)) is Short.NEEDS_GRANT
    assert isinstance(await process.granted(process.hold(10)), Hold)
    assert isinstance(process.take(10), Hold)
    assert isinstance(process.take(29), Hold)


async def test_a_slice_is_topped_up_in_the_background_before_it_is_used_up(
    process: Process, desk: MemoryLeaseDesk
) -> None:
    """A slice of 100, of which half is in the allowance."""
    await process.granted(process.hold(10))
    assert isinstance(process.take(40), Hold)
    asked = asyncio.ensure_future(process.leases.wait())
    await asyncio.sleep(0)
    assert not asked.done()
    assert isinstance(process.take(1), Hold), "it does not wait"
    await asked
    await process.leases.fetch()
    assert desk.leased(POT) == 100 + (900 // 10 - 49)  # a tenth of what is left, less what is free here


async def test_who_waits_is_served_in_the_order_of_arrival(process: Process) -> None:
    order: list[int] = []

    async def come(number: int) -> None:
        assert isinstance(await process.hold(190), Hold)
        order.append(number)

    await process.granted(asyncio.gather(*(come(number) for number in range(5))))
    assert order == [0, 1, 2, 3, 4]


async def test_402_is_said_on_the_numbers_of_a_grant_and_believed_for_a_moment(
    process: Process, other: Process, desk: MemoryLeaseDesk, clock: FakeClock
) -> None:
    desk.book("prc_2", [(POT, 995)])
    assert short_of(process.take(10)) is Short.NEEDS_GRANT, "nothing was asked yet"
    assert short_of(await process.granted(process.hold(10))) is Short.EXHAUSTED
    assert short_of(process.take(10)) is Short.EXHAUSTED
    assert isinstance(await process.granted(process.hold(5)), Hold), "what is smaller is asked for anew"
    clock.advance(1.0)
    assert short_of(process.take(10)) is Short.NEEDS_GRANT


async def test_a_refusal_names_what_all_processes_have_spent(process: Process, desk: MemoryLeaseDesk) -> None:
    desk.book("prc_2", [(POT, 995)])
    refused = await process.granted(process.hold(10))
    assert refused.cell.spent + refused.cell.others == 995


async def test_what_lies_idle_elsewhere_is_contended_and_comes_when_its_owner_looks(
    process: Process, other: Process, clock: FakeClock
) -> None:
    process.settle(await process.granted(process.hold(900)), 100)
    assert short_of(await other.granted(other.hold(200))) is Short.CONTENDED
    assert short_of(other.take(200)) is Short.CONTENDED
    await process.leases.answer_the_wanted()
    clock.advance(1.0)
    assert isinstance(await other.granted(other.hold(200)), Hold)


async def test_who_waits_for_what_others_hold_is_told_when_it_comes(process: Process, other: Process) -> None:
    process.settle(await process.granted(process.hold(900)), 100)
    refused = await other.granted(other.hold(200))
    freed: list[Cell] = []
    other.meters.freed = freed.append
    await process.leases.answer_the_wanted()
    with other.meters.waiting_for(refused.cell):
        other.leases.ask_again(other.meters.awaited)
        await other.leases.fetch()
    assert freed == [refused.cell]
    assert isinstance(other.take(200), Hold)


async def test_what_is_held_is_not_given_back(process: Process, other: Process, desk: MemoryLeaseDesk) -> None:
    hold = await process.granted(process.hold(900))
    await other.granted(other.hold(200))
    await process.leases.answer_the_wanted()
    assert desk.leased(POT) == 900
    process.settle(hold, 900)
    assert desk.leased(POT) == 900, "until the ledger has it"


async def test_who_can_make_do_with_less_is_given_what_there_is(process: Process, desk: MemoryLeaseDesk) -> None:
    clamp = Limit(("key", "k"), Window.DAILY, Unit.USD, 1_000, mode=Mode.CLAMP)
    desk.book("prc_2", [(POT, 940)])
    refused = await process.granted(process.hold(100, clamp))
    assert (refused.short, refused.cell.free) == (Short.EXHAUSTED, 60)
    assert isinstance(process.take(60, clamp), Hold)


async def test_a_limit_that_was_raised_is_asked_for_at_once(process: Process, desk: MemoryLeaseDesk) -> None:
    desk.book("prc_2", [(POT, 995)])
    assert short_of(await process.granted(process.hold(10))) is Short.EXHAUSTED
    raised = Limit(("key", "k"), Window.DAILY, Unit.USD, 2_000)
    assert isinstance(await process.granted(process.hold(10, raised)), Hold)


async def test_a_stream_that_cannot_wait_finds_what_it_lacked_a_moment_later(process: Process) -> None:
    hold = await process.granted(process.hold(10))
    refused = process.meters.extend(hold, 500, 0)
    assert refused is not None
    assert refused.short is Short.NEEDS_GRANT
    await process.leases.fetch()
    assert process.meters.extend(hold, 500, 0) is None


async def test_books_that_cannot_be_reached_are_a_503_to_who_lacks_a_slice_and_nothing_to_others(
    desk: MemoryLeaseDesk, clock: FakeClock
) -> None:
    class Away:
        is_away = False

        async def grant(self, process_id: str, wants: Sequence[Want]) -> list[Grant]:
            if self.is_away:
                raise ConnectionError("no route")
            return await desk.grant(process_id, wants)

    door = Away()
    process = Process(door, clock)
    await process.granted(process.hold(10))
    door.is_away = True
    assert isinstance(process.take(20), Hold), "served from the slice"
    asking = asyncio.ensure_future(process.hold(500))
    await asyncio.sleep(0)
    with pytest.raises(ConnectionError):
        await process.leases.fetch()
    with pytest.raises(GatewayFault) as refused:
        await asking
    assert (refused.value.status, refused.value.code) == (503, "budget_unavailable")
    door.is_away = False
    assert isinstance(await process.granted(process.hold(500)), Hold)


async def test_books_that_do_not_answer_are_a_503_too_and_what_comes_late_is_not_lost(
    desk: MemoryLeaseDesk, clock: FakeClock
) -> None:
    process = Process(desk, clock)
    process.leases = Leases(desk, clock, "prc_1", wait_seconds=0)
    process.meters = Meters(process.leases)
    with pytest.raises(GatewayFault):
        await process.hold(10)
    await process.leases.fetch()
    assert isinstance(process.take(10), Hold)


class Slow:
    """Books that answer one transaction each time that they are let."""

    def __init__(self, desk: MemoryLeaseDesk) -> None:
        self._desk = desk
        self._turns = asyncio.Semaphore(0)

    def let(self) -> None:
        self._turns.release()

    async def grant(self, process_id: str, wants: Sequence[Want]) -> list[Grant]:
        await self._turns.acquire()
        return await self._desk.grant(process_id, wants)


class Crowded(Process):
    """Its time is that of the timers."""

    def __init__(self, desk: Slow, timers: Timers) -> None:
        super().__init__(desk, timers.clock)
        self.leases = Leases(desk, timers.clock, "prc_1", later=timers.later)
        self.meters = Meters(self.leases)

    async def ask(self, worst: int, seconds: float = 60.0) -> asyncio.Task[None]:
        """One who waits by now, so many seconds at most while there are answers."""
        charge = self.charge(worst)
        asked = self.leases.ask(self.meters.lacking(charge), charge, self.clock.now() + seconds)
        task = asyncio.ensure_future(asked)
        await settle()
        return task


async def test_who_stands_behind_others_waits_on_while_the_books_answer_as_long_as_it_may(
    desk: MemoryLeaseDesk, clock: FakeClock
) -> None:
    """Each transaction takes 200 ms and is enough for the first of those who wait. The last one may wait for 500 ms:
    it is told to try again, and not that nobody answers."""
    timers, books = Timers(clock), Slow(desk)
    process = Crowded(books, timers)
    asked = [await process.ask(190, seconds) for seconds in (60, 60, 60, 60, 0.5)]
    done: list[list[bool]] = []
    for _ in range(3):
        fetching = asyncio.ensure_future(process.leases.fetch())
        await timers.advance(0.2)
        books.let()
        await fetching
        assert isinstance(process.take(190), Hold)
        await settle()
        done.append([it.done() for it in asked])
    assert done == [[True] + 4 * [False], 2 * [True] + 3 * [False], [True, True, True, False, True]]
    assert [it.exception() for it in asked if it.done()] == 4 * [None]
    asked[3].cancel()


async def test_silence_is_a_503_for_who_has_heard_all_of_it_and_not_for_who_has_just_come(
    desk: MemoryLeaseDesk, clock: FakeClock
) -> None:
    timers = Timers(clock)
    process = Crowded(Slow(desk), timers)
    first = await process.ask(10)
    await timers.advance(0.2)
    second = await process.ask(10)
    await timers.advance(0.1)
    assert (first.done(), second.done()) == (True, False)
    await timers.advance(0.2)
    for asked in (first, second):
        with pytest.raises(GatewayFault) as refused:
            await asked
        assert refused.value.code == "budget_unavailable"
    assert timers.pending == []


async def test_a_process_that_is_too_busy_to_hear_does_not_take_that_for_silence(
    desk: MemoryLeaseDesk, clock: FakeClock
) -> None:
    """Every turn of its loop takes 100 ms, so each tick of 25 ms comes late; then it has time again, and nobody
    answers."""
    timers = Timers(clock)
    process = Crowded(Slow(desk), timers)
    asked = await process.ask(10)
    for _ in range(20):
        await asyncio.sleep(0)
        clock.advance(0.1)
        await timers.advance(0.0)
    assert not asked.done()
    await timers.advance(0.3)
    with pytest.raises(GatewayFault):
        await asked


async def test_who_is_active_has_a_slice_of_the_next_window_before_it_begins(
    process: Process, desk: MemoryLeaseDesk, clock: FakeClock
) -> None:
    await process.granted(process.hold(10))
    clock.advance(MIDNIGHT - NOON - AHEAD_SECONDS - 1)
    await process.leases.turn(clock.wall(), process.meters.ahead)
    assert desk.leased(TOMORROW) == 0
    clock.advance(1)
    await process.leases.turn(clock.wall(), process.meters.ahead)
    await process.leases.fetch()
    assert desk.leased(TOMORROW) == 100
    clock.advance(AHEAD_SECONDS)
    assert isinstance(process.take(10), Hold), "the first request of the day waits for nobody"


async def test_a_window_that_is_over_is_given_back_once_its_last_request_has_settled(
    process: Process, desk: MemoryLeaseDesk, clock: FakeClock
) -> None:
    hold = await process.granted(process.hold(10))
    clock.advance(MIDNIGHT - NOON + 1)
    await process.leases.turn(clock.wall(), process.meters.ahead)
    assert desk.leased(POT) == 100
    process.settle(hold, 7)
    await process.leases.turn(clock.wall(), process.meters.ahead)
    assert desk.leased(POT) == 7
    desk.book("prc_1", [(POT, 7)])
    assert desk.leased(POT) == 0


async def test_who_has_not_been_active_for_long_gives_back_what_it_has_and_may_come_again(
    process: Process, desk: MemoryLeaseDesk, clock: FakeClock
) -> None:
    process.settle(await process.granted(process.hold(10)), 10)
    await process.leases.turn(clock.wall(), process.meters.ahead)
    clock.advance(IDLE_SECONDS)
    await process.leases.turn(clock.wall(), process.meters.ahead)
    assert desk.leased(POT) == 10
    assert isinstance(await process.granted(process.hold(10)), Hold)


async def test_what_is_spent_before_there_is_a_limit_counts_once(process: Process, desk: MemoryLeaseDesk) -> None:
    """300 were spent without a limit, of which the ledger has 250; then a limit of 1,000 comes."""
    unlimited = Charge((("key", "k"), ("tenant", "t")), 300, at=NOON)
    hold = process.meters.take("r", unlimited)
    process.settle(hold, 300)
    desk.book("prc_1", [(POT, 250)])
    await process.granted(process.hold(10))
    assert desk.leased(POT) == 50 + 10 + 690 // 10, "what the ledger lacks, the hold, a slice ahead"
    desk.book("prc_1", [(POT, 50)])
    assert desk.leased(POT) == 10 + 690 // 10
    assert short_of(await process.granted(process.hold(691))) is Short.CONTENDED
    assert isinstance(await process.granted(process.hold(690)), Hold)


async def test_the_end_gives_everything_back(process: Process, desk: MemoryLeaseDesk) -> None:
    process.settle(await process.granted(process.hold(10)), 10)
    desk.book("prc_1", [(POT, 10)])
    await process.leases.close()
    [lease] = await desk.page(None)
    assert (lease.state, lease.charged) == (LeaseState.RETURNED, 0)


async def test_a_sign_of_life_says_how_many_live(process: Process, other: Process, clock: FakeClock) -> None:
    assert await process.leases.beat() == clock.wall()
    assert process.leases.live == 2
