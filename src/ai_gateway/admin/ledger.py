"""The ledger, read: one row an attempt, newest first, as the data plane wrote it."""

from typing import Annotated, Final

import msgspec
from fastapi import Query

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import TenantDesk
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.money import show_dollars
from ai_gateway.admin.paging import Paged, listing
from ai_gateway.admin.routing import Route
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.store.rows import LedgerRow

_Filter = Annotated[str | None, Query(max_length=200)]


async def list_ledger(
    desk: TenantDesk,
    page: Paged,
    *,
    request_id: _Filter = None,
    key_id: _Filter = None,
    model: _Filter = None,
    endpoint: _Filter = None,
    outcome: _Filter = None,
) -> Answer:
    """The attempts of the tenant, newest first."""
    asked = {"request_id": request_id, "key_id": key_id, "model": model, "endpoint": endpoint, "outcome": outcome}
    equal = {name: value for name, value in asked.items() if value is not None}
    before = None if page.after is None else place_of(page.after)
    rows = await desk.doors.store.page_ledger(desk.tenant_id, before=before, limit=page.limit + 1, **equal)
    return listing([describe(row) for row in rows], [str(row.id) for row in rows], page.limit)


def place_of(after: str) -> int:
    """The number behind a cursor of a list whose rows are numbered. Raises InvalidRequest (400)."""
    if not after.isdecimal() or len(after) > 18:
        raise InvalidRequest("The cursor is not one that this list gave out.", code="invalid_cursor", param="cursor")
    return int(after)


def describe(row: LedgerRow) -> Answer:
    answer: Answer = msgspec.to_builtins(row)
    answer["started_at"] = show_instant(row.started_at)
    sign = "-" if row.cost_nano_usd < 0 else ""  # an adjustment may give money back
    answer["cost_usd"] = sign + show_dollars(abs(row.cost_nano_usd))
    return answer


ROUTES: Final = (Route("GET", "/ledger", list_ledger, Permission.READ),)
