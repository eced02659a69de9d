"""What is set aside and what is spent, per leg and window, in the memory of the one process that decides. A hold and
its settlement each touch every leg in one step of the event loop, so no other request can see them half done: that step
is the whole concurrency control of budgets, and the reason why none of them needs a lock or a database on the way.

A hold keeps the day that it was written on. It is settled there whatever the clock says by then, so a request that was
admitted before midnight is booked before midnight, and settling looks nothing up. Nearly always both touch one number,
the room that the caller's way has in all legs (`runtime/ways.py`); whoever looks at cells has everything said to them
first (`_say`).
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import UTC, tzinfo
from typing import Final, final

from ai_gateway.domain.budgets import Leg, Limit, Window
from ai_gateway.domain.traffic import Charge, Hold, WindowSpent
from ai_gateway.policy.windows import Windows, windows_at, windows_behind, windows_of_day
from ai_gateway.runtime.accounts import Account, Amounts, Day
from ai_gateway.runtime.cells import Allowances, Cell, Owner, Short, Shortage, Standing, is_warned, standing_of
from ai_gateway.runtime.thresholds import Crossing, Thresholds
from ai_gateway.runtime.ways import Open, Way, fits, without_lifted

MOST_WAYS: Final = 65_536
"""How many callers' ways are kept at hand; all are found again by their legs."""
REQUESTS_AHEAD: Final = 64
"""So many worst cases are drawn at once: what comes back of each is room again, so they last for longer."""
MOST_ROOMS: Final = 256
"""Ways that have room at once: so many may have to be told of in one go."""
ONE_REQUEST: Final = 1


def _unheard(_crossing: Crossing) -> None:
    """Where nobody listens."""


@final
class Meters:
    """`crossed` hears of every threshold that spending reaches, `freed` of a cell in which something came back, or
    whose limit has grown or is gone, while somebody waits for it (`waiting_for`)."""

    def __init__(self, allowances: Allowances | None = None, requests_ahead: int = REQUESTS_AHEAD) -> None:
        self._allowances: Allowances = Owner() if allowances is None else allowances
        self._requests_ahead = requests_ahead
        self._accounts: dict[Leg, Account] = {}
        self._ways: dict[Leg, Way] = {}
        self._open: dict[str, Open] = {}
        self._unsaid: list[Way] = []
        self._thresholds = Thresholds()
        self._windows: dict[tzinfo, Windows] = {}
        self._second = -1
        self._cells_added = 0
        self.crossed: Callable[[Crossing], None] = _unheard
        self.awaited: dict[Cell, int] = {}
        self.freed: Callable[[Cell], None] = _nobody_waits

    def take(self, request_id: str, charge: Charge) -> Hold | Shortage:
        """Set the worst case aside on all legs, or on none. What is exhausted is said before what may still come
        free: waiting would not help. Whoever comes now does not pass those who wait already."""
        way = self.way_of(charge)
        if self.take_along(request_id, way, way.second, charge.worst_nano, charge.worst_tokens):
            return Hold(request_id, charge, way.number)
        if self.awaited and way.cells:
            amounts = (charge.worst_nano, charge.worst_tokens, ONE_REQUEST)
            shortage = self._shortage(way.cells, amounts)
            first = next((cell for cell in way.cells if cell in self.awaited), None)
            if shortage is None and first is not None:
                return Shortage(Short.CONTENDED, first, amounts[first.unit])
        return self._take(request_id, charge, way)

    def take_in_turn(self, request_id: str, charge: Charge) -> Hold | Shortage:
        """The same for the first of those who wait. A limit that is gone by now stands in nobody's way."""
        charge = without_lifted(charge, self.way_of(charge))
        return self._take(request_id, charge, self.way_of(charge))

    def way_of(self, charge: Charge) -> Way:
        """The way of all requests of this caller, of this charge's day and limits."""
        second = int(charge.at * 1000) // 1000  # as the request's id has it, also in the last microsecond of a day
        way = self._ways.get(charge.legs[0])
        if (
            way is not None
            and way.second == second
            and way.limits is charge.limits
            and way.cells_added == self._cells_added
            and way.legs is charge.legs
            and way.zone is charge.zone
        ):
            return way
        return self._find_way(charge, second)

    def take_along(self, request_id: str, way: Way, second: int, nano: int, tokens: int) -> bool:
        """The whole hold along the way of a request that was admitted in this second, where it is there at once. It is
        then what `take` gives: Hold(request_id, charge, way.number). False: nothing was taken, and `take` has to see.
        """
        if way.second != second:
            return False
        room = way.room - nano
        if room < 0:
            return self._take_without_room(request_id, way, nano, tokens)
        if way.others:
            amounts = (nano, tokens, ONE_REQUEST)
            if not fits(way.counted, amounts):
                return False
            way.move_others(amounts)
        way.room = room
        self._open[request_id] = Open(way, nano, tokens)
        return True

    @contextmanager
    def waiting_for(self, cell: Cell) -> Generator[None]:
        """Somebody waits for what is held in this cell: nobody makes room meanwhile."""
        self._say()
        self.awaited[cell] = self.awaited.get(cell, 0) + 1
        try:
            yield
        finally:
            self.awaited[cell] -= 1
            if not self.awaited[cell]:
                del self.awaited[cell]
                cell.is_lifted = False

    def cells_for(self, charge: Charge) -> tuple[Cell, ...]:
        """Those that this charge is checked against, in their order."""
        cells = self.way_of(charge).cells
        self._say()
        return cells

    def lacking(self, charge: Charge) -> list[Shortage]:
        """Everything that must be granted before this charge can be held."""
        amounts = (charge.worst_nano, charge.worst_tokens, ONE_REQUEST)
        found: list[Shortage] = []
        for cell in self.way_of(charge).cells:
            shortage = self._shortage((cell,), amounts)
            if shortage is not None and shortage.short is Short.NEEDS_GRANT:
                found.append(shortage)
        return found

    def extend(self, hold: Hold, nano: int, tokens: int) -> Shortage | None:
        """More for a request that has a hold, on all its cells or on none. None: it has it."""
        opened = self._open[hold.request_id]
        more = (nano, tokens, 0)
        shortage = self._shortage(opened.way.cells, more)
        if shortage is None:
            opened.way.say()
            opened.way.move(more)
            opened.worst_nano += nano
            opened.worst_tokens += tokens
        return shortage

    def cover(self, hold: Hold) -> Shortage | None:
        """Make room for one more attempt: what earlier ones of this request have cost is gone, and the next one may
        need the worst case once more."""
        opened = self._open[hold.request_id]
        charge = hold.charge
        short = opened.nano + charge.worst_nano - opened.worst_nano
        missing = opened.tokens + charge.worst_tokens - opened.worst_tokens
        if not opened.way.cells or (short <= 0 and missing <= 0):
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
        self._settle(opened, opened.nano, opened.tokens, opened.requests)
        return opened.tokens

    def settle_whole(self, request_id: str, nano: int, tokens: int) -> bool:
        """Book the only attempt of a request and settle it, in one. Whether its answer has to tell of a budget now."""
        opened = self._open.pop(request_id, None)
        if opened is None:
            return False
        way = opened.way
        room = way.room + opened.worst_nano - nano
        if room < 0 or way.others or opened.requests:
            return self._settle(opened, opened.nano + nano, opened.tokens + tokens, ONE_REQUEST)
        way.room = room
        way.unsaid_nano += nano
        way.unsaid_tokens += tokens
        way.unsaid_requests += ONE_REQUEST
        return False

    def correct(self, legs: Iterable[Leg], day: int, nano: int) -> None:
        """What a request of that day has cost more, or less, than was booked for it."""
        spent = (nano, 0, 0)
        self._say()
        for leg in legs:
            its_day = self._day(leg, windows_of_day(day))
            its_day.nano += nano
            for cell in its_day.cells:
                cell.spent += spent[cell.unit]
                cell.used += spent[cell.unit]
                if cell.spent >= cell.warns_at:
                    self._warn(cell)
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
        self._say()
        account = self._accounts.get(leg)
        return (0, 0, 0) if account is None else account.spent(window, windows_at(at, zone))

    def standing(self, limit: Limit, at: float, zone: tzinfo = UTC) -> Standing:
        """The very numbers that a request at the instant `at` would meet."""
        windows = windows_at(at, zone)
        cell = self._cell(limit, windows, 0)
        self._say()
        return standing_of(cell, windows, zone)

    def change(self, cell: Cell, limit: Limit, revision: int) -> None:
        """Another limit in a cell's place, unless it is one of an older configuration. What a raise has room for is
        for those who wait."""
        before = cell.limit
        if revision < cell.revision:
            return
        cell.is_lifted = False
        if before == limit:
            return
        self._say()
        self._enforce(cell, limit, revision)
        if cell in self.awaited and limit.amount > before.amount:
            self.freed(cell)

    def near_limit(self, tenant_id: str, at: float, zone: tzinfo = UTC) -> list[Limit]:
        """Limits of a tenant that are well used in the windows of the instant `at`, as far as this process knows, the
        fullest first. Costs as much as there are, however many limits there may be."""
        self._say()
        return self._thresholds.near(tenant_id, windows_at(at, zone))

    def granted(self, cell: Cell) -> None:
        """The books have spoken of a cell: there may be more to hold, and others may have spent more."""
        self._say()
        self._warn(cell)
        if cell in self.awaited:
            self.freed(cell)

    def ahead(self, cell: Cell) -> Cell:
        """The cell of the same limit in the window behind."""
        return self._cell(cell.limit, windows_behind(cell.number), cell.revision)

    def cells_of(self, hold: Hold) -> tuple[Cell, ...]:
        """Those that this request holds something in."""
        opened = self._open.get(hold.request_id)
        if opened is None:
            return ()
        self._say()
        return opened.way.cells

    def cells_to_tell_of(self, hold: Hold) -> tuple[Cell, ...]:
        """The same, where there may be something to tell of one of them. A request whose cost is in its way's room has
        reached nothing."""
        opened = self._open.get(hold.request_id)
        if opened is None or (opened.way.room + opened.worst_nano >= opened.nano and not opened.way.others):
            return ()
        return self.cells_of(hold)

    @property
    def open_holds(self) -> int:
        return len(self._open)

    def _take(self, request_id: str, charge: Charge, way: Way) -> Hold | Shortage:
        nano, tokens = charge.worst_nano, charge.worst_tokens
        if not self.take_along(request_id, way, way.second, nano, tokens):
            amounts = (nano, tokens, ONE_REQUEST)
            shortage = self._shortage(way.cells, amounts)
            if shortage is not None:
                return shortage
            way.say()
            way.move(amounts)
            self._open[request_id] = Open(way, nano, tokens)
        return Hold(request_id, charge, way.number)

    def _take_without_room(self, request_id: str, way: Way, nano: int, tokens: int) -> bool:
        """The first for long, or there is not plenty."""
        if way.cells_added != self._cells_added or (self.awaited and any(cell in self.awaited for cell in way.cells)):
            return False
        way.say()
        if len(self._unsaid) >= MOST_ROOMS:
            self._say()
        amounts = (nano, tokens, ONE_REQUEST)
        if way.counted and not fits(way.counted, amounts):
            return False
        if not self.awaited and way.draw(nano * self._requests_ahead):
            self._unsaid.append(way)
            way.room -= nano
        elif not way.hold(nano):
            self._say()
            if not way.hold(nano):
                return False
        if way.others:
            way.move_others(amounts)
        self._open[request_id] = Open(way, nano, tokens)
        return True

    def _shortage(self, cells: tuple[Cell, ...], amounts: Amounts) -> Shortage | None:
        first: Shortage | None = None
        for cell in cells:
            amount = amounts[cell.unit]
            if amount and cell.used + amount > cell.allowance:
                self._say()
                short = None if cell.used + amount <= cell.allowance else self._allowances.shortage(cell, amount)
                if short is None:
                    continue
                if short is Short.EXHAUSTED:
                    return Shortage(short, cell, amount)
                if first is None:
                    first = Shortage(short, cell, amount)
        return first

    def _settle(self, opened: Open, nano: int, tokens: int, requests: int) -> bool:
        """Whether an answer has to tell of a limit on its way. What has room needs nobody to look at."""
        way = opened.way
        room = way.room + opened.worst_nano - nano
        if room < 0:
            is_near = way.spend(nano, opened.worst_nano)
            way.count(nano, tokens, requests)
        else:
            is_near = False
            way.room = room
            way.unsaid_nano += nano
            way.unsaid_tokens += tokens
            way.unsaid_requests += requests
        if way.others:
            is_near |= way.spend_others((nano, tokens, requests), opened.amounts)
        tells = is_near and self._look_at(way)
        if self.awaited:
            for cell in (*way.dollars, *way.others):
                if cell in self.awaited:
                    self.freed(cell)
        return tells

    def _look_at(self, way: Way) -> bool:
        """Say what was reached on a way, and whether an answer has to tell of it."""
        self._say()
        for cell in (*way.dollars, *way.others):
            if cell.spent >= cell.warns_at:
                self._warn(cell)
        return any(is_warned(cell) for cell in way.cells)

    def _say(self) -> None:
        """Before anybody looks at cells or days."""
        if self._unsaid:
            for way in self._unsaid:
                way.say()
            self._unsaid.clear()

    def _warn(self, cell: Cell) -> None:
        """Of each threshold that was reached, by whomever."""
        for crossing in self._thresholds.reached(cell):
            self.crossed(crossing)

    def _find_way(self, charge: Charge, second: int) -> Way:
        if second != self._second:
            self._windows.clear()
            self._second = second
        windows = self._windows.get(charge.zone)
        if windows is None:  # the calendar is asked once a second and zone, not once a request
            windows = self._windows[charge.zone] = windows_at(second, charge.zone)
        way = self._ways.get(charge.legs[0])
        if (
            way is None
            or way.number != windows.day
            or way.limits is not charge.limits
            or way.cells_added != self._cells_added
            or way.legs != charge.legs
        ):
            way = self._make_way(charge, windows)
        way.second = second
        way.zone = charge.zone
        return way

    def _make_way(self, charge: Charge, windows: Windows) -> Way:
        if len(self._ways) >= MOST_WAYS:
            self._ways.clear()
        days = tuple(self._day(leg, windows) for leg in charge.legs)
        cells = tuple(self._cell(limit, windows, charge.revision) for limit in charge.limits)
        for day in days:
            day.is_known = True
        way = Way(charge, windows.day, days, cells, cells_added=self._cells_added)
        self._ways[charge.legs[0]] = way
        return way

    def _day(self, leg: Leg, windows: Windows) -> Day:
        account = self._account(leg)
        if account.days and windows.day not in account.days:  # days of long ago go into the sums
            self._say()
        return account.day(windows)

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
            self._say()
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
        touched = [it for it in self._open.values() if days and any(day in days for day in it.way.days)]
        for opened in touched:
            cell.used += opened.amounts[cell.unit]
        for way in {opened.way: None for opened in touched}:
            way.join(cell)


def _nobody_waits(_cell: Cell) -> None:
    """Until somebody does."""
