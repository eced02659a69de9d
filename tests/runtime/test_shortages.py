from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.faults import BudgetExceeded, RateLimited
from ai_gateway.domain.traffic import Charge
from ai_gateway.runtime.cells import Cell, Short, Shortage
from ai_gateway.runtime.shortages import fault_of
from support.clock import NOON


def a_shortage(short: Short) -> Shortage:
    cell = Cell(Limit(("key", "k"), Window.DAILY, Unit.USD, 10**9, "Test"), 0, 2 * 10**9)
    return Shortage(short, cell, 5)


@pytest.mark.parametrize(("zone", "clock"), [(UTC, "UTC"), (ZoneInfo("Asia/Tokyo"), "in Asia/Tokyo")])
def test_what_is_exhausted_is_told_with_the_numbers_of_the_cell(zone: ZoneInfo, clock: str) -> None:
    fault = fault_of(a_shortage(Short.EXHAUSTED), Charge((("key", "k"),), 5, at=NOON, zone=zone))
    assert isinstance(fault, BudgetExceeded)
    assert fault.message == f"Daily cost limit exceeded. Limit: $1.00, Current: $2.00. Resets at midnight {clock}."


@pytest.mark.parametrize("short", [Short.CONTENDED, Short.NEEDS_GRANT])
def test_what_may_still_come_is_worth_another_try(short: Short) -> None:
    assert isinstance(fault_of(a_shortage(short), Charge((("key", "k"),), 5, at=NOON)), RateLimited)
