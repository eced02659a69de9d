"""Prices: data with dates. A price that was ever in force is never changed or deleted, because bills rest on it; a
new one is a new row, and one that has not begun yet may still be taken back.

Without a tenant they are the book's, which holds for everybody; a tenant's own price beats it.
"""

from typing import Final, Literal

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.changes import Change
from ai_gateway.admin.desk import WideDesk
from ai_gateway.admin.fields import Body, Text
from ai_gateway.admin.instants import Instant, show_instant
from ai_gateway.admin.lookup import deleted, fetch
from ai_gateway.admin.money import PerMillion, show_price
from ai_gateway.admin.paging import Paged, list_rows
from ai_gateway.admin.refusals import conflict
from ai_gateway.admin.routing import Route
from ai_gateway.store.rows import PriceRow, new_id

Source = Literal["tenant", "book"]


class PriceBody(Body):
    """Dollars per million tokens. `provider` null: any provider type. `effective_from` null: now."""

    model: Text
    provider: Literal["openai", "anthropic", "openai_compatible", "mock"] | None = None
    input_per_million_usd: PerMillion
    output_per_million_usd: PerMillion
    cache_read_per_million_usd: PerMillion | None = None
    cache_write_per_million_usd: PerMillion | None = None
    effective_from: Instant | None = None


async def list_prices(desk: WideDesk, page: Paged, source: Source = "tenant") -> Answer:
    """The tenant's own prices, or the book's (`source=book`, and for a platform admin who names no tenant)."""
    scope = None if source == "book" else desk.tenant_id
    async with desk.reading() as unit:
        return await list_rows(unit, PriceRow, scope, page, describe)


async def create_price(desk: WideDesk, body: PriceBody) -> Answer:
    """A new price; of the book where a platform admin names no tenant."""
    async with desk.changing() as change:
        row = await place(change, desk.tenant_id, body)
    return describe(row)


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
    row = PriceRow(
        id=new_id(PriceRow.prefix, change.now),
        tenant_id=tenant_id,
        created_at=change.now,
        model=body.model,
        provider=body.provider,
        input_pico=body.input_per_million_usd,
        output_pico=body.output_per_million_usd,
        cache_read_pico=body.cache_read_per_million_usd,
        cache_write_pico=body.cache_write_per_million_usd,
        effective_from=change.now if body.effective_from is None else body.effective_from,
    )
    await change.insert(row)
    return row


def describe(row: PriceRow) -> Answer:
    return {
        "id": row.id,
        "model": row.model,
        "provider": row.provider,
        "input_per_million_usd": show_price(row.input_pico),
        "output_per_million_usd": show_price(row.output_pico),
        "cache_read_per_million_usd": None if row.cache_read_pico is None else show_price(row.cache_read_pico),
        "cache_write_per_million_usd": None if row.cache_write_pico is None else show_price(row.cache_write_pico),
        "effective_from": show_instant(row.effective_from),
        "source": "book" if row.tenant_id is None else "tenant",
        "created_at": show_instant(row.created_at),
    }


ROUTES: Final = (
    Route("GET", "/prices", list_prices, Permission.READ),
    Route("POST", "/prices", create_price, Permission.CHANGE, status=201),
    Route("GET", "/prices/{row_id}", read_price, Permission.READ),
    Route("DELETE", "/prices/{row_id}", delete_price, Permission.CHANGE),
)
