"""Rows of prices become the book that the data plane looks things up in."""

from collections.abc import Iterable, Mapping
from typing import Any

from ai_gateway.domain.chat import ServiceTier
from ai_gateway.domain.config import Price, PriceBook
from ai_gateway.domain.model_match import clause_of
from ai_gateway.domain.prices import Hours, Rates, Schedule, Step, rates_of
from ai_gateway.store.rows import PriceRow

LANES = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "request",
)
"""The lanes of a row and of the steps in it, as `rates_of` names them; a row's column has `_pico` behind it."""


def compile_prices(rows: Iterable[PriceRow], ceiling: Price | None = None, before: Iterable[Price] = ()) -> PriceBook:
    """Rows are never changed, so a price that was compiled `before` is taken as it is: a new price among three thousand
    is not to hold up a request."""
    known = {price.version: price for price in before}
    return PriceBook((known.get(row.id) or price_of(row) for row in rows), ceiling)


def price_of(row: PriceRow) -> Price:
    lanes = {lane: getattr(row, f"{lane}_pico") for lane in LANES}
    return Price(
        version=row.id,
        model=row.model,
        provider=row.provider,
        standard=_schedule({**lanes, "tiers": row.tiers}),
        effective_from=row.effective_from,
        services={ServiceTier(name): _schedule(said) for name, said in row.service_tiers.items()},
        hours=None if row.hours is None else Hours(row.hours["from"], row.hours["until"]),
        match=None if row.match is None else clause_of(row.match),
        edition=row.edition,
    )


def ceiling_of(lanes: Mapping[str, int] | None, version: str) -> Price | None:
    """A declared ceiling as a price: always in force, for any model."""
    if lanes is None:
        return None
    return Price(version=version, model="", provider=None, standard=Schedule(rates_of(**lanes)), effective_from=0.0)


def _schedule(said: Mapping[str, Any]) -> Schedule:
    steps = sorted(
        (Step(above_input_tokens=step["above_input_tokens"], rates=_rates(step)) for step in said.get("tiers", ())),
        key=lambda step: step.above_input_tokens,
    )
    return Schedule(rates=_rates(said), steps=tuple(steps))


def _rates(said: Mapping[str, Any]) -> Rates:
    return rates_of(**{lane: said[lane] for lane in LANES if lane in said})
