"""The clock of a process is looked at once before it serves anybody: its windows are computed from it."""

from collections.abc import Callable
from typing import Final

from ai_gateway.policy.clocks import Verdict, judge
from ai_gateway.runtime.clock import SystemClock

HOUR: Final = 3_600


def put_right(clock: SystemClock, shared: float, report: Callable[[Exception], None]) -> None:
    """`shared` is the time (Unix seconds) that all who use this database go by. Raises ValueError with a text for
    people where this clock is so far ahead that budgets of days to come would be spent."""
    off_by = clock.wall() - shared
    verdict = judge(clock.wall(), shared)
    if verdict is Verdict.FAR_AHEAD:
        raise ValueError(
            f"this machine's clock is {off_by / HOUR:.0f} hours ahead of the database's, so budgets of days to come "
            "would be spent today. Set the clock, then start again."
        )
    if verdict is Verdict.OFF:
        clock.move(-off_by)
        report(ValueError(f"this machine's clock was {off_by:+.0f} s off the database's, whose time is used"))
