"""What one leg has spent, day by day, whether or not anybody limits it: so a budget that comes into force at noon knows
what the morning has cost.

Only days are counted up. A month and all of time are what was there before (`base`) and the days since; days that no
request can touch any more are folded into that. Cells of budgets hang on the days that they cover, and are raised with
them: one loop when a request settles, and a sum only when a cell is made.
"""

from collections.abc import Iterator
from typing import Final, final

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.policy.windows import Windows, number_of, windows_of_day
from ai_gateway.runtime.cells import Cell

DAYS_KEPT: Final = 3
"""A request lives a day at most, so it may still settle on the day before yesterday."""

Amounts = tuple[int, int, int]
NOTHING: Final[Amounts] = (0, 0, 0)


@final
class Day:
    """One leg on one day. `cells` are those whose windows have this day in them, also of limits that have gone: they
    may come back. `is_known`: a caller's path goes over it, and has its cells."""

    __slots__ = ("cells", "is_known", "nano", "number", "requests", "tokens")

    def __init__(self, number: int, cells: tuple[Cell, ...]) -> None:
        self.number = number
        self.cells = cells
        self.is_known = False
        self.nano = 0
        self.tokens = 0
        self.requests = 0

    @property
    def amounts(self) -> Amounts:
        return self.nano, self.tokens, self.requests


@final
class Account:
    """One leg. `cells` by window, number and unit."""

    __slots__ = ("_base", "cells", "days")

    def __init__(self) -> None:
        self.days: dict[int, Day] = {}
        self.cells: dict[tuple[Window, int, Unit], Cell] = {}
        self._base: dict[tuple[Window, int], Amounts] = {}

    def day(self, windows: Windows) -> Day:
        day = self.days.get(windows.day)
        if day is None:
            if self.days and windows.day > max(self.days):
                self._fold(windows)
            cells = tuple(cell for cell in self.cells.values() if _covers(cell, windows))
            day = self.days[windows.day] = Day(windows.day, cells)
        return day

    def spent(self, window: Window, windows: Windows) -> Amounts:
        """In the window of that kind which has these windows in it."""
        sums = list(self._base.get((window, number_of(window, windows)), NOTHING))
        for day in self._days_of(window, windows):
            for place, amount in enumerate(day.amounts):
                sums[place] += amount
        return sums[0], sums[1], sums[2]

    def restore(self, window: Window, number: int, amounts: Amounts) -> None:
        """What the books say of a window, before anything was counted in it here. Sets, never adds."""
        self._base[window, number] = amounts

    def cell(self, limit: Limit, windows: Windows) -> Cell | None:
        return self.cells.get((limit.window, number_of(limit.window, windows), limit.unit))

    def add_cell(self, limit: Limit, windows: Windows) -> tuple[Cell, tuple[Day, ...]]:
        """A new cell, and the days before it that it covers: their requests in flight are its own too."""
        number = number_of(limit.window, windows)
        cell = Cell(limit, number, self.spent(limit.window, windows)[limit.unit])
        days = tuple(self._days_of(limit.window, windows))
        for day in days:
            day.cells = (*day.cells, cell)
        self.cells[limit.window, number, limit.unit] = cell
        return cell, days

    def _days_of(self, window: Window, windows: Windows) -> Iterator[Day]:
        number = number_of(window, windows)
        for day in self.days.values():
            if number_of(window, windows_of_day(day.number)) == number:
                yield day

    def _fold(self, windows: Windows) -> None:
        """A new day has begun: what nobody will change any more becomes part of the base."""
        first = windows.day - DAYS_KEPT
        for day in [it for it in self.days.values() if it.number < first]:
            for window in (Window.MONTHLY, Window.TOTAL):
                place = (window, number_of(window, windows_of_day(day.number)))
                before, more = self._base.get(place, NOTHING), day.amounts
                self._base[place] = (before[0] + more[0], before[1] + more[1], before[2] + more[2])
            del self.days[day.number]
        oldest = windows_of_day(first)
        self._base = {
            (window, number): it for (window, number), it in self._base.items() if _lives(window, number, oldest)
        }
        self.cells = {
            (window, number, unit): cell
            for (window, number, unit), cell in self.cells.items()
            if _lives(window, number, oldest)
        }


def _covers(cell: Cell, windows: Windows) -> bool:
    return number_of(cell.limit.window, windows) == cell.number


def _lives(window: Window, number: int, oldest: Windows) -> bool:
    return number >= number_of(window, oldest)
