"""What an answer says of the budgets that paid for it: a warning once one is well used, and a cap that was lowered.

A whole answer counts what it has cost itself, so it is the first to tell of a threshold that it has passed. The head of
a stream leaves before anybody knows what the stream will cost, and its worst case is no news: it tells what was used
before it.
"""

from collections.abc import Sequence

from ai_gateway.domain.budgets import Limit, Unit
from ai_gateway.domain.traffic import Header
from ai_gateway.runtime.accounts import NOTHING, Amounts
from ai_gateway.runtime.cells import Cell, is_warned, percent_used
from ai_gateway.runtime.ways import Way

_UNIT_WORDS = {Unit.USD: "cost", Unit.TOKENS: "token", Unit.REQUESTS: "request"}


def budget_headers(cells: Sequence[Cell], clamped: int | None, own: Amounts = NOTHING) -> tuple[Header, ...]:
    """The warning is of the limit that is used most, among those that have reached a threshold. `own` is what this
    request has cost and no cell has as spent yet."""
    headers: tuple[Header, ...] = ()
    for cell in cells:
        if cell.warned or cell.spent + own[cell.unit] >= cell.warns_at:
            headers = _warning(cells, own)
            break
    if clamped is not None:
        headers = (*headers, ("x-gateway-max-tokens-clamped", str(clamped)))
    return headers


def warnings_of(way: Way) -> tuple[Header, ...]:
    """Of an answer whose cost is spent: what `Meters.settle_whole` has said that there is to say."""
    return _warning(way.cells, NOTHING)


def _warning(cells: Sequence[Cell], own: Amounts) -> tuple[Header, ...]:
    warned = [cell for cell in cells if is_warned(cell, own[cell.unit])]
    if not warned:
        return ()
    fullest = max(warned, key=lambda cell: percent_used(cell, own[cell.unit]))
    return (("x-gateway-budget-warning", _told(fullest, own[fullest.unit])),)


def _told(cell: Cell, own: int) -> str:
    """For example: daily cost limit of key 'Test' is 92% used."""
    limit = cell.limit
    return f"{limit.window.value} {_UNIT_WORDS[limit.unit]} limit of {_owner(limit)} is {percent_used(cell, own)}% used"


def _owner(limit: Limit) -> str:
    """A name that has letters which no header carries is left out; the level is told all the same."""
    name = limit.name
    sayable = name.isascii() and name.isprintable() and "'" not in name
    return f"{limit.leg[0]} '{name}'" if name and sayable else f"the {limit.leg[0]}"
