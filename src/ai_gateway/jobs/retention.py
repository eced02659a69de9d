"""Forgets what was kept long enough: history that nobody cuts fills every disk, and then stops what it was kept for.

Finer numbers are cut in whole spans of the coarser ones and never before these have been added up, so that a roll-up
that is done again finds all of its parts or none.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from ai_gateway.store.breaker_states import BreakerStates
from ai_gateway.store.decisions import Decisions
from ai_gateway.store.health import HealthHistory
from ai_gateway.store.metrics_history import DAY, FINER, HOUR, MINUTE, SECONDS, MetricsHistory
from ai_gateway.store.records import StoreUnavailable

EVERY_SECONDS: Final = 600.0
A_DAY: Final = SECONDS[DAY]


class Retention(msgspec.Struct, frozen=True):
    """Days that are kept: of health (and of breakers that have not moved), of decisions, and of numbers by the minute,
    the hour and the day."""

    health: float = 30
    decisions: float = 7
    minutes: float = 2
    hours: float = 60
    days: float = 730


class RetentionDoors(msgspec.Struct, frozen=True):
    health: HealthHistory
    breakers: BreakerStates
    metrics: MetricsHistory
    decisions: Decisions
    wall: Callable[[], float]


async def cut(doors: RetentionDoors, kept: Retention, report: Callable[[Exception], None]) -> int:
    """How many rows went. One table that cannot be cut now keeps no other from it."""
    now = doors.wall()
    cuts: tuple[Callable[[], Awaitable[int]], ...] = (
        lambda: doors.health.cut(now - kept.health * A_DAY),
        lambda: doors.breakers.cut(now - kept.health * A_DAY),
        lambda: doors.decisions.cut(now - kept.decisions * A_DAY),
        lambda: _cut_rolled(doors.metrics, MINUTE, HOUR, now - kept.minutes * A_DAY),
        lambda: _cut_rolled(doors.metrics, HOUR, DAY, now - kept.hours * A_DAY),
        lambda: doors.metrics.cut(DAY, now - kept.days * A_DAY),
    )
    gone = 0
    for one in cuts:
        try:
            gone += await one()
        except StoreUnavailable as error:
            report(error)
    return gone


async def keep_cutting(
    doors: RetentionDoors,
    kept: Retention,
    report: Callable[[Exception], None],
    every_seconds: float = EVERY_SECONDS,
) -> None:
    """Runs until it is cancelled."""
    while True:
        await asyncio.sleep(every_seconds)
        await cut(doors, kept, report)


async def _cut_rolled(metrics: MetricsHistory, finer: str, coarser: str, before: float) -> int:
    assert FINER[coarser] == finer
    rolled = await metrics.reaches(coarser)
    if rolled is None:
        return 0
    length = SECONDS[coarser]
    return await metrics.cut(finer, min(before // length * length, rolled[1] + length))
