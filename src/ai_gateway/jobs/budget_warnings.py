"""Thresholds that the meters have seen crossed, on their way to SQL and from there to whoever listens: the line only
puts them down."""

from collections.abc import Callable

from ai_gateway.domain.events import BudgetCrossed
from ai_gateway.jobs.outbox import Outbox
from ai_gateway.runtime.thresholds import Crossing


def put_down(box: Outbox[BudgetCrossed], now: Callable[[], float]) -> Callable[[Crossing], None]:
    """What `Meters.crossed` is to be. `now`: Unix seconds."""

    def crossed(crossing: Crossing) -> None:
        box.put(event_of(crossing, now()))

    return crossed


def event_of(crossing: Crossing, at: float) -> BudgetCrossed:
    cell = crossing.cell
    limit = cell.limit
    return BudgetCrossed(
        tenant_id=limit.tenant_id,
        scope=limit.leg[0],
        scope_id=limit.leg[1],
        name=limit.name,
        window_id=cell.window_id,
        unit=limit.unit.name.lower(),
        percent=crossing.percent,
        limit_amount=limit.amount,
        spent_amount=cell.spent,
        at=at,
    )
