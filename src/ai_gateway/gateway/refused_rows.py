"""A request that a limit refused, as a row of the ledger: who asked what, at no cost and of nobody.

Only what the policies of the tenant refuse is written down here, after its key and its model were found good: budgets,
rates, and prices that nobody knows. The rest is in the metrics.
"""

import msgspec

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.faults import Fault, Origin
from ai_gateway.domain.traffic import Outcome, Shaped
from ai_gateway.gateway.admission import Admitted
from ai_gateway.gateway.doors import Doors
from ai_gateway.gateway.receipts import Attempt, draft_receipt
from ai_gateway.policy.windows import windows_at
from ai_gateway.runtime import ids
from ai_gateway.runtime.plans import Plan

NO_ATTEMPT = 0
"""The number of what was never tried."""


def put_down_refusal(doors: Doors, admitted: Admitted, shaped: Shaped, plan: Plan, refusal: Fault) -> None:
    """One row, as long as there may be more of them; what is left out is counted."""
    if refusal.origin is not Origin.POLICY:
        return
    head, now = admitted.head, doors.clock.now()
    if not doors.refusal_rows.take(admitted.caller.key.id, now):
        doors.telemetry.drop("refusal_row")
        return
    attempt = Attempt(ids.attempt_id(head.request_id, NO_ATTEMPT), plan.candidates[0], now, head.received_wall)
    day = windows_at(head.received_wall, admitted.caller.tenant.zone).day
    row = msgspec.structs.replace(
        draft_receipt(admitted, shaped, attempt, day).orphan,
        endpoint="",
        model="",
        usage=Usage(),
        cost_nano_usd=0,
        priced=True,
        price_version=None,
        outcome=Outcome.REFUSED,
        estimated=False,
        total_ms=round((now - head.received) * 1000, 3),
    )
    doors.journal.append(row)
