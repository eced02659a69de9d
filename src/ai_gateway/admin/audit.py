"""The audit log, read: who changed what, newest first. Nobody writes it here; every change does."""

from typing import Final

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import WideDesk
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.routing import Route
from ai_gateway.store.rows import AuditRow


async def list_audit(desk: WideDesk, page: Paged) -> Answer:
    """The tenant's changes; everybody's for a platform admin who names no tenant."""
    async with desk.reading() as unit:
        return await list_rows(unit, AuditRow, desk.scope, page, describe)


def describe(row: AuditRow) -> Answer:
    return {
        "id": row.id,
        "tenant_id": row.tenant_id,
        "actor": row.actor,
        "action": row.action,
        "target_noun": row.target_noun,
        "target_id": row.target_id,
        "detail": row.detail,
        "created_at": show_instant(row.created_at),
    }


ROUTES: Final = (Route("GET", "/audit", list_audit, Permission.READ),)
