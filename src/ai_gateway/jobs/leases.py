"""What a process does about its leases while nobody waits for it: fetch slices for those who ask, give back what others
were refused, say that it lives, and follow the calendar and the shared clock.

Fetching has a loop of its own, so that a database that answers slowly elsewhere holds up nobody who asks. While the
database is away, requests are served from the slices that are here; what they lack is refused by `Leases.ask`.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from ai_gateway.policy.clocks import Verdict, judge, slew
from ai_gateway.runtime.clock import Clock, SystemClock
from ai_gateway.runtime.leases import Leases
from ai_gateway.runtime.meters import Meters
from ai_gateway.store.leases import LeaseBook
from ai_gateway.store.records import StoreUnavailable

LOOK_SECONDS: Final = 0.25
BEAT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.25
TIDY_SECONDS: Final = 600.0
KEEP_SECONDS: Final = 7 * 86_400.0

Report = Callable[[Exception], None]


class Rhythm(msgspec.Struct, frozen=True):
    """Seconds between looks at what others want, between signs of life, to wait for a database that was away, and
    between rounds of tidying."""

    look_seconds: float = LOOK_SECONDS
    beat_seconds: float = BEAT_SECONDS
    retry_seconds: float = RETRY_SECONDS
    tidy_seconds: float = TIDY_SECONDS


async def keep_fetching(leases: Leases, report: Report, rhythm: Rhythm = Rhythm()) -> None:
    """Runs until it is cancelled. `report` hears of every transaction that failed."""
    while True:
        await leases.wait()
        try:
            await leases.fetch()
        except ConnectionError as error:
            report(error)
            await asyncio.sleep(rhythm.retry_seconds)


async def keep_sharing(leases: Leases, meters: Meters, report: Report, rhythm: Rhythm = Rhythm()) -> None:
    """Runs until it is cancelled."""
    while True:
        await asyncio.sleep(rhythm.look_seconds)
        leases.ask_again(meters.awaited)
        try:
            await leases.answer_the_wanted()
        except ConnectionError as error:
            report(error)
            await asyncio.sleep(rhythm.retry_seconds)


async def keep_beating(
    leases: Leases, meters: Meters, clock: SystemClock, report: Report, rhythm: Rhythm = Rhythm()
) -> None:
    """Runs until it is cancelled. `report` also hears of a clock that has gone astray."""
    last = clock.now()
    while True:
        await asyncio.sleep(rhythm.beat_seconds)
        try:
            shared = await leases.beat()
            now = clock.now()
            if judge(clock.wall(), shared) is not Verdict.AGREES:
                report(ValueError(f"this clock is {clock.wall() - shared:+.0f} s off the database's"))
            clock.move(slew(clock.wall(), shared, now - last))
            last = now
            await leases.turn(clock.wall(), meters.ahead)
        except ConnectionError as error:
            report(error)


async def keep_tidy(
    book: LeaseBook, clock: Clock, release_seconds: float | None, report: Report, rhythm: Rhythm = Rhythm()
) -> None:
    """Runs until it is cancelled. Leases that were lost for `release_seconds` are released; None: never by itself."""
    every_seconds = rhythm.tidy_seconds if release_seconds is None else min(rhythm.tidy_seconds, release_seconds)
    while True:
        await asyncio.sleep(every_seconds)
        try:
            if release_seconds is not None:
                await book.release_lost(release_seconds)
            await book.tidy(clock.wall() - KEEP_SECONDS)
        except StoreUnavailable as error:
            report(error)
