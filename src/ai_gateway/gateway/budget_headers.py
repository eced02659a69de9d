"""What an answer says of the budgets that paid for it: a warning once one is well used, and a cap that was lowered.

A whole answer counts what it has cost itself, so it is the first to tell of a threshold that it has passed. The head of
a stream leaves before anybody knows what the stream will cost, and its worst case is no news: it tells what was used
before it.
"""

from collections.abc import Sequence

from ai_gateway.domain.budgets import Limit, Unit
from ai_gateway.domain.traffic import Header
from ai_gateway.runtime.accounts import NOTHING, Amounts
from ai_gateway.runtime.cells import Cell

_UNIT_WORDS = {Unit.USD: "cost", Unit.TOKENS: "token", Unit.REQUESTS: "request"}


def budget_headers(cells: Sequence[Cell], clamped: int | None, own: Amounts = NOTHING) -> tuple[Header, ...]:
    """The warning is of the limit that is used most, among those that have reached a threshold. `own` is what this
    request has cost and no cell has as spent yet."""
    headers: tuple[Header, ...] = ()
    warned = [cell for cell in cells if _is_warned(cell, own)]
    if warned:
        fullest = max(warned, key=lambda cell: percent_used(cell, own))
        headers = (("x-gateway-budget-warning", warning_of(fullest, own)),)
    if clamped is not None:
        headers = (*headers, ("x-gateway-max-tokens-clamped", str(clamped)))
    return headers


def _is_warned(cell: Cell, own: Amounts) -> bool:
    """Nearly always the first two numbers say that it is not."""
    if not cell.warned and cell.spent + own[cell.unit] < cell.warns_at:
        return False
    warn_at = cell.limit.warn_at
    return bool(warn_at) and percent_used(cell, own) >= warn_at[0]


def percent_used(cell: Cell, own: Amounts = NOTHING) -> int:
    """Whole per cent, cut. A limit of nothing is used up."""
    used = cell.spent + cell.others + own[cell.unit]
    return used * 100 // cell.limit.amount if cell.limit.amount else 100


def warning_of(cell: Cell, own: Amounts = NOTHING) -> str:
    """For example: daily cost limit of key 'Test' is 92% used."""
    limit = cell.limit
    return f"{limit.window.value} {_UNIT_WORDS[limit.unit]} limit of {_owner(limit)} is {percent_used(cell, own)}% used"


def _owner(limit: Limit) -> str:
    """A name that has letters which no header carries is left out; the level is told all the same."""
    name = limit.name
    sayable = name.isascii() and name.isprintable() and "'" not in name
    return f"{limit.leg[0]} '{name}'" if name and sayable else f"the {limit.leg[0]}"
