"""Which day and which month an instant belongs to. A window is a number that is computed from the instant of
admission, so midnight needs nobody to reset anything: the next request simply counts elsewhere, and a request that
settles late counts where it was admitted.

Days are those of a calendar: UTC's, or a tenant's own, where a day has 23 to 25 hours. One number names the day, and
the day names its month, so that a record carries one number and is booked the same under any later configuration.

Instants are cut to whole milliseconds first, as request ids name them. A window that was told from the id is then the
window that was told from the clock, also within the last microsecond before midnight.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

import msgspec

from ai_gateway.domain.budgets import Window

DAY_MS: Final = 86_400_000
TOTAL_ID: Final = "T:total"
_EPOCH: Final = date(1970, 1, 1).toordinal()


class Windows(msgspec.Struct, frozen=True, gc=False):
    """`day` counts days since 1970-01-01, `month` months since year 0: both only ever grow by one."""

    day: int
    month: int


def windows_at(at: float, zone: tzinfo = UTC) -> Windows:
    """The windows of an instant (Unix seconds) in a zone's calendar."""
    ms = int(at * 1000)
    day = ms // DAY_MS if zone is UTC else _local(ms, zone).toordinal() - _EPOCH
    return windows_of_day(day)


def windows_of_day(day: int) -> Windows:
    at_date = date.fromordinal(_EPOCH + day)
    return Windows(day=day, month=at_date.year * 12 + at_date.month - 1)


def day_starts_ms(windows: Windows, zone: tzinfo = UTC) -> int:
    """The first millisecond of the day, Unix time."""
    return _starts_ms(date.fromordinal(_EPOCH + windows.day), zone)


def month_starts_ms(windows: Windows, zone: tzinfo = UTC) -> int:
    """The first millisecond of the month, Unix time."""
    year, month = divmod(windows.month, 12)
    return _starts_ms(date(year, month + 1, 1), zone)


def ends_ms(window: Window, windows: Windows, zone: tzinfo = UTC) -> int | None:
    """The first millisecond behind the window, when its count begins anew; None where it never does."""
    if window is Window.DAILY:
        return day_starts_ms(windows_of_day(windows.day + 1), zone)
    if window is Window.MONTHLY:
        return month_starts_ms(Windows(day=windows.day, month=windows.month + 1), zone)
    return None


def windows_behind(number: int) -> Windows:
    """The day and the month behind the ones of this number: for a limit, which looks at one of them only."""
    return Windows(day=number + 1, month=number + 1)


def number_of(window: Window, windows: Windows) -> int:
    """Which of its kind: a day's number, a month's, and 0 for all of time."""
    if window is Window.DAILY:
        return windows.day
    return windows.month if window is Window.MONTHLY else 0


def window_id(window: Window, number: int) -> str:
    """What people and tables call it: 'D:2026-11-22', 'M:2026-11', 'T:total'."""
    if window is Window.DAILY:
        return f"D:{date.fromordinal(_EPOCH + number).isoformat()}"
    if window is Window.MONTHLY:
        year, month = divmod(number, 12)
        return f"M:{year:04d}-{month + 1:02d}"
    return TOTAL_ID


def window_of_id(text: str) -> tuple[Window, int]:
    """The way back. Raises ValueError."""
    if text == TOTAL_ID:
        return Window.TOTAL, 0
    kind, _, rest = text.partition(":")
    if kind == "D":
        return Window.DAILY, date.fromisoformat(rest).toordinal() - _EPOCH
    if kind == "M":
        first = date.fromisoformat(f"{rest}-01")
        return Window.MONTHLY, first.year * 12 + first.month - 1
    raise ValueError(f"{text!r} names no window")


def _local(ms: int, zone: tzinfo) -> datetime:
    whole = datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)
    return whole.astimezone(zone)


def _starts_ms(day: date, zone: tzinfo) -> int:
    """Where clocks go forward at midnight, the day begins with the jump (PEP 495: fold=0 in a gap is that instant)."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000
