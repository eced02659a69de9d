"""Prices: data with dates. A price that was ever in force is never changed or deleted, because bills rest on it; a
new one is a new row, and one that has not begun yet may still be taken back.

Without a tenant they are the book's, which holds for everybody; a tenant's own price beats it.
"""

from typing import Annotated, Final, Literal

from fastapi import Query

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import WideDesk
from ai_gateway.admin.instants import parse_instant, show_instant
from ai_gateway.admin.lookup import deleted, fetch
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.price_fields import PriceBody, columns_of, said_by
from ai_gateway.admin.refusals import conflict, invalid
from ai_gateway.admin.routing import Route
from ai_gateway.domain.config import Price, PriceBook, TenantId
from ai_gateway.domain.model_match import clause_of, has_regex
from ai_gateway.providers.vendors import PAYEES, STAND_IN
from ai_gateway.store.records import Unit
from ai_gateway.store.rows import PriceRow, new_id

Source = Literal["tenant", "book"]
_Name = Annotated[str, Query(max_length=200)]


async def list_prices(
    desk: WideDesk,
    page: Paged,
    source: Source = "tenant",
    *,
    model: _Name | None = None,
    provider: _Name | None = None,
) -> Answer:
    """The tenant's own prices, or the book's (`source=book`, and for a platform admin who names no tenant)."""
    scope = None if source == "book" else desk.tenant_id
    asked = {"model": model, "provider": provider}
    async with desk.reading() as unit:
        equal = {name: value for name, value in asked.items() if value is not None}
        return await list_rows(unit, PriceRow, scope, page, describe, **equal)


async def create_price(desk: WideDesk, body: PriceBody) -> Answer:
    """A new price; of the book where a platform admin names no tenant."""
    async with desk.changing() as change:
        row = await place(change, desk.tenant_id, body)
    return describe(row)


async def find_price(desk: WideDesk, model: _Name, provider: _Name | None = None, at: str | None = None) -> Answer:
    """The prices of a model at an instant (`at`, default now), the one that holds first, and where each comes from.
    `provider` narrows to who is paid: a provider type or a vendor."""
    if provider is not None and provider not in PAYEES:
        raise invalid("provider", f"nobody is called '{provider[:64]}'.")
    moment = desk.doors.now() if at is None else _instant(at)
    snapshot = desk.doors.snapshot()
    tenant = None if desk.tenant_id is None else snapshot.tenants.get(TenantId(desk.tenant_id))
    own = PriceBook() if tenant is None else tenant.prices
    payees = sorted(PAYEES) if provider is None else (provider, *STAND_IN.get(provider, ()))
    found = list(dict.fromkeys(it.version for it in _holding(own, snapshot.book, model, tuple(payees), moment)))
    async with desk.reading() as unit:
        rows = [row for version in found if (row := await _row(unit, desk.tenant_id, version)) is not None]
    return {"model": model, "provider": provider, "at": show_instant(moment), "data": [describe(row) for row in rows]}


async def read_price(desk: WideDesk, row_id: str) -> Answer:
    """One price."""
    async with desk.reading() as unit:
        return describe(await fetch(unit, PriceRow, desk.tenant_id, row_id))


async def delete_price(desk: WideDesk, row_id: str) -> Answer:
    """Refused (409) once the price is in force: bills rest on it."""
    async with desk.changing() as change:
        row = await fetch(change.unit, PriceRow, desk.tenant_id, row_id)
        if row.effective_from <= change.now:
            raise conflict("This price is or was in force; make a new one instead.")
        await change.delete(row)
    return deleted(row)


async def place(change: Change, tenant_id: str | None, body: PriceBody) -> PriceRow:
    """Raises InvalidRequest (422) for a tenant's regular expression: it would be searched in everybody's process."""
    if tenant_id is not None and body.match is not None and has_regex(clause_of(body.match)):
        raise invalid("match", "a tenant's own price takes no regex; use equals, starts_with, ends_with or contains.")
    row = PriceRow(
        id=new_id(PriceRow.prefix, change.now),
        tenant_id=tenant_id,
        created_at=change.now,
        effective_from=change.now if body.effective_from is None else body.effective_from,
        **columns_of(body),
    )
    await change.insert(row)
    return row


def describe(row: PriceRow) -> Answer:
    return {
        "id": row.id,
        **said_by(row),
        "source": "book" if row.tenant_id is None else "tenant",
        "edition": row.edition,
        "created_at": show_instant(row.created_at),
    }


def _instant(text: str) -> float:
    try:
        return parse_instant(int(text) if text.isdecimal() else text)
    except ValueError as wrong:
        raise invalid("at", str(wrong)) from None


def _holding(own: PriceBook, book: PriceBook, model: str, payees: tuple[str, ...], at: float) -> list[Price]:
    """Of each chain the one that holds at `at`: the tenant's first, then what was set here, then the published."""
    chains = (chain for prices in (own, book) for chain in prices.chains(model, payees))
    return [price for chain in chains if (price := next((it for it in chain if it.holds(at)), None)) is not None]


async def _row(unit: Unit, tenant_id: str | None, version: str) -> PriceRow | None:
    return await unit.fetch(PriceRow, tenant_id, version) or await unit.fetch(PriceRow, None, version)


ROUTES: Final = (
    Route("GET", "/prices", list_prices, Permission.READ),
    Route("POST", "/prices", create_price, Permission.CHANGE, status=201),
    Route("GET", "/prices/find", find_price, Permission.READ),
    Route("GET", "/prices/{row_id}", read_price, Permission.READ),
    Route("DELETE", "/prices/{row_id}", delete_price, Permission.CHANGE),
)
