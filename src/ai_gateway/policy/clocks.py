"""Whose time is right. A window is computed from the clock, so a process whose clock is a day ahead would spend
tomorrow's budget today; the database is the clock that all processes share.

A clock that is off by more than a minute is put right before the first request, and somebody is told. One that is more
than a day ahead is no drift but a mistake that nobody should paper over.
"""

from enum import StrEnum
from typing import Final

TOLERATED_SECONDS: Final = 60.0
FAR_AHEAD_SECONDS: Final = 86_400.0
MOST_SLEW: Final = 500e-6
"""Seconds a second by which a running clock is brought nearer: NTP's own limit, so no window jumps."""


class Verdict(StrEnum):
    AGREES = "agrees"
    OFF = "off"
    FAR_AHEAD = "far_ahead"


def judge(ours: float, shared: float) -> Verdict:
    """Both Unix seconds: this process's clock, and the time that all share."""
    if ours - shared > FAR_AHEAD_SECONDS:
        return Verdict.FAR_AHEAD
    return Verdict.OFF if abs(ours - shared) > TOLERATED_SECONDS else Verdict.AGREES


def slew(ours: float, shared: float, elapsed_seconds: float) -> float:
    """By how much a clock is moved now, when it was last moved so many seconds ago."""
    most = MOST_SLEW * max(0.0, elapsed_seconds)
    return min(most, max(-most, shared - ours))
