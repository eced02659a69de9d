"""What was used and what it cost, grouped by whoever asks: for a team's lead, a finance system, and the self-audit.

Every answer names its watermark, the last row of the ledger that is in it; who sends it back is answered with the same
state, whatever was booked since. A cursor carries it too, so the pages of one listing belong together.
"""

import re
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import Query, Request
from fastapi.responses import Response, StreamingResponse

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import WideDesk
from ai_gateway.admin.instants import Instant, show_instant
from ai_gateway.admin.money import show_dollars
from ai_gateway.admin.paging import Paged, listing
from ai_gateway.admin.routing import Route
from ai_gateway.admin.spreadsheet import Cell, write_line, write_lines
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.policy.windows import DAY_MS
from ai_gateway.runtime.ids import first_request_id
from ai_gateway.store.usage import DIMENSIONS, LANES, Bound, UsageBooks, UsageGroup, UsageQuery

_Filter = Annotated[str | None, Query(max_length=200)]
_Moment = Annotated[Instant | None, Query()]
_By = Annotated[
    str,
    Query(max_length=200, description=f"With commas, in the order wanted: {', '.join(DIMENSIONS)}. Empty: one sum."),
]
_Watermark = Annotated[
    int | None, Query(ge=0, lt=2**63, description="As an earlier answer gave it: the same state again.")
]

CSV_GROUPS: Final = 10_000
_PLACE: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,12})")
_CSV: Final = "text/csv"
_EPOCH: Final = date(1970, 1, 1).toordinal()
COLUMNS: Final = (
    "requests",
    "attempts",
    "refused",
    "cached",
    "errors",
    "estimated",
    *LANES,
    "cost_nano_usd",
    "cost_usd",
)


async def read_usage(
    request: Request,
    desk: WideDesk,
    page: Paged,
    by: _By = "day",
    *,
    since: _Moment = None,
    until: _Moment = None,
    watermark: _Watermark = None,
    format: Annotated[Literal["json", "csv"] | None, Query(description="Otherwise as 'accept' says.")] = None,
    key_id: _Filter = None,
    team_id: _Filter = None,
    department_id: _Filter = None,
    user_id: _Filter = None,
    tenant_id: _Filter = None,
    model: _Filter = None,
    requested_model: _Filter = None,
    provider: _Filter = None,
    endpoint: _Filter = None,
    route: _Filter = None,
    credential: _Filter = None,
    outcome: _Filter = None,
) -> Any:
    """Requests, attempts, tokens and cost in groups, up to a watermark. `since` is in, `until` is out; both are
    instants of admission. A platform admin who names no tenant sees all of them. As CSV all groups come at once."""
    asked = {
        "key_id": key_id,
        "team_id": team_id,
        "department_id": department_id,
        "user_id": user_id,
        "tenant_id": tenant_id,
        "model": model,
        "requested_model": requested_model,
        "provider": provider,
        "endpoint": endpoint,
        "route": route,
        "credential": credential,
        "outcome": outcome,
    }
    books = desk.doors.usage
    place = None if page.after is None else _place_of(page.after)
    named = watermark if place is None else place[0]
    query = UsageQuery(
        by=_dimensions(by),
        scope=desk.scope,
        through=await _through(books, named),
        since=None if since is None else _since(since),
        until=None if until is None else _until(until),
        equal={name: value for name, value in asked.items() if value is not None},
    )
    if format == "csv" or (format is None and _wants_csv(request)):
        return _as_csv(books, query)
    offset = 0 if place is None else place[1]
    groups = await books.page(query, offset=offset, limit=page.limit + 1)
    ids = [f"{query.through}.{offset + count}" for count in range(1, len(groups) + 1)]
    answer = listing([describe(query, group) for group in groups], ids, page.limit)
    answer |= {"by": list(query.by), "watermark": query.through, "as_of": show_instant(desk.doors.now())}
    if place is None:
        answer["total"] = describe(_all_of(query), (await books.page(_all_of(query), limit=1))[0])
    return answer


def describe(query: UsageQuery, group: UsageGroup) -> Answer:
    return {**_named(query, group), **group.sums, "cost_usd": _dollars(group.sums["cost_nano_usd"])}


def csv_head(query: UsageQuery) -> bytes:
    return write_line([*(DIMENSIONS[name] for name in query.by), *COLUMNS]).encode()


def csv_lines(query: UsageQuery, groups: list[UsageGroup]) -> bytes:
    return write_lines([_cells(describe(query, group)) for group in groups])


def _cells(answer: Answer) -> list[Cell]:
    return [Decimal(cell) if name == "cost_usd" else cell for name, cell in answer.items()]


def _named(query: UsageQuery, group: UsageGroup) -> Answer:
    """Ids and names as the ledger has them; a day as its date."""
    columns = (DIMENSIONS[name] for name in query.by)
    return {name: _date(value) if name == "day" else value for name, value in zip(columns, group.values, strict=True)}


def _date(value: str | int | None) -> str:
    assert isinstance(value, int), "every row has its day"
    return date.fromordinal(_EPOCH + value).isoformat()


def _dollars(nano: int) -> str:
    return ("-" if nano < 0 else "") + show_dollars(abs(nano))


def _all_of(query: UsageQuery) -> UsageQuery:
    return msgspec.structs.replace(query, by=())


def _dimensions(by: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in by.split(",")) if by.strip() else ()
    unknown = [name for name in names if name not in DIMENSIONS]
    if unknown or len(set(names)) < len(names):
        raise InvalidRequest(
            f"Usage cannot be grouped by '{unknown[0][:50]}'." if unknown else "A dimension is named twice.",
            action=f"Use some of: {', '.join(DIMENSIONS)}; with commas between them.",
            code="unknown_dimension",
            param="by",
        )
    return names


def _place_of(after: str) -> tuple[int, int]:
    """Watermark and number of groups before, of a cursor. Raises InvalidRequest (400)."""
    found = _PLACE.fullmatch(after)
    if found is None:
        raise InvalidRequest("The cursor is not one that this list gave out.", code="invalid_cursor", param="cursor")
    return int(found[1]), int(found[2])


async def _through(books: UsageBooks, named: int | None) -> int:
    last = await books.watermark()
    if named is not None and named > last:
        raise InvalidRequest(
            f"The ledger has not come to {named} yet.",
            action="Send a watermark that an earlier answer gave, or none.",
            code="invalid_watermark",
            param="watermark",
        )
    return last if named is None else named


def _since(at: float) -> Bound:
    """A row's day is one of its tenant's calendar, which is at most one away from UTC's."""
    at_ms = int(at * 1000)
    return Bound(day=at_ms // DAY_MS - 1, request_id=first_request_id(at_ms))


def _until(at: float) -> Bound:
    at_ms = int(at * 1000)
    return Bound(day=(at_ms - 1) // DAY_MS + 1, request_id=first_request_id(at_ms))


def _wants_csv(request: Request) -> bool:
    return request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower() == _CSV


def _as_csv(books: UsageBooks, query: UsageQuery) -> Response:
    """Page by page, each a question of its own at the same watermark: a reader that is slow holds up no transaction."""

    async def lines() -> AsyncIterator[bytes]:
        yield csv_head(query)
        offset = 0
        while groups := await books.page(query, offset=offset, limit=CSV_GROUPS):
            yield csv_lines(query, groups)
            offset += len(groups)
            if len(groups) < CSV_GROUPS:
                return

    headers = {"content-disposition": "attachment; filename=usage.csv", "x-watermark": str(query.through)}
    return StreamingResponse(lines(), media_type=_CSV, headers=headers)


ROUTES: Final = (Route("GET", "/usage", read_usage, Permission.READ),)
