"""Money set aside and money spent, per leg and window, in the memory of the one process that owns it. A hold and its
settlement each touch every leg in one step of the event loop, so no other request can see them half done: that step is
the whole concurrency control of budgets, and the reason why none of them needs a lock or a database on the way.

A hold keeps the days that it was written on. It is settled there whatever the clock says by then, so a request that
was admitted before midnight is booked before midnight, and settling looks nothing up.
"""

from collections.abc import Iterable
from typing import Final, final

import msgspec

from ai_gateway.domain.faults import BudgetExceeded, RateLimited
from ai_gateway.domain.traffic import Charge, Hold, LegSpent
from ai_gateway.policy.windows import Windows, windows_at

CONTENDED_RETRY_SECONDS: Final = 1
MOST_PATHS: Final = 65_536
"""How many callers' days are kept at hand; all are found again by their legs."""

Leg = tuple[str, str]


class Level(msgspec.Struct, frozen=True):
    """Nano-dollars in one window."""

    spent: int = 0
    held: int = 0


class Levels(msgspec.Struct, frozen=True):
    day: Level
    month: Level
    total: Level


NONE: Final = Level()
NOTHING: Final = Levels(NONE, NONE, NONE)


@final
class Meters:
    """Raised and lowered per leg and day only: months and totals are sums of days, added up when somebody asks."""

    def __init__(self) -> None:
        self._accounts: dict[Leg, _Account] = {}
        self._days: dict[tuple[Leg, ...], tuple[_Day, ...]] = {}
        self._open: dict[str, _Open] = {}
        self._windows = windows_at(0)
        self._second = 0

    def hold(self, request_id: str, charge: Charge) -> Hold:
        """Set the worst case aside on all legs, or on none: raises BudgetExceeded where a limit cannot take it
        whatever comes back, RateLimited where it could once others have settled."""
        second = int(charge.at * 1000) // 1000  # as the request's id has it, also in the last microsecond of a day
        if second != self._second:
            self._turn(windows_at(second), second)
        days = self._days.get(charge.legs) or self._days_of(charge.legs)
        worst = charge.worst_nano
        if charge.limits:
            self._refuse_what_passes(charge)
        for day in days:
            day.held += worst
        self._open[request_id] = _Open(days)
        return Hold(request_id, charge)

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
        for day in opened.days:
            day.held -= worst
            day.spent += spent

    def restore(self, sums: Iterable[LegSpent], at: float) -> None:
        """Begin where the ledger is, at the instant `at` (Unix seconds). Sets, never adds: restoring twice is
        restoring once."""
        windows = windows_at(at)
        for it in sums:
            self._account(it.leg, windows).restore(it, windows)

    def levels(self, leg: Leg, at: float) -> Levels:
        """How a leg stands in the windows of the instant `at` (Unix seconds)."""
        account = self._accounts.get(leg)
        return NOTHING if account is None else account.levels(windows_at(at))

    def held(self, leg: Leg) -> int:
        """Nano-dollars that open requests hold on this leg, whenever they were admitted."""
        account = self._accounts.get(leg)
        return 0 if account is None else sum(day.held for day in account.days.values())

    @property
    def open_holds(self) -> int:
        return len(self._open)

    def _turn(self, windows: Windows, second: int) -> None:
        """The calendar is asked once a second, not once a request. What is kept at hand is of one day only."""
        if windows.day != self._windows.day:
            self._days.clear()
        self._windows = windows
        self._second = second

    def _days_of(self, legs: tuple[Leg, ...]) -> tuple["_Day", ...]:
        windows = self._windows
        days = tuple(self._account(leg, windows).at(windows) for leg in legs)
        if len(self._days) >= MOST_PATHS:
            self._days.clear()
        self._days[legs] = days
        return days

    def _account(self, leg: Leg, windows: Windows) -> "_Account":
        account = self._accounts.get(leg)
        if account is None:
            account = self._accounts[leg] = _Account(windows)
        return account

    def _refuse_what_passes(self, charge: Charge) -> None:
        """Nothing is written yet. What is exhausted is said before what is only contended: waiting would not help."""
        contended: str | None = None
        for leg, limits in zip(charge.legs, charge.limits, strict=True):
            levels = self._accounts[leg].levels(self._windows)
            for name in ("day", "month", "total"):
                limit: int | None = getattr(limits, name)
                level: Level = getattr(levels, name)
                if limit is None or level.spent + level.held + charge.worst_nano <= limit:
                    continue
                numbers = (
                    f"{leg[0]} {leg[1]}: {name} limit {limit}, spent {level.spent}, held {level.held}, "
                    f"asked {charge.worst_nano} nano-dollars"
                )
                if level.spent + charge.worst_nano > limit:
                    raise BudgetExceeded(detail=numbers)
                contended = contended or numbers
        if contended is not None:
            raise RateLimited(
                "Other requests in flight hold what is left of a cost limit.",
                code="budget_contended",
                retry_after_seconds=CONTENDED_RETRY_SECONDS,
                detail=contended,
            )


@final
class _Day:
    """One leg on one day: nano-dollars."""

    __slots__ = ("held", "month", "spent")

    def __init__(self, month: int) -> None:
        self.month = month
        self.held = 0
        self.spent = 0


@final
class _Open:
    __slots__ = ("days", "spent")

    def __init__(self, days: tuple[_Day, ...]) -> None:
        self.days = days
        self.spent = 0


@final
class _Account:
    """One leg. `days` are those that may still change: the latest two, because a request whose body took its time is
    held after midnight and belongs before it, and older ones while something is held on them. All others are folded
    into the sums of their month and of all time."""

    __slots__ = ("_earlier", "_latest", "_month", "_month_spent", "days")

    def __init__(self, windows: Windows) -> None:
        self.days: dict[int, _Day] = {}
        self._latest = windows.day
        self._month = windows.month
        self._month_spent = 0
        self._earlier = 0  # of all time, the days of `days` left out

    def at(self, windows: Windows) -> _Day:
        day = self.days.get(windows.day)
        if day is None:
            day = self.days[windows.day] = _Day(windows.month)
            if windows.day > self._latest:
                self._turn(windows)
        return day

    def levels(self, windows: Windows) -> Levels:
        held = month_held = 0
        spent, month_spent = self._earlier, self._month_spent if windows.month == self._month else 0
        for day in self.days.values():
            held += day.held
            spent += day.spent
            if day.month == windows.month:
                month_held += day.held
                month_spent += day.spent
        today = self.days.get(windows.day)
        return Levels(
            day=NONE if today is None else Level(today.spent, today.held),
            month=Level(month_spent, month_held),
            total=Level(spent, held),
        )

    def restore(self, sums: LegSpent, windows: Windows) -> None:
        self.at(windows).spent = sums.day_nano
        levels = self.levels(windows)
        self._earlier += sums.total_nano - levels.total.spent
        if windows.month == self._month:
            self._month_spent += sums.month_nano - levels.month.spent

    def _turn(self, windows: Windows) -> None:
        """A new day has begun: what nobody will change any more becomes part of the sums."""
        before, self._latest = self._latest, windows.day
        if windows.month != self._month:
            self._month, self._month_spent = windows.month, 0
        for number, day in list(self.days.items()):
            if number < before and not day.held:
                del self.days[number]
                self._earlier += day.spent
                if day.month == self._month:
                    self._month_spent += day.spent
