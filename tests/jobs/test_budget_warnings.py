from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.events import BudgetCrossed
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.jobs.budget_warnings import put_down
from ai_gateway.jobs.outbox import Outbox
from ai_gateway.runtime.meters import Meters
from ai_gateway.store.budget_warnings import MemoryBudgetWarnings
from support.clock import NOON

LIMIT = Limit(("key", "k"), Window.DAILY, Unit.USD, 1000, "Test", tenant_id="t1")


def spend(meters: Meters, number: int, cost: int) -> None:
    hold = meters.take(f"r{number}", Charge((LIMIT.leg,), 0, at=NOON, limits=(LIMIT,)))
    assert isinstance(hold, Hold)
    meters.book(hold, cost)
    meters.settle(hold)


async def test_what_the_meters_see_is_told_once_and_not_again_after_a_restart() -> None:
    told: list[BudgetCrossed] = []
    warnings = MemoryBudgetWarnings((told.append,))
    for start in range(2):  # a second process finds the first one's spending in the books
        box = Outbox(warnings.write)
        meters = Meters()
        meters.crossed = put_down(box, lambda: NOON)
        spend(meters, start, 850)
        await box.flush()
    assert [(it.tenant_id, it.name, it.window_id, it.unit, it.percent, it.spent_amount, it.at) for it in told] == [
        ("t1", "Test", "D:2026-01-01", "usd", 50, 850, NOON),
        ("t1", "Test", "D:2026-01-01", "usd", 80, 850, NOON),
    ]
