"""What an operator did to living endpoints, in the audit log.

The deed comes first and the writing after it: an engineer who takes a burning endpoint out of service must not be
told that he cannot, because the database burns too. What could not be written is said in the answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from ai_gateway.admin.desk import Desk
from ai_gateway.domain.config import Endpoint
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import AuditRow, EnhancedProviderConfig, new_id

NOT_WRITTEN = "The database is away: this holds until the gateway restarts, and is not in the audit log."


async def write_down(
    desk: Desk,
    action: str,
    endpoints: Sequence[Endpoint],
    detail: dict[str, Any],
    save: Callable[[], Awaitable[object]],
) -> list[str]:
    """Save what was done, with a row of the audit log for each endpoint. Warnings for the answer, none where all of
    it is written."""
    try:
        await save()
        async with desk.reading() as unit:
            for endpoint in endpoints:
                await unit.insert(_audit_row(desk, action, endpoint, detail))
    except StoreUnavailable:
        return [NOT_WRITTEN]
    return []


def _audit_row(desk: Desk, action: str, endpoint: Endpoint, detail: dict[str, Any]) -> AuditRow:
    now = desk.doors.now()
    return AuditRow(
        id=new_id(AuditRow.prefix, now),
        tenant_id=desk.tenant_id,
        created_at=now,
        actor=desk.principal.actor,
        action=action,
        target_noun=EnhancedProviderConfig.noun,
        target_id=endpoint.id,
        detail={"name": endpoint.name, **detail},
    )
