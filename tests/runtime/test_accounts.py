from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.policy.windows import windows_of_day
from ai_gateway.runtime.accounts import Account

JANUARY_30 = windows_of_day(20_483)
JANUARY_31 = windows_of_day(20_484)
FEBRUARY_1 = windows_of_day(20_485)


def test_days_months_and_all_of_time_add_up_to_what_was_there_and_what_came() -> None:
    account = Account()
    account.restore(Window.DAILY, JANUARY_31.day, (1, 1, 1))
    account.restore(Window.MONTHLY, JANUARY_31.month, (10, 10, 10))
    account.restore(Window.TOTAL, 0, (100, 100, 100))
    for windows, nano in ((JANUARY_31, 1_000), (FEBRUARY_1, 20_000)):
        account.day(windows).nano += nano
    assert account.spent(Window.DAILY, JANUARY_31)[0] == 1_001
    assert account.spent(Window.DAILY, FEBRUARY_1)[0] == 20_000
    assert account.spent(Window.MONTHLY, JANUARY_30)[0] == 1_010
    assert account.spent(Window.MONTHLY, FEBRUARY_1)[0] == 20_000
    assert account.spent(Window.TOTAL, FEBRUARY_1) == (21_100, 100, 100)


def test_a_cell_hangs_on_the_days_that_it_covers_those_of_before_too() -> None:
    account = Account()
    before, after = account.day(JANUARY_30), account.day(FEBRUARY_1)
    before.tokens = 7
    month = Limit(("key", "k"), Window.MONTHLY, Unit.TOKENS, 100)
    cell, days = account.add_cell(month, JANUARY_31)
    assert (cell.spent, days, before.cells, after.cells) == (7, (before,), (cell,), ())
    assert account.day(JANUARY_31).cells == (cell,)
    assert account.cell(month, JANUARY_30) is cell
    assert account.cell(month, FEBRUARY_1) is None


def test_days_that_nobody_can_touch_any_more_are_folded_and_their_cells_forgotten() -> None:
    account = Account()
    daily = Limit(("key", "k"), Window.DAILY, Unit.USD, 100)
    for number in range(10):
        windows = windows_of_day(JANUARY_30.day + number)
        account.add_cell(daily, windows)
        account.day(windows).nano += 1
    assert len(account.days) == len(account.cells) == 4
    assert account.spent(Window.TOTAL, FEBRUARY_1)[0] == 10
    assert account.spent(Window.MONTHLY, FEBRUARY_1)[0] == 8
