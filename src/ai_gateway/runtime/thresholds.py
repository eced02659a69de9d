"""What there is to hear of a limit as it is spent: the thresholds that people want to be warned at, and that it is
near. That is noted when spending gets there, so nobody looks through all limits for those that are well used."""

from typing import Final, final

import msgspec

from ai_gateway.domain.budgets import Leg, Limit, Unit, Window
from ai_gateway.policy.windows import Windows, number_of
from ai_gateway.runtime.cells import NEVER, Cell

NEAR_PERCENT: Final = 80
"""What is used so far is near its limit, whether or not anybody wants to be warned there."""


class Crossing(msgspec.Struct, frozen=True):
    """A cell's spending has reached a per cent of its limit. Said again when a process starts, since it cannot know
    whether an earlier one was heard; whoever writes it down takes it once."""

    cell: Cell
    percent: int


@final
class Thresholds:
    def __init__(self) -> None:
        self._near: dict[str, dict[tuple[Leg, Window, Unit], Cell]] = {}

    def reached(self, cell: Cell) -> list[Crossing]:
        """Each threshold once, by whomever it was reached; the cell looks out for the next one."""
        limit, warn_at = cell.limit, cell.limit.warn_at
        crossings: list[Crossing] = []
        cell.warns_at = NEVER
        for percent in sorted({NEAR_PERCENT, *warn_at}):
            amount = _amount_at(limit, percent)
            if cell.spent + cell.others < amount:
                cell.warns_at = amount - cell.others
                break
            if percent == NEAR_PERCENT:
                self._near.setdefault(limit.tenant_id, {})[limit.leg, limit.window, limit.unit] = cell
            if percent > cell.warned and percent in warn_at:
                cell.warned = percent
                crossings.append(Crossing(cell, percent))
        tells_at = _amount_at(limit, warn_at[0]) - cell.others if warn_at else NEVER
        cell.heeds_at = min(cell.warns_at, tells_at, limit.amount + 1)
        return crossings

    def near(self, tenant_id: str, windows: Windows) -> list[Limit]:
        """Limits of these windows that are well used, the fullest first. Which are not any more is forgotten."""
        cells = self._near.get(tenant_id, {})
        for place, cell in tuple(cells.items()):
            used = (cell.spent + cell.others) * 100
            if cell.number != number_of(cell.limit.window, windows) or used < NEAR_PERCENT * cell.limit.amount:
                del cells[place]
        fullest = sorted(cells.values(), key=lambda it: -(it.spent + it.others) * 100 // max(1, it.limit.amount))
        return [cell.limit for cell in fullest]


def _amount_at(limit: Limit, percent: int) -> int:
    """The least that is so much of a limit."""
    return -(-limit.amount * percent // 100)
