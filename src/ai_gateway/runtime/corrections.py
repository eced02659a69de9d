"""A correction of what was booked, in the windows of the request that it corrects.

It is spent on every leg and in the day of admission by the code that spends everything else, whatever the clock says
now; it is no request and has no tokens.
"""

from ai_gateway.domain.traffic import Receipt
from ai_gateway.policy.quotas import legs_of_ids
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
    meters.correct(legs, receipt.day, receipt.cost_nano_usd)
