import pytest

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.faults import BudgetExceeded
from ai_gateway.domain.traffic import Charge
from ai_gateway.gateway import funding
from support.line import a_line

LIMIT = Limit(("key", "k"), Window.DAILY, Unit.USD, 100)


async def test_what_fits_is_held_at_once_and_what_never_will_is_refused() -> None:
    line = await a_line()
    charge = Charge((("key", "k"),), 60, at=line.clock.wall(), limits=(LIMIT,))
    hold = await funding.hold(line.doors, "r1", charge)
    line.doors.meters.book(hold, 60)
    line.doors.meters.settle(hold)
    with pytest.raises(BudgetExceeded):
        await funding.hold(line.doors, "r2", charge)
