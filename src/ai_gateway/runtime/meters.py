"""What is set aside and what is spent, per leg and window, in the memory of the one process that decides. A hold and
its settlement each touch every leg in one step of the event loop, so no other request can see them half done: that step
is the whole concurrency control of budgets, and the reason why none of them needs a lock or a database on the way.

A hold keeps the day that it was written on. It is settled there whatever the clock says by then, so a request that was
admitted before midnight is booked before midnight, and settling looks nothing up. Who has no limit is only counted:
one sum a leg when the request settles.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, tzinfo
from typing import Final, final

import msgspec

from ai_gateway.domain.budgets import Leg, Limit, Unit, Window
from ai_gateway.domain.traffic import Charge, Hold, WindowSpent
from ai_gateway.policy.windows import Windows, ends_ms, number_of, windows_at, windows_behind, windows_of_day
from ai_gateway.runtime.accounts import Account, Amounts, Day
from ai_gateway.runtime.cells import NEVER, Allowances, Cell, Owner, Short, Shortage

MOST_PATHS: Final = 65_536
"""How many callers' days are kept at hand; all are found again by their legs."""
ONE_REQUEST: Final = 1
NEAR_PERCENT: Final = 80
"""What is used so far is near its limit, whether or not anybody wants to be warned there."""


class Crossing(msgspec.Struct, frozen=True):
    """A cell's spending has reached a per cent of its limit. Said again when a process starts, since it cannot know
    whether an earlier one was heard; whoever writes it down takes it once."""

    cell: Cell
    percent: int


class Standing(msgspec.Struct, frozen=True):
    """How a limit stands in a window, which ends at `resets_at` (Unix seconds; None: never). `leased`: what is granted
    to processes and not spent."""

    limit: Limit
    window_id: str
    spent: int
    held: int
    allowance: int
    resets_at: int | None
    leased: int = 0


def _unheard(_crossing: Crossing) -> None:
    """Where nobody listens."""


@final
class Meters:
    """`crossed` hears of every threshold that spending reaches, `freed` of a cell in which something came back, or
    whose limit has grown, while somebody waits for it (`waiting_for`)."""

    def __init__(self, allowances: Allowances | None = None) -> None:
        self._allowances: Allowances = Owner() if allowances is None else allowances
        self._accounts: dict[Leg, Account] = {}
        self._paths: dict[Leg, _Path] = {}
        self._open: dict[str, _Open] = {}
        self._windows: dict[tzinfo, Windows] = {}
        self._second = -1
        self._cells_added = 0
        self._near: dict[str, dict[tuple[Leg, Window, Unit], Cell]] = {}
        self.crossed: Callable[[Crossing], None] = _unheard
        self.awaited: dict[Cell, int] = {}
        self.freed: Callable[[Cell], None] = _nobody_waits

    def take(self, request_id: str, charge: Charge) -> Hold | Shortage:
        """Set the worst case aside on all legs, or on none. What is exhausted is said before what may still come
        free: waiting would not help. Whoever comes now does not pass those who wait already."""
        path = self._path_of(charge)
        if self.awaited and path.cells:
            amounts = (charge.worst_nano, charge.worst_tokens, ONE_REQUEST)
            shortage = self._shortage(path.cells, amounts)
            first = next((cell for cell in path.cells if cell in self.awaited), None)
            if shortage is None and first is not None:
                return Shortage(Short.CONTENDED, first, amounts[first.unit])
        return self._take(request_id, charge, path)

    def take_in_turn(self, request_id: str, charge: Charge) -> Hold | Shortage:
        """The same for the first of those who wait."""
        return self._take(request_id, charge, self._path_of(charge))

    @contextmanager
    def waiting_for(self, cell: Cell) -> Generator[None]:
        """Somebody waits for what is held in this cell."""
        self.awaited[cell] = self.awaited.get(cell, 0) + 1
        try:
            yield
        finally:
            self.awaited[cell] -= 1
            if not self.awaited[cell]:
                del self.awaited[cell]

    def cells_for(self, charge: Charge) -> tuple[Cell, ...]:
        """Those that this charge is checked against, in their order."""
        return self._path_of(charge).cells

    def lacking(self, charge: Charge) -> list[Shortage]:
        """Everything that must be granted before this charge can be held."""
        amounts = (charge.worst_nano, charge.worst_tokens, ONE_REQUEST)
        found: list[Shortage] = []
        for cell in self._path_of(charge).cells:
            shortage = self._shortage((cell,), amounts)
            if shortage is not None and shortage.short is Short.NEEDS_GRANT:
                found.append(shortage)
        return found

    def extend(self, hold: Hold, nano: int, tokens: int) -> Shortage | None:
        """More for a request that has a hold, on all its cells or on none. None: it has it."""
        opened = self._open[hold.request_id]
        more = (nano, tokens, 0)
        shortage = self._shortage(opened.cells, more)
        if shortage is None:
            opened.grow(more)
        return shortage

    def cover(self, hold: Hold) -> Shortage | None:
        """Make room for one more attempt: what earlier ones of this request have cost is gone, and the next one may
        need the worst case once more."""
        opened = self._open[hold.request_id]
        charge = hold.charge
        short = opened.nano + charge.worst_nano - opened.amounts[0]
        missing = opened.tokens + charge.worst_tokens - opened.amounts[1]
        if not opened.cells or (short <= 0 and missing <= 0):
            return None
        return self.extend(hold, max(0, short), max(0, missing))

    def book(self, hold: Hold, cost_nano: int, tokens: int = 0) -> None:
        """What an attempt of this request truly cost, also above the hold. It counts as spent once the request is
        settled; until then the hold covers it."""
        opened = self._open[hold.request_id]
        opened.nano += cost_nano
        opened.tokens += tokens
        opened.requests = ONE_REQUEST

    def booked(self, hold: Hold) -> Amounts:
        """What its attempts have cost so far."""
        opened = self._open[hold.request_id]
        return opened.nano, opened.tokens, opened.requests

    def settle(self, hold: Hold) -> int:
        """Give back the whole hold and spend what was booked: the tokens of it. Settling twice is settling once."""
        opened = self._open.pop(hold.request_id, None)
        if opened is None:
            return 0
        held, spent = opened.amounts, (opened.nano, opened.tokens, opened.requests)
        for cell in opened.holding:
            cell.held -= held[cell.unit]
        nano, tokens, requests = spent
        for day in opened.days:
            day.nano += nano
            day.tokens += tokens
            day.requests += requests
            for cell in day.cells:  # as `_spend`
                cell.spent += spent[cell.unit]
                if cell.spent >= cell.warns_at:
                    self._warn(cell)
        if self.awaited:
            for cell in opened.holding:
                if cell in self.awaited:
                    self.freed(cell)
        return tokens

    def correct(self, legs: Iterable[Leg], day: int, nano: int) -> None:
        """What a request of that day has cost more, or less, than was booked for it."""
        spent = (nano, 0, 0)
        for leg in legs:
            its_day = self._account(leg).day(windows_of_day(day))
            its_day.nano += nano
            self._spend(its_day, spent)
            if nano < 0:
                for cell in its_day.cells:
                    if cell in self.awaited:
                        self.freed(cell)

    def restore(self, sums: Iterable[WindowSpent]) -> None:
        """Begin where the books are, before the first hold. Sets, never adds: restoring twice is restoring once."""
        for it in sums:
            self._account(it.leg).restore(it.window, it.number, it.amounts)

    def spent(self, leg: Leg, window: Window, at: float, zone: tzinfo = UTC) -> Amounts:
        """Nano-dollars, tokens and requests of a leg in the window of the instant `at` (Unix seconds)."""
        account = self._accounts.get(leg)
        return (0, 0, 0) if account is None else account.spent(window, windows_at(at, zone))

    def standing(self, limit: Limit, at: float, zone: tzinfo = UTC) -> Standing:
        """The very numbers that a request at the instant `at` would meet."""
        windows = windows_at(at, zone)
        cell = self._cell(limit, windows, 0)
        ends = ends_ms(limit.window, windows, zone)
        return Standing(
            limit=cell.limit,
            window_id=cell.window_id,
            spent=cell.spent,
            held=cell.held,
            allowance=cell.allowance,
            resets_at=None if ends is None else ends // 1000,
        )

    def change(self, cell: Cell, limit: Limit, revision: int) -> None:
        """Another limit in a cell's place, unless it is one of an older configuration. What a raise has room for is
        for those who wait."""
        before = cell.limit
        if before == limit or revision < cell.revision:
            return
        self._enforce(cell, limit, revision)
        if cell in self.awaited and limit.amount > before.amount:
            self.freed(cell)

    def near_limit(self, tenant_id: str, at: float, zone: tzinfo = UTC) -> list[Limit]:
        """Limits of a tenant that are well used in the windows of the instant `at`, as far as this process knows, the
        fullest first. Costs as much as there are, however many limits there may be."""
        windows = windows_at(at, zone)
        cells = self._near.get(tenant_id, {})
        for place, cell in tuple(cells.items()):
            used = (cell.spent + cell.others) * 100
            if cell.number != number_of(cell.limit.window, windows) or used < NEAR_PERCENT * cell.limit.amount:
                del cells[place]
        fullest = sorted(cells.values(), key=lambda it: -(it.spent + it.others) * 100 // max(1, it.limit.amount))
        return [cell.limit for cell in fullest]

    def granted(self, cell: Cell) -> None:
        """The books have spoken of a cell: there may be more to hold, and others may have spent more."""
        self._warn(cell)
        if cell in self.awaited:
            self.freed(cell)

    def ahead(self, cell: Cell) -> Cell:
        """The cell of the same limit in the window behind."""
        return self._cell(cell.limit, windows_behind(cell.number), cell.revision)

    def cells_of(self, hold: Hold) -> tuple[Cell, ...]:
        """Those that this request holds something in."""
        opened = self._open.get(hold.request_id)
        return () if opened is None else opened.cells

    @property
    def open_holds(self) -> int:
        return len(self._open)

    def _take(self, request_id: str, charge: Charge, path: "_Path") -> Hold | Shortage:
        amounts = (charge.worst_nano, charge.worst_tokens, ONE_REQUEST)
        cells = path.cells
        if cells:
            shortage = self._shortage(cells, amounts)
            if shortage is not None:
                return shortage
        for cell in path.holding:
            cell.held += amounts[cell.unit]
        self._open[request_id] = _Open(path.days, cells, path.holding, amounts)
        return Hold(request_id, charge, path.number)

    def _shortage(self, cells: tuple[Cell, ...], amounts: Amounts) -> Shortage | None:
        first: Shortage | None = None
        for cell in cells:
            amount = amounts[cell.unit]
            if amount and cell.spent + cell.held + amount > cell.allowance:
                short = self._allowances.shortage(cell, amount)
                if short is None:
                    continue
                if short is Short.EXHAUSTED:
                    return Shortage(short, cell, amount)
                if first is None:
                    first = Shortage(short, cell, amount)
        return first

    def _spend(self, day: Day, spent: Amounts) -> None:
        for cell in day.cells:
            cell.spent += spent[cell.unit]
            if cell.spent >= cell.warns_at:
                self._warn(cell)

    def _warn(self, cell: Cell) -> None:
        """Say each threshold that was reached, by whomever, and look out for the next one."""
        cell.warns_at = NEVER
        limit = cell.limit
        for percent in sorted({NEAR_PERCENT, *limit.warn_at}):
            amount = -(-limit.amount * percent // 100)
            if cell.spent + cell.others < amount:
                cell.warns_at = amount - cell.others
                return
            if percent == NEAR_PERCENT:
                self._near.setdefault(limit.tenant_id, {})[limit.leg, limit.window, limit.unit] = cell
            if percent > cell.warned and percent in limit.warn_at:
                cell.warned = percent
                self.crossed(Crossing(cell, percent))

    def _path_of(self, charge: Charge) -> "_Path":
        second = int(charge.at * 1000) // 1000  # as the request's id has it, also in the last microsecond of a day
        if second != self._second:
            self._windows.clear()
            self._second = second
        windows = self._windows.get(charge.zone)
        if windows is None:  # the calendar is asked once a second and zone, not once a request
            windows = self._windows[charge.zone] = windows_at(second, charge.zone)
        path = self._paths.get(charge.legs[0])
        if (
            path is None
            or path.number != windows.day
            or path.limits is not charge.limits
            or path.cells_added != self._cells_added
            or (path.legs is not charge.legs and path.legs != charge.legs)
        ):
            path = self._make_path(charge, windows)
        return path

    def _make_path(self, charge: Charge, windows: Windows) -> "_Path":
        if len(self._paths) >= MOST_PATHS:
            self._paths.clear()
        days = tuple(self._account(leg).day(windows) for leg in charge.legs)
        cells = tuple(self._cell(limit, windows, charge.revision) for limit in charge.limits)
        for day in days:
            day.is_known = True
        path = _Path(charge, windows.day, days, cells, cells_added=self._cells_added)
        self._paths[charge.legs[0]] = path
        return path

    def _account(self, leg: Leg) -> Account:
        account = self._accounts.get(leg)
        if account is None:
            account = self._accounts[leg] = Account()
        return account

    def _cell(self, limit: Limit, windows: Windows, revision: int) -> Cell:
        """A request of an older configuration does not turn a newer limit back."""
        account = self._account(limit.leg)
        cell = account.cell(limit, windows)
        if cell is None:
            cell, days = account.add_cell(limit, windows)
            self._hold_what_is_open(cell, days)
            if any(day.is_known for day in days):
                self._cells_added += 1
            self._enforce(cell, limit, revision)
        else:
            self.change(cell, limit, revision)
        return cell

    def _enforce(self, cell: Cell, limit: Limit, revision: int) -> None:
        cell.limit = limit
        cell.revision = revision
        self._allowances.opened(cell)
        self._warn(cell)

    def _hold_what_is_open(self, cell: Cell, days: tuple[Day, ...]) -> None:
        """A limit that came into force while requests are in flight holds them too."""
        if days:
            for opened in self._open.values():
                if any(day in days for day in opened.days):
                    opened.join(cell)


def _nobody_waits(_cell: Cell) -> None:
    """Until somebody does."""


@final
class _Path:
    """A caller's days and cells, found once for all requests of a day and a configuration. `cells` are checked; what is
    taken is held in all cells of its days (`holding`), because a limit that has gone may be back before it settles.
    `cells_added`: how many had been added to known days by then."""

    __slots__ = ("cells", "cells_added", "days", "holding", "legs", "limits", "number")

    def __init__(
        self, charge: Charge, number: int, days: tuple[Day, ...], cells: tuple[Cell, ...], *, cells_added: int
    ) -> None:
        self.legs = charge.legs
        self.limits = charge.limits
        self.number = number
        self.days = days
        self.cells = cells
        self.holding = tuple(cell for day in days for cell in day.cells)
        self.cells_added = cells_added


@final
class _Open:
    """A request in flight: what it holds, and what its attempts have cost."""

    __slots__ = ("amounts", "cells", "days", "holding", "nano", "requests", "tokens")

    def __init__(
        self, days: tuple[Day, ...], cells: tuple[Cell, ...], holding: tuple[Cell, ...], amounts: Amounts
    ) -> None:
        self.days = days
        self.cells = cells
        self.holding = holding
        self.amounts = amounts
        self.nano = 0
        self.tokens = 0
        self.requests = 0

    def grow(self, more: Amounts) -> None:
        for cell in self.holding:
            cell.held += more[cell.unit]
        self.amounts = (self.amounts[0] + more[0], self.amounts[1] + more[1], self.amounts[2] + more[2])

    def join(self, cell: Cell) -> None:
        self.cells = (*self.cells, cell)
        self.holding = (*self.holding, cell)
        cell.held += self.amounts[cell.unit]
