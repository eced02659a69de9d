import pytest

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.traffic import Charge
from ai_gateway.runtime.cells import Cell, NoGrants, Owner, Short, Shortage, is_warned, percent_used


def a_cell(amount: int = 100, spent: int = 0, held: int = 0) -> Cell:
    cell = Cell(Limit(("key", "k"), Window.MONTHLY, Unit.TOKENS, amount), 24_311, spent)
    cell.used += held
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


def test_an_answer_tells_of_a_limit_once_the_first_threshold_is_reached_with_its_own_cost() -> None:
    cell = a_cell(spent=49)
    cell.warns_at = 50
    assert not is_warned(cell)
    assert is_warned(cell, 1)
    cell.warned, cell.others, cell.spent = 50, 10, 39
    assert not is_warned(cell), "what was corrected is not told any more"
    assert is_warned(cell, 1)
    assert percent_used(cell, 1) == 50


async def test_an_owner_asks_nobody() -> None:
    with pytest.raises(AssertionError, match="owner"):
        await NoGrants().ask([Shortage(Short.NEEDS_GRANT, a_cell(), 1)], Charge((), 1))
