"""The way of a caller's money: the days and the cells that each of its requests holds and spends in, found once for all
requests of a day and a configuration.

Five limits on a way are ten numbers that each request would change. So a way holds more in them than its next request
needs, where there is plenty (`draw`), and its requests are held and settled in that room: one number. What they spent
is told to cells and days when somebody is to look at those, or when the room is used up (`say`). Until then every cell
has as used what truly is, or more, so no check passes that should not; and one that fails is asked again once all has
been said. Room is drawn only below everything that there is to tell of a cell (`heeds_at`), so nothing is told late.
"""

from typing import Final, final

import msgspec

from ai_gateway.domain.budgets import Unit
from ai_gateway.domain.traffic import Charge
from ai_gateway.runtime.accounts import Amounts, Day
from ai_gateway.runtime.cells import NEVER, Cell

NO_ROOM: Final = -NEVER
"""Whatever comes back."""


@final
class Way:
    """`second` (Unix) is the last one for which it was found right; `cells_added`: how many had been added to known
    days when it was made. `cells` are checked, in their order: `dollars` and `counted` (tokens, requests) are they.
    What is taken is held in all cells of its days, because a limit that has gone may be back before it settles:
    `others` are all of those but the dollars that are checked. `room` is what is held in the dollars for nobody yet;
    `unsaid` is what was spent and neither they nor the days know."""

    __slots__ = (
        "_unchecked",
        "cells",
        "cells_added",
        "counted",
        "days",
        "dollars",
        "legs",
        "limits",
        "number",
        "others",
        "room",
        "second",
        "unsaid_nano",
        "unsaid_requests",
        "unsaid_tokens",
        "zone",
    )

    def __init__(
        self, charge: Charge, number: int, days: tuple[Day, ...], cells: tuple[Cell, ...], *, cells_added: int
    ) -> None:
        self.legs = charge.legs
        self.limits = charge.limits
        self.zone = charge.zone
        self.number = number
        self.second = -1
        self.cells_added = cells_added
        self.days = days
        self._unchecked = tuple(cell for day in days for cell in day.cells if cell not in cells)
        self._check(cells)
        self.room = NO_ROOM
        self.unsaid_nano = 0
        self.unsaid_tokens = 0
        self.unsaid_requests = 0

    def join(self, cell: Cell) -> None:
        """A limit that came into force on one of its days. Nothing may be unsaid."""
        self._check((*self.cells, cell))

    def move(self, amounts: Amounts) -> None:
        """Hold more in all cells."""
        for cell in self.dollars:
            cell.used += amounts[Unit.USD]
        self.move_others(amounts)

    def move_others(self, amounts: Amounts) -> None:
        for cell in self.others:
            cell.used += amounts[cell.unit]

    def draw(self, nano: int) -> bool:
        """Make room. False: there is not plenty."""
        for cell in self.dollars:
            used = cell.used + nano
            if used >= cell.heeds_at or used > cell.allowance or cell.lease is not None:
                return False
        for cell in self.dollars:
            cell.used += nano
        self.room = nano
        return True

    def hold(self, nano: int) -> bool:
        """So much in all dollars, or in none."""
        if nano:
            for cell in self.dollars:
                used = cell.used + nano
                if used > cell.allowance:
                    self._put_back(nano, cell)
                    return False
                cell.used = used
        return True

    def spend(self, nano: int, held: int) -> bool:
        """In its dollars, instead of what was held there. Whether there may be something to tell of one: whatever of it
        is unsaid is used."""
        is_near = False
        more = nano - held
        for cell in self.dollars:
            cell.used = used = cell.used + more
            cell.spent += nano
            if used >= cell.heeds_at:
                is_near = True
        return is_near

    def spend_others(self, spent: Amounts, held: Amounts) -> bool:
        """The same in the others."""
        is_near = False
        for cell in self.others:
            unit = cell.unit
            cell.used += spent[unit] - held[unit]
            cell.spent += spent[unit]
            if cell.used >= cell.heeds_at:
                is_near = True
        return is_near

    def say(self) -> None:
        """Let cells and days know what was spent, and give the room back."""
        room, nano = self.room, self.unsaid_nano
        if room < 0:
            return
        for cell in self.dollars:
            cell.used -= room
            cell.spent += nano
        self.count(nano, self.unsaid_tokens, self.unsaid_requests)
        self.room = NO_ROOM
        self.unsaid_nano = self.unsaid_tokens = self.unsaid_requests = 0

    def count(self, nano: int, tokens: int, requests: int) -> None:
        """What was spent on its days."""
        for day in self.days:
            day.nano += nano
            day.tokens += tokens
            day.requests += requests

    def _put_back(self, nano: int, until: Cell) -> None:
        for cell in self.dollars:
            if cell is until:
                return
            cell.used -= nano

    def _check(self, cells: tuple[Cell, ...]) -> None:
        self.cells = cells
        self.dollars = tuple(cell for cell in cells if cell.unit == Unit.USD)
        self.counted = tuple(cell for cell in cells if cell.unit != Unit.USD)
        self.others = (*self.counted, *self._unchecked)


class Open(msgspec.Struct, eq=False, gc=False):
    """A request in flight: what it holds on its way (and one request), and what its attempts have cost."""

    way: Way
    worst_nano: int
    worst_tokens: int
    nano: int = 0
    tokens: int = 0
    requests: int = 0

    @property
    def amounts(self) -> Amounts:
        """What it holds."""
        return self.worst_nano, self.worst_tokens, 1


def fits(cells: tuple[Cell, ...], amounts: Amounts) -> bool:
    """Whether all have room. Of nothing there is always enough."""
    for cell in cells:
        amount = amounts[cell.unit]
        if amount and cell.used + amount > cell.allowance:
            return False
    return True


def without_lifted(charge: Charge, way: Way) -> Charge:
    """The charge as if it came now: checked against those of its cells that still have a limit."""
    if not any(cell.is_lifted for cell in way.cells):
        return charge
    return msgspec.structs.replace(charge, limits=tuple(cell.limit for cell in way.cells if not cell.is_lifted))
