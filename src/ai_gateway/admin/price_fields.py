"""What a price may say, and how it is said back.

Lanes are dollars per million tokens with at most 6 decimals, which is one pico-dollar a token; the fee of a request has
at most 12. A step for long inputs and a service tier each stand for themselves: a lane that they do not name costs what
their own input or output costs, so that what a price says can be read off it without knowing another.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from ai_gateway.admin.answers import Answer
from ai_gateway.admin.fields import Body, Text
from ai_gateway.admin.instants import Instant, show_instant
from ai_gateway.admin.money import Fee, PerMillion, show_fee, show_price
from ai_gateway.domain.model_match import clause_of
from ai_gateway.providers.vendors import PAYEES
from ai_gateway.store.price_rows import LANES
from ai_gateway.store.rows import PriceRow

FEE: Final = "request"
FIELDS: Final = {lane: "per_request_usd" if lane == FEE else f"{lane}_per_million_usd" for lane in LANES}
"""Lane -> the field that says it."""

_CLOCK: Final = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def _payee(name: str) -> str:
    if name not in PAYEES:
        raise ValueError("must be a provider type (openai, azure_openai, groq ...) or a known vendor.")
    return name


def _clause(said: dict[str, Any]) -> dict[str, Any]:
    clause_of(said)
    return said


class LanesBody(Body):
    input_per_million_usd: PerMillion
    output_per_million_usd: PerMillion
    cache_read_per_million_usd: PerMillion | None = None
    cache_write_per_million_usd: PerMillion | None = None
    cache_write_1h_per_million_usd: PerMillion | None = None
    reasoning_per_million_usd: PerMillion | None = None
    audio_input_per_million_usd: PerMillion | None = None
    audio_output_per_million_usd: PerMillion | None = None
    image_input_per_million_usd: PerMillion | None = None
    per_request_usd: Fee | None = None

    def lanes(self) -> dict[str, int]:
        """Lane -> pico-dollars, as far as it was said."""
        said = {lane: getattr(self, field) for lane, field in FIELDS.items()}
        return {lane: pico for lane, pico in said.items() if pico is not None}


class TierBody(LanesBody):
    """The price of the whole request where its input is longer than this."""

    above_input_tokens: Annotated[int, Field(ge=1, le=1_000_000_000)]

    def stored(self) -> dict[str, int]:
        return {"above_input_tokens": self.above_input_tokens, **self.lanes()}


def _rising(tiers: list[TierBody]) -> list[TierBody]:
    starts = [tier.above_input_tokens for tier in tiers]
    if starts != sorted(set(starts)):
        raise ValueError("must rise: each tier begins above more input tokens than the one before.")
    return tiers


Tiers = Annotated[list[TierBody], Field(max_length=10), AfterValidator(_rising)]


class ScheduleBody(LanesBody):
    """The price of a service tier."""

    tiers: Tiers = Field(default_factory=list[TierBody])

    def stored(self) -> dict[str, Any]:
        lanes: dict[str, Any] = dict(self.lanes())
        return {**lanes, "tiers": [tier.stored() for tier in self.tiers]} if self.tiers else lanes


class HoursBody(Body):
    """A part of each UTC day; `until` before `from` reaches over midnight."""

    start: Annotated[str, StringConstraints(pattern=_CLOCK)] = Field(alias="from")
    until: Annotated[str, StringConstraints(pattern=_CLOCK)]

    def stored(self) -> dict[str, int]:
        return {"from": _seconds(self.start), "until": _seconds(self.until)}


class PriceBody(ScheduleBody):
    """Dollars per million tokens. `provider` null: any; a provider type, or a vendor such as "groq" that an
    `openai_compatible` config leads to. `effective_from` null: now. `match` says which names mean the model; null: its
    own. `hours`: the price holds only then."""

    model: Text
    provider: Annotated[str, AfterValidator(_payee)] | None = None
    effective_from: Instant | None = None
    service_tiers: dict[Literal["flex", "priority", "fast", "batch"], ScheduleBody] = Field(
        default_factory=dict[Literal["flex", "priority", "fast", "batch"], ScheduleBody]
    )
    hours: HoursBody | None = None
    match: Annotated[dict[str, Any], AfterValidator(_clause)] | None = None


class CeilingBody(LanesBody):
    """What a model costs at most whose price nobody knows; declared, because a budget cannot guess."""


def columns_of(body: PriceBody) -> dict[str, Any]:
    """A body as a row's columns, but for its instant."""
    lanes = body.lanes()
    return {
        "model": body.model,
        "provider": body.provider,
        **{f"{lane}_pico": lanes.get(lane) for lane in LANES},
        "tiers": tuple(tier.stored() for tier in body.tiers),
        "service_tiers": {name: schedule.stored() for name, schedule in body.service_tiers.items()},
        "hours": None if body.hours is None else body.hours.stored(),
        "match": body.match,
    }


def said_by(row: PriceRow) -> Answer:
    """A row as the fields of a body, those that are not said left out (but for the first four lanes and the provider,
    which readers of earlier answers look for)."""
    said: Answer = {"model": row.model, "provider": row.provider}
    said |= show_lanes({lane: getattr(row, f"{lane}_pico") for lane in LANES})
    for lane in ("cache_read", "cache_write"):
        said.setdefault(FIELDS[lane], None)
    if row.tiers:
        said["tiers"] = show_tiers(row.tiers)
    if row.service_tiers:
        said["service_tiers"] = {
            name: {**show_lanes(schedule), **({"tiers": show_tiers(schedule["tiers"])} if "tiers" in schedule else {})}
            for name, schedule in row.service_tiers.items()
        }
    if row.hours is not None:
        said["hours"] = {"from": _clock(row.hours["from"]), "until": _clock(row.hours["until"])}
    if row.match is not None:
        said["match"] = row.match
    said["effective_from"] = show_instant(row.effective_from)
    return said


def show_lanes(lanes: Mapping[str, Any]) -> Answer:
    return {
        FIELDS[lane]: show_fee(pico) if lane == FEE else show_price(pico)
        for lane in LANES
        if (pico := lanes.get(lane)) is not None
    }


def show_tiers(tiers: Iterable[Mapping[str, Any]]) -> list[Answer]:
    return [{"above_input_tokens": tier["above_input_tokens"], **show_lanes(tier)} for tier in tiers]


def show_ceiling(lanes: Mapping[str, int] | None) -> Answer | None:
    return None if lanes is None else show_lanes(lanes)


def ceiling_body_of(lanes: Mapping[str, int] | None) -> CeilingBody | None:
    """Rebuilt from what was validated before."""
    if lanes is None:
        return None
    fields: dict[str, Any] = {FIELDS[lane]: lanes.get(lane) for lane in LANES}
    return CeilingBody.model_construct(**fields)


def _seconds(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"
