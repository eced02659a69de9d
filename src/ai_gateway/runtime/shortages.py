"""A shortage as what the caller is told of it."""

from ai_gateway.domain.faults import Fault
from ai_gateway.domain.traffic import Charge
from ai_gateway.policy import refusals
from ai_gateway.policy.windows import ends_ms, windows_at
from ai_gateway.runtime.cells import Short, Shortage


def fault_of(shortage: Shortage, charge: Charge) -> Fault:
    """BudgetExceeded where nothing helps, else RateLimited."""
    cell = shortage.cell
    if shortage.short is not Short.EXHAUSTED:
        return refusals.contended(cell.limit, cell.free, shortage.amount)
    ends = ends_ms(cell.limit.window, windows_at(charge.at, charge.zone), charge.zone)
    resets_at = None if ends is None else ends // 1000
    return refusals.exhausted(cell.limit, cell.spent + cell.others, shortage.amount, resets_at, charge.zone)
