"""A correction of what was booked, in the windows of the request that it corrects.

It takes the way of any request, with nothing held: so it is spent on every leg and in the day of admission by the same
code as everything else, whatever the clock says now.
"""

from ai_gateway.domain.traffic import Charge, Receipt
from ai_gateway.policy.quotas import legs_of_ids
from ai_gateway.runtime.ids import admitted_at
from ai_gateway.runtime.meters import Meters


def spend_correction(meters: Meters, receipt: Receipt) -> None:
    """`receipt` is an adjustment that was just written; its cost may be negative."""
    legs = legs_of_ids(
        key_id=receipt.key_id,
        team_id=receipt.team_id,
        department_id=receipt.department_id,
        user_id=receipt.user_id,
        tenant_id=receipt.tenant_id,
    )
    hold = meters.hold(receipt.attempt_id, Charge(legs=legs, worst_nano=0, at=admitted_at(receipt.request_id)))
    meters.book(hold, receipt.cost_nano_usd)
    meters.settle(hold)
