import pytest

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.traffic import Charge
from ai_gateway.policy.windows import windows_of_day
from ai_gateway.runtime.accounts import Account, Day
from ai_gateway.runtime.cells import Cell
from ai_gateway.runtime.ways import NO_ROOM, Open, Way, fits

KEY = ("key", "k")


def a_cell(unit: Unit = Unit.USD, allowance: int = 1_000, spent: int = 0) -> Cell:
    cell = Cell(Limit(KEY, Window.DAILY, unit, allowance), 7, spent)
    cell.allowance = allowance
    return cell


def a_way(*cells: Cell, also: tuple[Cell, ...] = ()) -> Way:
    """`also`: of limits that have gone."""
    return Way(Charge((KEY,), 0), 7, (Day(7, (*cells, *also)),), cells, cells_added=0)


def test_dollars_are_held_apart_from_what_is_counted_and_from_limits_that_have_gone() -> None:
    dollars, tokens, gone = a_cell(), a_cell(Unit.TOKENS), a_cell()
    way = a_way(tokens, dollars, also=(gone,))
    assert (way.cells, way.dollars, way.counted, way.others) == (
        (tokens, dollars),
        (dollars,),
        (tokens,),
        (tokens, gone),
    )
    way.move((5, 6, 1))
    assert (dollars.held, tokens.held, gone.held) == (5, 6, 5)
    new = a_cell(Unit.REQUESTS)
    way.join(new)
    assert (way.cells, way.others) == ((tokens, dollars, new), (tokens, new, gone))


def test_room_is_used_in_every_cell_until_it_is_said() -> None:
    cells = a_cell(spent=10), a_cell(spent=20)
    way = a_way(*cells)
    assert way.draw(900)
    assert [(cell.used, cell.spent) for cell in cells] == [(910, 10), (920, 20)]
    way.room -= 100
    way.unsaid_nano, way.unsaid_tokens, way.unsaid_requests = 70, 7, 2
    way.room += 30  # one of two holds of 50 is settled with 20, and the other with 50
    for _ in range(2):
        way.say()
        assert (way.room, way.days[0].amounts) == (NO_ROOM, (70, 7, 2))
    assert [(cell.used, cell.spent) for cell in cells] == [(80, 80), (90, 90)]


@pytest.mark.parametrize(
    ("allowance", "heeds_at", "is_leased"), [(99, 500, False), (500, 100, False), (500, 500, True)]
)
def test_there_is_no_room_where_a_limit_or_something_to_tell_is_near_or_others_have_a_say(
    allowance: int, heeds_at: int, *, is_leased: bool
) -> None:
    plenty, cell = a_cell(), a_cell(allowance=allowance)
    cell.heeds_at = heeds_at
    cell.lease = "its own" if is_leased else None
    way = a_way(plenty, cell)
    assert not way.draw(100)
    assert (plenty.used, cell.used, way.room) == (0, 0, NO_ROOM)


def test_dollars_are_held_in_all_cells_or_in_none() -> None:
    cells = a_cell(), a_cell(allowance=40)
    way = a_way(*cells)
    assert way.hold(40)
    assert not way.hold(1)
    assert [cell.used for cell in cells] == [40, 40]
    cells[1].spent = cells[1].used = 50
    assert way.hold(0)
    assert [cell.used for cell in cells] == [40, 50]


def test_spending_takes_the_place_of_what_was_held_and_sees_what_is_near() -> None:
    cell, tokens = a_cell(), a_cell(Unit.TOKENS)
    cell.heeds_at = tokens.heeds_at = 60
    way = a_way(cell, tokens)
    way.move((50, 50, 1))
    assert not way.spend(40, 50)
    assert not way.spend_others((40, 30, 1), (50, 50, 1))
    assert [(it.used, it.spent) for it in way.cells] == [(40, 40), (30, 30)]
    way.move((30, 40, 1))
    assert way.spend(10, 10), "70 are used, of which 60 may be spent by now"
    assert way.spend_others((10, 10, 1), (10, 10, 1))


def test_of_nothing_there_is_always_enough() -> None:
    full = a_cell(Unit.TOKENS, allowance=10, spent=10)
    assert fits((full,), (99, 0, 1))
    assert not fits((full,), (0, 1, 1))
    assert fits((a_cell(allowance=10),), (10, 0, 1))


def test_a_request_holds_one_request() -> None:
    account = Account()
    day = account.day(windows_of_day(7))
    assert Open(Way(Charge((KEY,), 0), 7, (day,), (), cells_added=0), 5, 6).amounts == (5, 6, 1)
