"""A newer edition of a published book, taken into ours: `POST /prices/book`, what `ai-gateway prices update` calls.

An edition comes in parts, since three thousand prices checked in one go would hold up the data plane. What it says of a
model is compared with what the published layer of the book says of it now; only what differs becomes a row. The row
begins now, or when the edition says that it will: a price that was in force stays what it was, and who wants history to
follow a correction says so with `POST /prices/rerate` and a price of its own date.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import Field

from ai_gateway.admin.access import Permission
from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import WideDesk
from ai_gateway.admin.fields import Body, Text
from ai_gateway.admin.price_fields import PriceBody, columns_of, said_by
from ai_gateway.admin.routing import Route
from ai_gateway.store.rows import PriceRow, new_id

_COMPARED: Final = tuple(
    name
    for name in PriceRow.__struct_fields__
    if name not in ("id", "tenant_id", "created_at", "effective_from", "edition")
)


class BookBody(Body):
    """`effective_from` of a price is when the edition says that it begins; one that has begun already begins now, if
    it is news. All prices of one model and provider are to be in one part."""

    edition: Text
    prices: Annotated[list[PriceBody], Field(max_length=500)]
    dry_run: bool = True


async def take_edition(desk: WideDesk, body: BookBody) -> Answer:
    """What would change in the book, or (`dry_run` false) what did. The book is everybody's, whoever is named."""
    async with desk.changing() as change:
        known: dict[tuple[str, str | None], list[PriceRow]] = {}
        for provider in {price.provider for price in body.prices}:
            for row in await change.unit.find(PriceRow, None, provider=provider):
                if row.edition is not None:
                    known.setdefault((row.model, row.provider), []).append(row)
        news: list[tuple[PriceRow, PriceRow | None]] = []
        for name, asked in _by_model(body.prices).items():
            news += _news(known.get(name, []), asked, body.edition, change.now)
        if not body.dry_run and news:
            await change.unit.insert_missing([row for row, _ in news])
            first = news[0][0]
            await change.note("edition", first, name=body.edition, prices=len(news))
    return {
        "edition": body.edition,
        "dry_run": body.dry_run,
        "examined": len(body.prices),
        "changed": len(news),
        "data": [_show(row, old) for row, old in news],
    }


def _by_model(prices: Iterable[PriceBody]) -> dict[tuple[str, str | None], list[PriceBody]]:
    found: dict[tuple[str, str | None], list[PriceBody]] = {}
    for price in prices:
        found.setdefault((price.model, price.provider), []).append(price)
    return found


def _news(
    known: list[PriceRow], asked: list[PriceBody], edition: str, now: float
) -> list[tuple[PriceRow, PriceRow | None]]:
    """Of what has begun only the newest counts, of each span of hours; of what is to come, all. With each row the one
    that it follows."""
    begun = {_hours(it): it for it in sorted(asked, key=lambda it: it.effective_from or 0) if _begins(it) <= now}
    coming = [it for it in asked if _begins(it) > now]
    found: list[tuple[PriceRow, PriceRow | None]] = []
    for price in (*begun.values(), *coming):
        starts = max(now, _begins(price))
        columns = columns_of(price)
        old = _in_force(known, columns["hours"], starts)
        if old is None or any(getattr(old, name) != columns.get(name) for name in _COMPARED):
            row_id = new_id(PriceRow.prefix, now)
            row = PriceRow(id=row_id, tenant_id=None, created_at=now, effective_from=starts, edition=edition, **columns)
            found.append((row, old))
    return found


def _begins(price: PriceBody) -> float:
    return price.effective_from or 0.0


def _hours(price: PriceBody) -> tuple[str, str] | None:
    return None if price.hours is None else (price.hours.start, price.hours.until)


def _in_force(known: list[PriceRow], hours: dict[str, int] | None, at: float) -> PriceRow | None:
    rows = [row for row in known if row.hours == hours and row.effective_from <= at]
    return max(rows, key=lambda row: (row.effective_from, row.id), default=None)


def _show(row: PriceRow, old: PriceRow | None) -> Answer:
    before: dict[str, Any] = {} if old is None else said_by(old)
    after = said_by(row)
    names = [name for name in {**before, **after} if name not in ("model", "provider", "effective_from")]
    return {
        "model": row.model,
        "provider": row.provider,
        "effective_from": after["effective_from"],
        "was": {name: before.get(name) for name in names if before.get(name) != after.get(name)} if old else None,
        "is": {name: after.get(name) for name in names if before.get(name) != after.get(name)},
    }


ROUTES: Final = (Route("POST", "/prices/book", take_edition, Permission.OPERATE),)
