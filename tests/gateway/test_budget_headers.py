from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.traffic import Charge
from ai_gateway.gateway.budget_headers import budget_headers, warnings_of
from ai_gateway.runtime.cells import Cell, percent_used
from ai_gateway.runtime.ways import Way


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


def test_what_the_request_itself_cost_counts() -> None:
    cell = a_cell(780, 50)
    cell.warns_at = 800
    assert budget_headers([cell], None)[0][1].endswith("78% used")
    assert budget_headers([cell], None, (25, 9_999, 1))[0][1].endswith("80% used")
    fresh = a_cell(400, 0)
    fresh.warns_at = 500
    assert budget_headers([fresh], None, (99, 0, 1)) == ()
    assert budget_headers([fresh], None, (100, 0, 1)) == (
        ("x-gateway-budget-warning", "daily cost limit of key 'Test' is 50% used"),
    )


def test_near_is_no_warning_where_nobody_wants_one_there() -> None:
    for warn_at in ((), (95,)):
        cell = Cell(Limit(("key", "k"), Window.DAILY, Unit.USD, 1000, warn_at=warn_at), 0, 700)
        cell.warns_at = 800
        assert budget_headers([cell], None, (150, 0, 1)) == ()


def test_a_name_that_no_header_carries_is_left_out() -> None:
    for name in ("Küche", "a\r\nb", "it's", ""):
        ((_, text),) = budget_headers([a_cell(900, 90, name=name)], None)
        assert text == "daily cost limit of the key is 90% used"


def test_a_lowered_cap_is_told() -> None:
    assert budget_headers([], 40) == (("x-gateway-max-tokens-clamped", "40"),)


def test_a_limit_of_nothing_is_used_up() -> None:
    assert percent_used(a_cell(0, 0, amount=0)) == 100


def test_a_way_is_told_of_as_its_cells_are_once_the_cost_is_spent() -> None:
    cells = (a_cell(550, 50), a_cell(925, 90, window=Window.MONTHLY))
    way = Way(Charge((("key", "k"),), 0), 0, (), cells, cells_added=0)
    assert warnings_of(way) == budget_headers(cells, None) != ()
    assert warnings_of(Way(Charge((("key", "k"),), 0), 0, (), (a_cell(400, 0),), cells_added=0)) == ()
