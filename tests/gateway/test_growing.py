"""A lessee in place of the owner: it says NEEDS_GRANT until it is asked."""

from collections.abc import Sequence

from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.gateway.growing import grow_by_steps, has_room_for_another
from ai_gateway.gateway.purse import Steps
from ai_gateway.runtime.cells import Cell, Short, Shortage
from ai_gateway.runtime.meters import Meters
from gateway.budgets import KEY, a_limit
from support.line import Line, a_line
from support.turns import settle


class Lessee:
    """Allowances and Grants in one: each grant is 100 more."""

    def __init__(self) -> None:
        self.asked: list[Charge] = []
        self.silent = False

    def opened(self, cell: Cell) -> None:
        cell.allowance = 100

    def shortage(self, cell: Cell, amount: int) -> Short:
        return Short.NEEDS_GRANT

    async def ask(self, shortages: Sequence[Shortage], charge: Charge) -> None:
        self.asked.append(charge)
        if self.silent:
            raise GatewayFault
        for shortage in shortages:
            shortage.cell.allowance += 100


async def a_lease_line() -> tuple[Line, Lessee, Hold]:
    lessee = Lessee()
    line = await a_line(meters=Meters(lessee), grants=lessee)
    charge = Charge((KEY,), 80, at=line.clock.wall(), limits=(a_limit(KEY, 10_000),))
    hold = line.doors.meters.take("r", charge)
    assert isinstance(hold, Hold)
    return line, lessee, hold


async def test_another_attempt_waits_for_its_grant() -> None:
    line, lessee, hold = await a_lease_line()
    line.doors.meters.book(hold, 50)
    assert await has_room_for_another(line.doors, hold)  # 50 + 80 of 200
    assert [it.worst_nano for it in lessee.asked] == [80]


async def test_where_nobody_answers_there_is_no_room() -> None:
    line, lessee, hold = await a_lease_line()
    lessee.silent = True
    line.doors.meters.book(hold, 50)
    assert not await has_room_for_another(line.doors, hold)


async def test_a_stream_goes_on_while_its_grant_is_asked_for_once() -> None:
    line, lessee, hold = await a_lease_line()
    grow, step = grow_by_steps(line.doors, hold), Steps(tokens=10, nano=60)
    assert [grow(step), grow(step)] == [False, False]
    await settle()
    assert len(lessee.asked) == 1
    assert grow(step)  # 80 + 60 of 200
    assert [grow(step), grow(step)] == [True, False]
