"""What an answer says of the budgets that paid for it: a warning once one is well used, and a cap that was lowered."""

from collections.abc import Sequence

from ai_gateway.domain.budgets import Limit, Unit
from ai_gateway.domain.traffic import Header
from ai_gateway.runtime.cells import Cell

_UNIT_WORDS = {Unit.USD: "cost", Unit.TOKENS: "token", Unit.REQUESTS: "request"}


def budget_headers(cells: Sequence[Cell], clamped: int | None) -> tuple[Header, ...]:
    """The warning is of the limit that is used most, among those that have reached a threshold."""
    headers: tuple[Header, ...] = ()
    warned = [cell for cell in cells if cell.warned]
    if warned:
        fullest = max(warned, key=percent_used)
        headers = (("x-gateway-budget-warning", warning_of(fullest)),)
    if clamped is not None:
        headers = (*headers, ("x-gateway-max-tokens-clamped", str(clamped)))
    return headers


def percent_used(cell: Cell) -> int:
    """Whole per cent, cut. A limit of nothing is used up."""
    return (cell.spent + cell.others) * 100 // cell.limit.amount if cell.limit.amount else 100


def warning_of(cell: Cell) -> str:
    """For example: daily cost limit of key 'Test' is 92% used."""
    limit = cell.limit
    return f"{limit.window.value} {_UNIT_WORDS[limit.unit]} limit of {_owner(limit)} is {percent_used(cell)}% used"


def _owner(limit: Limit) -> str:
    """A name that has letters which no header carries is left out; the level is told all the same."""
    name = limit.name
    sayable = name.isascii() and name.isprintable() and "'" not in name
    return f"{limit.leg[0]} '{name}'" if name and sayable else f"the {limit.leg[0]}"
