from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.policy.windows import Windows
from ai_gateway.runtime.cells import NEVER, Cell
from ai_gateway.runtime.thresholds import Thresholds

TODAY = Windows(day=7, month=1)


def a_cell(amount: int, spent: int, warn_at: tuple[int, ...] = (50, 90), number: int = 7) -> Cell:
    limit = Limit(("key", f"k{amount}"), Window.DAILY, Unit.USD, amount, warn_at=warn_at, tenant_id="a")
    return Cell(limit, number, spent)


def test_each_threshold_is_reached_once_and_the_next_one_is_looked_out_for() -> None:
    thresholds, cell = Thresholds(), a_cell(1_001, 0)
    looked: list[tuple[list[int], int, int]] = []
    for spent in (500, 501, 800, 901, 1_500):
        cell.spent = spent
        looked.append(([it.percent for it in thresholds.reached(cell)], cell.warns_at, cell.heeds_at))
    # 50 % are 500.5, 80 % (near) 800.8 and 90 % 900.9; an answer has something to tell from 50 % on
    assert looked == [([], 501, 501), ([50], 801, 501), ([], 801, 501), ([90], NEVER, 501), ([], NEVER, 501)]


def test_what_others_spent_is_reached_too() -> None:
    thresholds, cell = Thresholds(), a_cell(1_000, 100)
    cell.others = 300
    assert thresholds.reached(cell) == []
    assert (cell.warns_at, cell.heeds_at) == (200, 200)
    cell.others = 400
    assert [it.percent for it in thresholds.reached(cell)] == [50]


def test_where_nobody_wants_a_warning_there_is_only_what_is_near() -> None:
    thresholds, cell = Thresholds(), a_cell(1_000, 900, warn_at=())
    assert thresholds.reached(cell) == []
    assert (cell.warned, cell.warns_at) == (0, NEVER)
    assert cell.heeds_at == 1_001, "more was spent than there is"
    assert thresholds.near("a", TODAY) == [cell.limit]


def test_the_fullest_are_first_and_what_is_not_near_any_more_is_forgotten() -> None:
    thresholds = Thresholds()
    cells = [a_cell(100, 80), a_cell(1_000, 990), a_cell(10, 7), a_cell(200, 200, number=6)]
    for cell in cells:
        thresholds.reached(cell)
    assert thresholds.near("a", TODAY) == [cells[1].limit, cells[0].limit]
    assert thresholds.near("b", TODAY) == []
    cells[1].spent = 0
    assert thresholds.near("a", TODAY) == [cells[0].limit]
