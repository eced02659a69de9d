"""Requests: what is under way, what went before, and everything that is known of one.

One request is in up to four places: its decision in memory or in SQL, its receipts in the ledger or on their way
there, its running attempts in the journal. They are joined here by its id, so that nobody has to know which.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec
from fastapi import Query

from ai_gateway.admin import ledger
from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.money import show_dollars
from ai_gateway.admin.paging import Page, Paged, listing
from ai_gateway.admin.refusals import missing
from ai_gateway.admin.routing import Route
from ai_gateway.domain.decisions import Decision
from ai_gateway.runtime.entries import Held, Progress
from ai_gateway.store.decisions import decision_of
from ai_gateway.store.receipts import row_of
from ai_gateway.store.rows import LedgerRow

State = Annotated[
    Literal["recent", "running", "kept"],
    Query(
        description="running: under way now. recent: the last ones of this process. kept: those that failed, were "
        "tried more than once or drawn as a sample, as far back as they are kept."
    ),
]
MOST_ATTEMPTS: Final = 200


async def list_requests(desk: TenantDesk, page: Paged, state: State = "recent") -> Answer:
    """The tenant's requests, newest first. Only `kept` has further pages."""
    if state == "kept":
        return await _list_kept(desk, page)
    if state == "running":
        data = [_describe_running(held, progress, desk.doors.now()) for held, progress in _running(desk)]
    else:
        data = [describe_decision(it) for it in desk.doors.oncall.decisions.recent(desk.tenant_id, page.limit)]
    return {"data": data[: page.limit], "has_more": False, "next_cursor": None}


async def read_request(desk: TenantDesk, row_id: str) -> Answer:
    """One request: why it went where it went, its attempts with their cost, and what is still under way."""
    now = desk.doors.now()
    running = [it for it in _running(desk) if it[0].receipt.request_id == row_id]
    decision = desk.doors.oncall.decisions.find(desk.tenant_id, row_id) or await _kept(desk, row_id)
    rows = await _attempts(desk, row_id)
    if not running and decision is None and not rows:
        raise missing("request")
    cost = sum(row.cost_nano_usd for row in rows)
    return {
        "request_id": row_id,
        "state": "running" if running else "finished",
        "decision": None if decision is None else describe_decision(decision),
        "attempts": [ledger.describe(row) for row in rows],
        "running": [_describe_running(held, progress, now) for held, progress in running],
        "cost_nano_usd": cost,
        "cost_usd": ("-" if cost < 0 else "") + show_dollars(abs(cost)),
    }


async def _list_kept(desk: Desk, page: Page) -> Answer:
    before = None if page.after is None else ledger.place_of(page.after)
    rows = await desk.doors.oncall.kept_decisions.page(desk.tenant_id, before=before, limit=page.limit + 1)
    return listing([describe_decision(decision_of(row)) for row in rows], [str(row.id) for row in rows], page.limit)


async def _kept(desk: Desk, request_id: str) -> Decision | None:
    row = await desk.doors.oncall.kept_decisions.of(desk.tenant_id, request_id)
    return None if row is None else decision_of(row)


async def _attempts(desk: Desk, request_id: str) -> list[LedgerRow]:
    """Oldest first; a receipt that is on its way to the ledger counts as there."""
    settled = await desk.doors.store.page_ledger(desk.tenant_id, request_id=request_id, limit=MOST_ATTEMPTS)
    known = {(row.attempt_id, row.kind) for row in settled}
    waiting = [row_of(receipt) for receipt in desk.doors.oncall.unsettled(desk.tenant_id, request_id)]
    return [*reversed(settled), *(row for row in waiting if (row.attempt_id, row.kind) not in known)]


def _running(desk: Desk) -> Sequence[tuple[Held, Progress | None]]:
    """The tenant's attempts that are under way, newest first."""
    own = [it for it in desk.doors.oncall.running() if it[0].receipt.tenant_id == desk.tenant_id]
    return sorted(own, key=lambda it: it[0].receipt.started_at, reverse=True)


def _describe_running(held: Held, progress: Progress | None, now: float) -> Answer:
    receipt = held.receipt
    return {
        "request_id": receipt.request_id,
        "attempt_id": receipt.attempt_id,
        "state": "running",
        "model": receipt.requested_model,
        "sent_as": receipt.model,
        "route": receipt.route,
        "endpoint": receipt.endpoint,
        "provider": receipt.provider.value,
        "key_id": receipt.key_id,
        "came_at": show_instant(held.at),
        "started_at": show_instant(receipt.started_at),
        "running_seconds": round(max(0.0, now - receipt.started_at), 3),
        "output_tokens": None if progress is None else progress.output_tokens,
    }


def describe_decision(decision: Decision) -> Answer:
    answer: Answer = msgspec.to_builtins(decision)
    del answer["tenant_id"]
    return {**answer, "at": show_instant(decision.at), "seconds": round(decision.seconds, 6), "state": "finished"}


ROUTES: Final = (
    Route("GET", "/requests", list_requests, Permission.READ),
    Route("GET", "/requests/{row_id}", read_request, Permission.READ),
)
