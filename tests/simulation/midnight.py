"""Midnight in virtual time, at 300 requests a second through the whole line: what is admitted before it is booked
before it, whenever it ends, and the new day begins with nothing spent.

The daily limit of the key is made to be used up some seconds before midnight, so that there is something to refuse, and
the first request of the new day shows that it has begun. Some requests are streams of many seconds that cross midnight.
In a zone whose clocks change, a midnight may come twice of which only one begins a day, or may not be on any clock.
A process that has its limits on lease has a slice of the next day before that begins.

    PYTHONPATH=src:tests .venv/bin/python -m simulation.midnight [RATE]

prints for each night what was asked, admitted, refused and running at midnight, what is booked on each side, and how
many requests of the second after midnight had to wait for a grant.
"""

import asyncio
import sys
from bisect import bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, tzinfo
from heapq import heappop, heappush
from itertools import count
from operator import itemgetter
from random import Random
from typing import Final, NamedTuple, Protocol, final
from zoneinfo import ZoneInfo

import msgspec

from ai_gateway.domain.budgets import Limit, Mode, Window
from ai_gateway.domain.traffic import Charge
from ai_gateway.gateway.funding import PATIENCE
from ai_gateway.gateway.http import DataPlane
from ai_gateway.policy.windows import windows_at
from ai_gateway.runtime.cells import Shortage
from ai_gateway.runtime.leases import AHEAD_SECONDS, Leases
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.segments import JournalSize
from ai_gateway.runtime.telemetry import Ended, Telemetry
from ai_gateway.runtime.upstream import Outgoing
from ai_gateway.runtime.waiting_room import Rooms
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from gateway.budgets import CHAT, DOLLAR, KEY, LEGS, LEVELS, a_body, a_limit, a_reply, limited_tenant, sent_body
from gateway.budgets import worst_of as worst_of_body
from support.builders import TOKEN, a_key, a_snapshot
from support.clock import FakeClock
from support.journal import a_journal
from support.line import Line, Visit, a_line
from support.timers import Timer
from support.turns import settle
from support.upstream import EVENTS, JSON, Gate, Script
from support.wire import chat_events

RATE: Final = 300
HALF_SECONDS: Final = 10.0
OUTPUT: Final = 100
DAY_OF_KEY: Final = 45_000_000
"""Nano-dollars: some 2,000 of the 3,000 requests that come before midnight."""
SANTIAGO: Final = ZoneInfo("America/Santiago")
TURNS: Final = 12
"""Of the loop between two events: as many as a stream needs to be written."""


class Night(NamedTuple):
    """`at` is in the middle of it. `days`: how many it has."""

    name: str
    zone: tzinfo
    at: datetime
    days: int = 2


NIGHTS: Final = (
    Night("UTC", UTC, datetime(2026, 3, 1, tzinfo=UTC)),
    Night("clocks go forward at midnight", SANTIAGO, datetime(2026, 9, 6, 4, tzinfo=UTC)),
    Night("clocks go back at midnight: not yet", SANTIAGO, datetime(2026, 4, 5, 3, tzinfo=UTC), days=1),
    Night("clocks went back: now", SANTIAGO, datetime(2026, 4, 5, 4, tzinfo=UTC)),
)


class Told(NamedTuple):
    """`crossing` ran at midnight; `wrong` are refusals of what would have fitted; `opened` is how many seconds after
    midnight the first one was served, and `asks` how many waited for a grant in the second after it. `rows` and
    `windows` are what is booked on each day, in nano-dollars, `others` pairs of numbers that have to agree."""

    statuses: Counter[int]
    crossing: int
    wrong: list[str]
    opened: float
    asks: int
    rows: dict[int, int]
    windows: dict[int, int]
    others: list[tuple[int, int]]


@final
class Hours:
    """The loop's timers, in virtual time and a heap, because there are many."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._events: list[tuple[float, int, Timer]] = []
        self._order = count()

    def later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(self._clock.now() + seconds, callback)
        heappush(self._events, (timer.at, next(self._order), timer))
        return timer

    async def go_by(self, between: Callable[[], Awaitable[object]]) -> None:
        """Until nothing more is to happen; `between` is called after each event."""
        while self._events:
            _, _, timer = heappop(self._events)
            if timer.callback is not None:
                self._clock.advance(max(0.0, timer.at - self._clock.now()))
                timer.callback()
                await settle(TURNS)
                await between()


@final
class Provider:
    """It answers after a while: most soon, some after many seconds, a third of them in a stream."""

    def __init__(self, hours: Hours, seed: int) -> None:
        self._hours = hours
        self._rng = Random(seed)

    def __call__(self, request: Outgoing) -> Script:
        rng, gate = self._rng, Gate()
        self._hours.later(rng.uniform(0.01, 0.5) if rng.random() < 0.7 else rng.uniform(0.5, 15.0), gate.open)
        if not sent_body(request).get("stream"):
            return Script(200, JSON, (a_reply(rng.randint(10, 50), rng.randint(1, OUTPUT - 40)),), (gate,))
        first, *rest = chat_events("a", "b", "c")
        return Script(200, EVENTS, (first, gate, *rest))


def limits_of_the_night() -> list[Limit]:
    windows = (Window.DAILY, Window.DAILY, Window.MONTHLY, Window.TOTAL, Window.MONTHLY)
    amounts = (DAY_OF_KEY, DOLLAR, DOLLAR, DOLLAR, DOLLAR)
    return [
        a_limit(leg, amount, window=window, mode=Mode.STRICT)
        for leg, window, amount in zip(LEGS, windows, amounts, strict=True)
    ]


class Books(Protocol):
    """Whose the limits are. `tend` is what the process does for them beside its requests, and `late_seconds` how much
    later than it comes back something may be had."""

    late_seconds: float

    def move_in(self, line: Line, hours: Hours) -> None: ...

    async def tend(self) -> None: ...

    def asks_since(self, at: float) -> int: ...


@final
class Owned:
    """The process's own."""

    late_seconds = 0.0

    def move_in(self, line: Line, hours: Hours) -> None:
        """It is built so."""

    async def tend(self) -> None:
        """Nothing."""

    def asks_since(self, at: float) -> int:
        return 0


@final
class Leased:
    """On lease: grants are fetched every 20 ms, and the calendar is followed every 5 s."""

    late_seconds = 0.045

    def move_in(self, line: Line, hours: Hours) -> None:
        self._clock = line.clock
        self._leases = Leases(MemoryLeaseDesk(line.clock.wall), line.clock, "prc_1", later=hours.later)
        self._meters = Meters(self._leases)
        self._leases.granted = self._meters.granted
        self._asks: list[float] = []
        self._fetched = self._beaten = line.clock.now()
        line.doors = msgspec.structs.replace(line.doors, meters=self._meters, grants=self)

    async def ask(self, shortages: Sequence[Shortage], charge: Charge, until: float = 0) -> None:
        self._asks.append(self._clock.wall())
        await self._leases.ask(shortages, charge, until)

    async def tend(self) -> None:
        now = self._clock.now()
        if now - self._beaten >= 5.0:
            self._beaten = now
            await self._leases.turn(self._clock.wall(), self._meters.ahead)
        if now - self._fetched >= 0.02:
            self._fetched = now
            self._leases.ask_again(self._meters.awaited)
            await self._leases.fetch()

    def asks_since(self, at: float) -> int:
        return sum(at <= it < at + 1.0 for it in self._asks)


async def cross(night: Night, rate: int = RATE, seed: int = 1, books: Books | None = None) -> Told:
    books = books or Owned()
    limits = limits_of_the_night()
    tenant = limited_tenant(*limits, zone=night.zone)
    journal = a_journal(size=JournalSize(segment_bytes=32 << 20))
    line = await a_line(a_snapshot(tenant, keys={TOKEN: a_key(**LEVELS)}), journal=journal)
    line.clock.advance(night.at.timestamp() - AHEAD_SECONDS - HALF_SECONDS - line.clock.wall())
    hours = Hours(line.clock)
    books.move_in(line, hours)
    rooms = Rooms(line.clock, hours.later)
    line.doors.meters.freed = lambda _cell: rooms.place_free()
    watch = Watch(line, limits[0], night, books.late_seconds)
    heard = Telemetry((line.ended.append, watch.see))
    line.doors = msgspec.structs.replace(line.doors, rooms=rooms, telemetry=heard)
    line.app = DataPlane(line.doors, lambda request_id, stack: line.crashes.append((request_id, stack)))
    line.upstream.always = Provider(hours, seed)
    visits: list[Visit] = []

    def arrive(number: int) -> None:
        body = a_body(OUTPUT, stream=True) if number % 3 == 0 else a_body(OUTPUT)
        visits.append(line.visit(CHAT, body).start(line.app))

    arrivals = [number / rate for number in range(int(2 * HALF_SECONDS * rate))]
    for number, seconds in enumerate([-AHEAD_SECONDS, *(float(it) for it in range(-59, 0, 5)), *arrivals]):
        hours.later(AHEAD_SECONDS + seconds, lambda it=number: arrive(it))
    hours.later(AHEAD_SECONDS + HALF_SECONDS, watch.note_midnight)

    async def between() -> None:
        watch.look()
        await books.tend()

    await hours.go_by(between)
    await asyncio.gather(*(it.end() for it in visits))
    line.assert_at_rest()
    assert line.crashes == []
    return told(line, watch, night, books.asks_since(night.at.timestamp()))


@final
class Watch:
    """Asks of each refusal whether it was right, by the numbers of the instant at which its patience was over. The room
    tells it a few milliseconds later, when something may have come back that came too late."""

    def __init__(self, line: Line, limit: Limit, night: Night, late_seconds: float) -> None:
        self._line = line
        self._late_seconds = late_seconds
        self._limit = limit
        self._night = night
        self._largest = worst_of_body(a_body(OUTPUT, stream=True), OUTPUT)
        self._taken: dict[str, list[tuple[float, int]]] = {}
        self.wrong: list[str] = []
        self.crossing = 0
        self.opened = -1.0

    def look(self) -> None:
        """What is spent and held by now, yesterday and today."""
        wall = self._line.clock.wall()
        for at in (self._night.at.timestamp() - 1, self._night.at.timestamp() + 1):
            it = self._line.doors.meters.standing(self._limit, at, self._night.zone)
            self._taken.setdefault(it.window_id, []).append((wall, it.spent + it.held))

    def note_midnight(self) -> None:
        self.crossing = self._line.doors.meters.open_holds

    def see(self, ended: Ended) -> None:
        if ended.fault is None:
            since = ended.started_wall - self._night.at.timestamp()
            if since >= 0 and (self.opened < 0 or since < self.opened):
                self.opened = since
            return
        window = self._line.doors.meters.standing(self._limit, ended.started_wall, self._night.zone).window_id
        looks = self._taken[window]
        until = ended.started_wall + PATIENCE.timeout_seconds
        first, last = (bisect_right(looks, it, key=itemgetter(0)) for it in (until - self._late_seconds, until))
        taken = max(it for _, it in looks[first - 1 : last])
        if taken + self._largest <= self._limit.amount:
            self.wrong.append(f"{ended.fault.code} with {taken} taken of {window}")


def told(line: Line, watch: Watch, night: Night, asks: int) -> Told:
    zone, meters, receipts = night.zone, line.doors.meters, line.receipts
    admitted = {it.request_id: it.started_wall for it in line.ended}
    rows: Counter[int] = Counter()
    for it in receipts:
        rows[windows_at(admitted[it.request_id], zone).day] += it.cost_nano_usd
    sides = [night.at.timestamp() - 1, night.at.timestamp() + 1]
    windows = {windows_at(at, zone).day: meters.spent(KEY, Window.DAILY, at, zone)[0] for at in sides}
    assert all(it.day == windows_at(admitted[it.request_id], zone).day for it in receipts), "of its admission"
    cost = sum(it.cost_nano_usd for it in receipts)
    others = [(meters.spent(leg, Window.TOTAL, sides[1], zone)[0], cost) for leg in LEGS]
    for leg in LEGS:
        for at in sides:
            day = windows_at(at, zone).day
            others.append((meters.spent(leg, Window.DAILY, at, zone)[0], rows[day]))
        months = {windows_at(at, zone).month: meters.spent(leg, Window.MONTHLY, at, zone)[0] for at in sides}
        others.append((sum(months.values()), cost))
    statuses = Counter(it.status for it in line.ended)
    return Told(statuses, watch.crossing, watch.wrong, watch.opened, asks, dict(rows), windows, others)


async def main(rate: int) -> None:
    for night, books in [*((it, Owned()) for it in NIGHTS), (NIGHTS[1], Leased())]:
        it = await cross(night, rate, books=books)
        sys.stdout.write(
            f"{night.name}, {type(books).__name__.lower()}: {sum(it.statuses.values()):,} requests at {rate}/s"
            f" {dict(it.statuses)}, {it.crossing:,} open at midnight, {len(it.wrong)} refused wrongly,"
            f" {it.asks} waited for a grant in the second after it\n    rows {it.rows}, windows {it.windows}\n"
        )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else RATE))
