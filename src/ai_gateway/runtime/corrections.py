"""A correction of what was booked, in the windows of the request that it corrects: as the ledger adds it up, so that
what is spent in memory and what the books say stay one number."""

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
