"""A corrected price and the bills that were written before it: `POST /prices/rerate`.

It looks at a bounded number of attempts a call and says where to go on, so that a year of history is many short calls
and none of them holds up the gateway. A dry run is the same without the writing. What is written goes the way of every
row of the ledger (`append_ledger`), so whatever is added up there is added up for corrections too.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import msgspec
from pydantic import Field

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Wide, WideDesk
from ai_gateway.admin.fields import Body, Text
from ai_gateway.admin.instants import Instant, show_instant
from ai_gateway.admin.paging import decode_cursor, encode_cursor
from ai_gateway.admin.provider_fields import ProviderName
from ai_gateway.admin.refusals import invalid
from ai_gateway.admin.routing import Route
from ai_gateway.domain.config import EMPTY_SNAPSHOT, PriceBook, Snapshot, TenantId
from ai_gateway.domain.traffic import Receipt
from ai_gateway.policy.pricing import dollars, find_listed
from ai_gateway.policy.rerating import adjust, attempt_of, booked_nano
from ai_gateway.runtime.ids import first_request_id
from ai_gateway.store.charges import Span
from ai_gateway.store.receipts import receipt_of
from ai_gateway.store.rows import AuditRow, LedgerRow, PriceRow, new_id

SHOWN: Final = 20
"""Adjustments that an answer lists; all are counted."""
AT_ONCE: Final = 100


class RerateBody(Body):
    """Requests that were admitted from `from` up to before `until`, and whose attempts asked `model`."""

    model: Text
    provider: ProviderName | None = None
    start: Instant = Field(alias="from")
    until: Instant
    dry_run: bool = True
    limit: Annotated[int, Field(ge=1, le=2_000)] = 1_000
    cursor: str | None = None


class _Found(msgspec.Struct, frozen=True):
    charge: Receipt
    booked: int
    adjustment: Receipt


async def rerate(desk: WideDesk, body: RerateBody) -> Answer:
    """Adjustment rows for attempts that would cost something else at the price that stands for their instant now.
    `dry_run` (the default) only says what would be written; `next_cursor` goes on where this call ended. Writing twice
    writes nothing twice."""
    if body.until <= body.start:
        raise invalid("until", "must be later than 'from'.")
    store = desk.doors.store
    charges = await store.charges(desk.scope, _span(body), body.limit + 1)
    more = len(charges) > body.limit
    charges = charges[: body.limit]
    adjusted = await store.adjustments(sorted({row.request_id for row in charges}))
    found = _differences(desk.doors.snapshot(), charges, adjusted)
    written = 0 if body.dry_run else await _write(desk, body, [it.adjustment for it in found])
    delta = sum(it.adjustment.cost_nano_usd for it in found)
    return {
        "dry_run": body.dry_run,
        "examined": len(charges),
        "changed": len(found),
        "written": written,
        "delta_nano_usd": delta,
        "delta_usd": dollars(delta),
        "data": [_show(it) for it in found[:SHOWN]],
        "has_more": more,
        "next_cursor": encode_cursor(f"{charges[-1].request_id}.{charges[-1].id}") if more else None,
    }


def _span(body: RerateBody) -> Span:
    after: tuple[str, int] | None = None
    if body.cursor is not None:
        request_id, _, row_id = decode_cursor(body.cursor).rpartition(".")
        if not row_id.isdecimal():
            raise invalid("cursor", "is not one that this call gave out.")
        after = (request_id, int(row_id))
    first, until = (first_request_id(int(moment * 1000)) for moment in (body.start, body.until))
    return Span(first_id=first, until_id=until, model=body.model, provider=body.provider, after=after)


def _differences(snapshot: Snapshot, charges: Sequence[LedgerRow], adjusted: Sequence[LedgerRow]) -> list[_Found]:
    before: dict[str, list[Receipt]] = {}
    for receipt in map(receipt_of, adjusted):
        before.setdefault(attempt_of(receipt), []).append(receipt)
    paid = {price.version: price.provider for price in snapshot.book.prices if price.provider is not None}
    found: list[_Found] = []
    for charge in map(receipt_of, charges):
        own = _own(snapshot, charge)
        payees = _payees(snapshot, charge, paid)
        price = find_listed(own, snapshot.book, payees, charge.model, charge.started_at)
        if price is None:
            continue
        earlier = before.get(charge.attempt_id, [])
        adjustment = adjust(charge, earlier, price)
        if adjustment is not None:
            found.append(_Found(charge=charge, booked=booked_nano(charge, earlier), adjustment=adjustment))
    return found


def _own(snapshot: Snapshot, charge: Receipt) -> PriceBook:
    tenant = snapshot.tenants.get(TenantId(charge.tenant_id))
    return EMPTY_SNAPSHOT.book if tenant is None else tenant.prices


def _payees(snapshot: Snapshot, charge: Receipt, paid: Mapping[str, str]) -> tuple[str, ...]:
    """Who was paid: as the config says it, if it is still there; else the one whose price the row has."""
    tenant = snapshot.tenants.get(TenantId(charge.tenant_id))
    endpoint = None if tenant is None else tenant.endpoints.get(charge.endpoint)
    if endpoint is not None and endpoint.provider is charge.provider:
        return endpoint.payees
    payee = paid.get(charge.price_version or "")
    return (charge.provider.value,) if payee is None else (payee, charge.provider.value)


async def _write(desk: Wide, body: RerateBody, adjustments: Sequence[Receipt]) -> int:
    """In short transactions. The meters hear of a batch that was written whole; of one in which another call was faster
    they heard from that one."""
    doors = desk.doors
    written = 0
    for start in range(0, len(adjustments), AT_ONCE):
        batch = adjustments[start : start + AT_ONCE]
        new = await doors.store.append_ledger(batch)
        written += new
        if new == len(batch):
            for adjustment in batch:
                doors.corrected(adjustment)
    if written:
        async with desk.reading() as unit:
            await unit.insert(_audit_row(desk, body, written))
    return written


def _audit_row(desk: Wide, body: RerateBody, written: int) -> AuditRow:
    now = desk.doors.now()
    return AuditRow(
        id=new_id(AuditRow.prefix, now),
        tenant_id=desk.tenant_id,
        created_at=now,
        actor=desk.principal.actor,
        action="rerate",
        target_noun=PriceRow.noun,
        target_id=body.model,
        detail={"from": show_instant(body.start), "until": show_instant(body.until), "written": written},
    )


def _show(found: _Found) -> Answer:
    charge, adjustment = found.charge, found.adjustment
    return {
        "tenant_id": charge.tenant_id,
        "request_id": charge.request_id,
        "attempt_id": charge.attempt_id,
        "booked_nano_usd": found.booked,
        "delta_nano_usd": adjustment.cost_nano_usd,
        "price_version_was": charge.price_version,
        "price_version": adjustment.price_version,
    }


ROUTES: Final = (Route("POST", "/prices/rerate", rerate, Permission.CHANGE),)
