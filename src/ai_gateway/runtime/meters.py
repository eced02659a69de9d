"""Money set aside and money spent, per leg and window, in the memory of the one process that owns it. A hold and its
settlement each touch every leg in one step of the event loop, so no other request can see them half done: that step is
the whole concurrency control of budgets, and the reason why none of them needs a lock or a database on the way.

A hold keeps the meters that it was written on. It is settled there whatever the clock says by then, so a request that
was admitted before midnight is booked before midnight, and settling looks nothing up.
"""

from collections.abc import Iterable
from typing import Final, final

import msgspec

from ai_gateway.domain.faults import BudgetExceeded, RateLimited
from ai_gateway.domain.traffic import Charge, Hold, LegLimits, LegSpent
from ai_gateway.policy.windows import Windows, windows_at

CONTENDED_RETRY_SECONDS: Final = 1
NO_LIMITS: Final = LegLimits()

Leg = tuple[str, str]


class Level(msgspec.Struct, frozen=True):
    """Nano-dollars in one window."""

    spent: int = 0
    held: int = 0


class Levels(msgspec.Struct, frozen=True):
    day: Level
    month: Level
    total: Level


@final
class Meters:
    def __init__(self) -> None:
        self._accounts: dict[Leg, _Account] = {}
        self._open: dict[str, _Open] = {}
        self._windows = windows_at(0)
        self._second = 0

    def hold(self, request_id: str, charge: Charge) -> Hold:
        """Set the worst case aside on all legs, or on none: raises BudgetExceeded where a limit cannot take it
        whatever comes back, RateLimited where it could once others have settled."""
        windows = self._windows_at(charge.at)
        day = windows.day
        accounts = self._accounts
        meters: list[_Meter] = []
        for leg in charge.legs:
            account = accounts.get(leg)
            if account is None:
                account = accounts[leg] = _Account(windows)
            meters += account.current if account.windows.day == day else account.at(windows)
        worst = charge.worst_nano
        if charge.limits:
            _refuse_what_passes(charge, meters)
        for meter in meters:
            meter.held += worst
        hold = Hold(request_id=request_id, charge=charge)
        self._open[request_id] = _Open(meters)
        return hold

    def book(self, hold: Hold, cost_nano: int) -> None:
        """What an attempt of this request truly cost, also above the hold. It counts as spent once the request is
        settled; until then the hold covers it."""
        self._open[hold.request_id].spent += cost_nano

    def settle(self, hold: Hold) -> None:
        """Give back the whole hold and spend what was booked. Settling twice is settling once."""
        opened = self._open.pop(hold.request_id, None)
        if opened is None:
            return
        worst, spent = hold.charge.worst_nano, opened.spent
        for meter in opened.meters:
            meter.held -= worst
            meter.spent += spent

    def restore(self, sums: Iterable[LegSpent], at: float) -> None:
        """Begin where the ledger is, at the instant `at` (Unix seconds). Sets, never adds: restoring twice is
        restoring once."""
        windows = windows_at(at)
        for it in sums:
            account = self._accounts.get(it.leg)
            if account is None:
                account = self._accounts[it.leg] = _Account(windows)
            for meter, spent in zip(account.at(windows), (it.day_nano, it.month_nano, it.total_nano), strict=True):
                meter.spent = spent

    def levels(self, leg: Leg, at: float) -> Levels:
        """How a leg stands in the windows of the instant `at` (Unix seconds)."""
        account = self._accounts.get(leg)
        if account is None:
            return Levels(Level(), Level(), Level())
        return Levels(*(Level(spent=meter.spent, held=meter.held) for meter in account.at(windows_at(at))))

    def held(self, leg: Leg) -> int:
        """Nano-dollars that open requests hold on this leg, whenever they were admitted."""
        account = self._accounts.get(leg)
        return 0 if account is None else account.total.held

    @property
    def open_holds(self) -> int:
        return len(self._open)

    def _windows_at(self, at: float) -> Windows:
        """The calendar is asked once a second, not once a request."""
        second = int(at * 1000) // 1000  # as the request's id has it, also in the last microsecond of a day
        if second != self._second:
            self._windows = windows_at(second)
            self._second = second
        return self._windows


@final
class _Meter:
    """One leg in one window."""

    __slots__ = ("held", "spent")

    def __init__(self) -> None:
        self.held = 0
        self.spent = 0


@final
class _Open:
    __slots__ = ("meters", "spent")

    def __init__(self, meters: list[_Meter]) -> None:
        self.meters = meters
        self.spent = 0


_Trio = tuple[_Meter, _Meter, _Meter]


@final
class _Account:
    """One leg: its meters of the latest day that was asked for, and of the one before, because a request whose body
    took its time is held after midnight and belongs before it."""

    __slots__ = ("_before", "current", "windows")

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.current: _Trio = (_Meter(), _Meter(), _Meter())
        self._before: tuple[Windows, _Trio] | None = None

    @property
    def total(self) -> _Meter:
        return self.current[2]

    def at(self, windows: Windows) -> _Trio:
        if windows.day == self.windows.day:
            return self.current
        if windows.day > self.windows.day:
            self._before = (self.windows, self.current)
            self.current = (_Meter(), self._month(windows), self.total)
            self.windows = windows
            return self.current
        if self._before is not None and self._before[0].day == windows.day:
            return self._before[1]
        return (_Meter(), self._month(windows), self.total)

    def _month(self, windows: Windows) -> _Meter:
        if windows.month == self.windows.month:
            return self.current[1]
        if self._before is not None and self._before[0].month == windows.month:
            return self._before[1][1]
        return _Meter()


def _refuse_what_passes(charge: Charge, meters: list[_Meter]) -> None:
    """Nothing is written yet. What is exhausted is said before what is only contended: waiting would not help."""
    contended: str | None = None
    for place, meter in enumerate(meters):
        leg, limits = charge.legs[place // 3], charge.limits[place // 3]
        limit = (limits.day, limits.month, limits.total)[place % 3]
        if limit is None or meter.spent + meter.held + charge.worst_nano <= limit:
            continue
        numbers = (
            f"{leg[0]} {leg[1]}: {('day', 'month', 'total')[place % 3]} limit {limit}, spent {meter.spent}, "
            f"held {meter.held}, asked {charge.worst_nano} nano-dollars"
        )
        if meter.spent + charge.worst_nano > limit:
            raise BudgetExceeded(detail=numbers)
        contended = contended or numbers
    if contended is not None:
        raise RateLimited(
            "Other requests in flight hold what is left of a cost limit.",
            code="budget_contended",
            retry_after_seconds=CONTENDED_RETRY_SECONDS,
            detail=contended,
        )
