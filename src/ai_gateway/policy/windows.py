"""Which day and which month an instant belongs to. A window is a number that is computed from the instant of
admission, so midnight needs nobody to reset anything: the next request simply counts elsewhere, and a request that
settles late counts where it was admitted.

Instants are cut to whole milliseconds first, as request ids name them. A window that was told from the id is then the
window that was told from the clock, also within the last microsecond before midnight.
"""

import re
from datetime import date
from typing import Final

import msgspec

DAY_MS: Final = 86_400_000
_OURS: Final = re.compile(r"req_[0-9a-f]{28}")
_LATEST: Final = 253_402_300_800.0  # the year 10000
_EPOCH: Final = date(1970, 1, 1).toordinal()


class Windows(msgspec.Struct, frozen=True, gc=False):
    """UTC. `day` counts days since 1970-01-01, `month` months since year 0: both only ever grow by one."""

    day: int
    month: int


def windows_at(at: float) -> Windows:
    """The windows of an instant (Unix seconds)."""
    day = int(at * 1000) // DAY_MS
    at_date = date.fromordinal(_EPOCH + day)
    return Windows(day=day, month=at_date.year * 12 + at_date.month - 1)


def day_of_request(request_id: str, otherwise: float) -> int:
    """The UTC day that a request was admitted on, as its id tells; for an id that is not ours, that of `otherwise`
    (Unix seconds)."""
    if _OURS.fullmatch(request_id):
        return int(request_id[4:16], 16) // DAY_MS
    return int(otherwise * 1000) // DAY_MS if 0 <= otherwise < _LATEST else 0


def day_starts_ms(windows: Windows) -> int:
    """The first millisecond of the day, Unix time."""
    return windows.day * DAY_MS


def month_starts_ms(windows: Windows) -> int:
    """The first millisecond of the month, Unix time."""
    year, month = divmod(windows.month, 12)
    return (date(year, month + 1, 1).toordinal() - _EPOCH) * DAY_MS


def window_names(windows: Windows) -> tuple[str, str, str]:
    """What people are shown: 'D:2026-11-22', 'M:2026-11', 'T:total'."""
    day = date.fromordinal(_EPOCH + windows.day).isoformat()
    year, month = divmod(windows.month, 12)
    return (f"D:{day}", f"M:{year:04d}-{month + 1:02d}", "T:total")
