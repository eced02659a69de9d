"""A published book as it is shipped and as it becomes rows of the price table.

The rows' ids are made of what they say, so that seeding twice, or from two processes at once, is seeding once; and a
price that did not change from one edition to the next is one row.
"""

import hashlib
from importlib import resources
from typing import Any, Final

import msgspec

from ai_gateway.store.records import Store
from ai_gateway.store.rows import PriceRow

SHIPPED: Final = "price_book.json"


class PublishedPrice(msgspec.Struct, frozen=True, omit_defaults=True):
    """As a PriceRow has it: pico-dollars; `lanes` and those of tiers and services as `rates_of` names them."""

    model: str
    provider: str
    lanes: dict[str, int]
    effective_from: int = 0
    tiers: tuple[dict[str, int], ...] = ()
    service_tiers: dict[str, Any] = {}
    hours: dict[str, int] | None = None
    match: dict[str, Any] | None = None


class Edition(msgspec.Struct, frozen=True):
    """`name` says whose it is and which: "genai-prices 0.2.3"."""

    name: str
    prices: tuple[PublishedPrice, ...]


def shipped_edition() -> Edition:
    return msgspec.json.decode((resources.files("ai_gateway.store") / SHIPPED).read_bytes(), type=Edition)


def row_of(price: PublishedPrice, edition: str, now: float) -> PriceRow:
    content = hashlib.sha256(msgspec.json.encode(price, order="sorted")).hexdigest()
    return PriceRow(
        id=f"{PriceRow.prefix}_{price.effective_from * 1000:012x}{content[:16]}",
        tenant_id=None,
        created_at=now,
        model=price.model,
        provider=price.provider,
        effective_from=float(price.effective_from),
        **{f"{lane}_pico": pico for lane, pico in price.lanes.items()},  # type: ignore[arg-type]
        tiers=price.tiers,
        service_tiers=price.service_tiers,
        hours=price.hours,
        match=price.match,
        edition=edition,
    )


async def seed_book(store: Store, now: float) -> int:
    """The shipped edition, where the book is empty; how many prices it has. A book that somebody began is left alone:
    `ai-gateway prices update` shows what would change in it."""
    async with store.begin() as unit:
        if await unit.page(PriceRow, None, limit=1):
            return 0
        edition = shipped_edition()
        added = await unit.insert_missing([row_of(it, edition.name, now) for it in edition.prices])
        await unit.bump(None, PriceRow.noun, "")
    return added
