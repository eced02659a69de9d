"""An endpoint's past: every look at it, and what it did by the minute, the hour and the day.

The one says when and why it was unwell, the other how it performed; both are read from SQL by a config's id or name,
also of one that is switched off.
"""

from typing import Annotated, Final, Literal

import msgspec
from fastapi import Query

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk, TenantDesk
from ai_gateway.admin.instants import Instant, show_instant
from ai_gateway.admin.ledger import place_of
from ai_gateway.admin.lookup import find_named
from ai_gateway.admin.paging import Paged, listing
from ai_gateway.admin.refusals import missing
from ai_gateway.admin.routing import Route
from ai_gateway.admin.standing import endpoints_of
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.policy import histogram
from ai_gateway.policy.histogram import Counts
from ai_gateway.store.metrics_history import SECONDS
from ai_gateway.store.observations import HealthRow, MetricsRow
from ai_gateway.store.rows import EnhancedProviderConfig

Span = Annotated[Literal["1m", "1h", "1d"], Query(description="What one row is: a minute, an hour or a day.")]
_Moment = Annotated[Instant | None, Query()]

USUAL_ROWS: Final = 60
MOST_ROWS: Final = 2_000


async def read_timeline(desk: TenantDesk, row_id: str, page: Paged) -> Answer:
    """Every look at the endpoint, newest first: free checks, breakers that moved, operators' words."""
    endpoint_id = await _endpoint_id(desk, row_id)
    before = None if page.after is None else place_of(page.after)
    history = desk.doors.oncall.health_history
    rows = await history.page(desk.tenant_id, endpoint_id, before=before, limit=page.limit + 1)
    return listing([_describe_look(row) for row in rows], [str(row.id) for row in rows], page.limit)


async def read_performance(
    desk: TenantDesk, row_id: str, span: Span = "1m", since: _Moment = None, until: _Moment = None
) -> Answer:
    """What the endpoint did, oldest first: the last 60 minutes, hours or days where no time is named."""
    endpoint_id = await _endpoint_id(desk, row_id)
    seconds = SECONDS[span]
    end = desk.doors.now() if until is None else until
    start = end - USUAL_ROWS * seconds if since is None else since
    if end - start > MOST_ROWS * seconds:
        raise InvalidRequest(
            f"That is more than {MOST_ROWS} rows.", param="since", action="Ask for less time, or for a longer span."
        )
    rows = await desk.doors.oncall.metrics_history.read(desk.tenant_id, endpoint_id, span, start, end)
    return {"data": [_describe_span(row) for row in rows], "has_more": False, "next_cursor": None}


async def _endpoint_id(desk: Desk, row_id: str) -> str:
    async with desk.reading() as unit:
        row = await find_named(unit, EnhancedProviderConfig, desk.tenant_id, "name", row_id)
    if row is not None:
        return row.id
    for endpoint in endpoints_of(desk):
        if row_id in (endpoint.id, endpoint.name):
            return endpoint.id
    raise missing("provider config")


def _describe_look(row: HealthRow) -> Answer:
    answer: Answer = msgspec.to_builtins(row)
    for name in ("id", "tenant_id", "endpoint_id"):
        del answer[name]
    return {**answer, "at": show_instant(row.at)}


def _describe_span(row: MetricsRow) -> Answer:
    return {
        "span": row.span,
        "starts_at": show_instant(row.starts_at),
        "requests": row.requests,
        "errors": row.errors,
        "most_active": row.most_active,
        "latency_ms": _percentiles(row.latencies),
        "ttft_ms": _percentiles(row.first_tokens),
    }


def _percentiles(counts: Counts) -> dict[str, float | None]:
    found = {f"p{percent}": histogram.percentile(counts, percent) for percent in (50, 95, 99)}
    return {name: None if value is None else round(value, 1) for name, value in found.items()}


ROUTES: Final = (
    Route("GET", "/providers/{row_id}/timeline", read_timeline, Permission.READ),
    Route("GET", "/providers/{row_id}/performance", read_performance, Permission.READ),
)
