from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.gateway.budget_headers import budget_headers, percent_used
from ai_gateway.runtime.cells import Cell


def a_cell(spent: int, warned: int, amount: int = 1000, name: str = "Test", window: Window = Window.DAILY) -> Cell:
    cell = Cell(Limit(("key", "k"), window, Unit.USD, amount, name), 0, spent)
    cell.warned = warned
    return cell


def test_nothing_is_said_of_budgets_that_are_little_used() -> None:
    assert budget_headers([a_cell(400, 0)], None) == ()


def test_the_fullest_of_those_that_reached_a_threshold_is_told() -> None:
    cells = [a_cell(550, 50), a_cell(925, 90, window=Window.MONTHLY), a_cell(999, 0)]
    assert budget_headers(cells, None) == (
        ("x-gateway-budget-warning", "monthly cost limit of key 'Test' is 92% used"),
    )


def test_a_name_that_no_header_carries_is_left_out() -> None:
    for name in ("Küche", "a\r\nb", "it's", ""):
        ((_, text),) = budget_headers([a_cell(900, 90, name=name)], None)
        assert text == "daily cost limit of the key is 90% used"


def test_a_lowered_cap_is_told() -> None:
    assert budget_headers([], 40) == (("x-gateway-max-tokens-clamped", "40"),)


def test_a_limit_of_nothing_is_used_up() -> None:
    assert percent_used(a_cell(0, 0, amount=0)) == 100
