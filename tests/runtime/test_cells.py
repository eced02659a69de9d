import pytest

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.traffic import Charge
from ai_gateway.runtime.cells import Cell, NoGrants, Owner, Short, Shortage


def a_cell(amount: int = 100, spent: int = 0, held: int = 0) -> Cell:
    cell = Cell(Limit(("key", "k"), Window.MONTHLY, Unit.TOKENS, amount), 24_311, spent)
    cell.held = held
    Owner().opened(cell)
    return cell


def test_an_owner_may_go_to_the_limit() -> None:
    cell = a_cell(spent=60, held=30)
    assert (cell.allowance, cell.free, cell.unspent, cell.window_id, cell.unit) == (100, 10, 40, "M:2025-12", 1)


@pytest.mark.parametrize(("amount", "short"), [(40, Short.CONTENDED), (41, Short.EXHAUSTED)])
def test_what_fits_once_holds_settle_is_only_contended(amount: int, short: Short) -> None:
    assert Owner().shortage(a_cell(spent=60, held=30), amount) is short


def test_nothing_is_free_of_what_is_overspent() -> None:
    cell = a_cell(spent=150)
    assert (cell.free, cell.unspent) == (0, 0)


async def test_an_owner_asks_nobody() -> None:
    with pytest.raises(AssertionError, match="owner"):
        await NoGrants().ask([Shortage(Short.NEEDS_GRANT, a_cell(), 1)], Charge((), 1))
