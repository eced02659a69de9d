"""How a request comes by its hold: at once, after others have settled, or not at all.

What is exhausted is refused with the numbers in it. What is only held by others is waited for, in the order of arrival
at that level, as long as the caller's queue allows or a moment where there is no queue.
"""

from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.gateway.doors import Doors
from ai_gateway.runtime.shortages import fault_of


async def hold(doors: Doors, request_id: str, charge: Charge) -> Hold:
    """Raises BudgetExceeded, RateLimited."""
    taken = doors.meters.take(request_id, charge)
    if isinstance(taken, Hold):
        return taken
    raise fault_of(taken, charge)
