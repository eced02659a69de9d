"""The price book that genai-prices publishes, as rows of ours.

Its package is read only here and by the script that makes the edition we ship: importing it costs two thirds of a
second and brings an HTTP client, which no gateway that serves traffic should carry. Whoever wants a newer book than the
shipped one installs a newer genai-prices beside the command line, or downloads its `data.json`.

What it says of tools, searches, seconds of audio and pages is left out: the gateway sees no such units.
"""

import dataclasses
import importlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from ai_gateway.domain.chat import ServiceTier
from ai_gateway.domain.model_match import clause_of, shown
from ai_gateway.store.price_editions import Edition, PublishedPrice

PACKAGE: Final = "genai_prices"

LANES: Final = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image_input",
    "requests_kcount": "request",
}
SERVICES: Final = {
    ("processing", "batch"): ServiceTier.BATCH,
    ("service_tier", "batch"): ServiceTier.BATCH,
    ("service_tier", "flex"): ServiceTier.FLEX,
    ("service_tier", "priority"): ServiceTier.PRIORITY,
    ("service_tier", "fast"): ServiceTier.FAST,
    ("speed", "fast"): ServiceTier.FAST,
}

_BEGINNING: Final = date(1970, 1, 1)


class _Lane(msgspec.Struct, frozen=True):
    """Pico-dollars; `steps` rise: (more tokens than this, pico-dollars)."""

    base: int
    steps: tuple[tuple[int, int], ...] = ()

    def at(self, tokens: int) -> int:
        return [self.base, *(pico for start, pico in self.steps if tokens > start)][-1]


_FREE: Final = _Lane(0)
_Lanes = dict[str, _Lane]
_Usual = tuple[_Lanes, dict[str, Any]]
"""Lanes, and the constraint under which they hold: {"start_date"}, {"start_time", "end_time"} or none."""
_Variant = tuple[ServiceTier, _Lanes, date]


class CannotRead(Exception):
    """The text is for people and says what to do."""


def read_package() -> Edition:
    """The book of the installed genai-prices. Raises CannotRead."""
    try:
        version = str(importlib.import_module(PACKAGE).__version__)
        providers = importlib.import_module(f"{PACKAGE}.data").providers
    except ImportError:
        raise CannotRead(
            "The package genai-prices is not installed here. Install it beside this command "
            "(`pip install genai-prices`), or name a file with --file."
        ) from None
    return Edition(name=f"genai-prices {version}", prices=tuple(convert([_plain(it) for it in providers])))


def read_file(path: Path) -> Edition:
    """An edition that `scripts/make_price_book.py` wrote, or genai-prices' own data.json. Raises CannotRead."""
    try:
        text = path.read_text(encoding="utf-8")
        document: Any = json.loads(text, parse_float=Decimal)
        if isinstance(document, dict):
            return msgspec.json.decode(text, type=Edition)
        return Edition(name=f"genai-prices {path.name}", prices=tuple(convert(document)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotRead(f"{path} is no price book: {error}") from None


def convert(providers: Iterable[Mapping[str, Any]]) -> Iterator[PublishedPrice]:
    """From the published JSON, whose numbers are Decimal or int. Models that are not billed by the token or by the
    request are left out."""
    for provider in providers:
        for model in provider["models"]:
            yield from _prices_of(provider["id"], model)


def _prices_of(provider: str, model: Mapping[str, Any]) -> Iterator[PublishedPrice]:
    """One price for each day on which something changes, and beside it one for each span of hours."""
    said_prices: Any = model["prices"]
    conditional = cast("list[Any]", said_prices) if isinstance(said_prices, list) else [model]
    usual: list[_Usual] = [(_lanes(it["prices"]), it.get("constraint") or {}) for it in conditional]
    variants = list(_variants(model))
    said = shown(clause_of(model["match"]))
    match = None if said == {"equals": model["id"].lower()} else said
    for day in _days(usual, variants):
        place, lanes = _standard(usual, day)
        if not lanes.keys() & {"input", "output", "request"}:
            continue
        price = PublishedPrice(
            model=model["id"],
            provider=provider,
            match=match,
            effective_from=int(datetime.combine(day, time(), UTC).timestamp()),
            lanes={},
        )
        services = _services(lanes, variants, day)
        yield _with(price, lanes, {service.value: _schedule(own) for service, own in services.items()})
        for own, constraint in usual[place + 1 :]:
            if "start_time" in constraint:
                hours = {"from": _second(constraint["start_time"]), "until": _second(constraint["end_time"])}
                yield msgspec.structs.replace(_with(price, own, {}), hours=hours)


def _with(price: PublishedPrice, lanes: _Lanes, services: dict[str, Any]) -> PublishedPrice:
    schedule = _schedule(lanes)
    tiers = schedule.pop("tiers", ())
    return msgspec.structs.replace(price, lanes=schedule, tiers=tiers, service_tiers=services)


def _variants(model: Mapping[str, Any]) -> Iterator[_Variant]:
    for it in cast("list[dict[str, Any]]", model.get("price_variants") or []):
        conditions = list(it["when"].items())
        service = SERVICES.get(conditions[0]) if len(conditions) == 1 else None
        if service is not None:
            yield service, _lanes(it["prices"]), _start(it.get("constraint") or {})


def _days(usual: list[_Usual], variants: list[_Variant]) -> list[date]:
    starts = {_start(constraint) for _, constraint in usual if "start_time" not in constraint}
    return sorted({_BEGINNING} | starts | {start for _, _, start in variants})


def _standard(usual: list[_Usual], day: date) -> tuple[int, _Lanes]:
    """The last one that has begun; the first where none has."""
    found = 0
    for place, (_, constraint) in enumerate(usual):
        if "start_time" not in constraint and _start(constraint) <= day:
            found = place
    return found, usual[found][0]


def _services(lanes: _Lanes, variants: list[tuple[ServiceTier, _Lanes, date]], day: date) -> dict[ServiceTier, _Lanes]:
    """A lane that a service does not name costs there what it costs usually; of two that name it the first counts."""
    found: dict[ServiceTier, _Lanes] = {}
    for service, own, start in variants:
        if start <= day:
            found[service] = {**own, **found.get(service, {})}
    return {service: {**lanes, **own} for service, own in found.items()}


def _schedule(lanes: _Lanes) -> dict[str, Any]:
    """Thresholds may differ from lane to lane; a step of ours names every lane, so there is one at each of them."""
    lanes = {"input": _FREE, "output": _FREE} | lanes
    starts = sorted({start for said in lanes.values() for start, _ in said.steps})
    schedule: dict[str, Any] = {lane: said.base for lane, said in lanes.items()}
    if starts:
        schedule["tiers"] = tuple(
            {"above_input_tokens": start} | {lane: said.at(start + 1) for lane, said in lanes.items()}
            for start in starts
        )
    return schedule


def _lanes(prices: Mapping[str, Any]) -> _Lanes:
    found: _Lanes = {}
    for key, lane in LANES.items():
        said = prices.get(key)
        if isinstance(said, dict):
            tiers = cast("list[dict[str, Any]]", said["tiers"])
            steps = tuple(sorted((int(it["start"]), _pico(key, it["price"])) for it in tiers))
            found[lane] = _Lane(_pico(key, cast(Decimal, said["base"])), steps)
        elif said is not None:
            found[lane] = _Lane(_pico(key, said))
    return found


def _pico(key: str, dollars: Decimal | int) -> int:
    """Dollars per million tokens are micro-dollars a token, so times 10^6; per thousand requests, times 10^9. Some
    published numbers went through a float once (0.30000000000000004): the dust behind nine decimals is taken off before
    what is left of a pico-dollar is rounded up."""
    clean = Decimal(dollars).quantize(Decimal("1e-9"))
    scale = 10**9 if key == "requests_kcount" else 10**6
    return int((clean * scale).to_integral_value(ROUND_CEILING))


def _start(constraint: Mapping[str, Any]) -> date:
    start = constraint.get("start_date")
    if start is None:
        return _BEGINNING
    return start if isinstance(start, date) else date.fromisoformat(start)


def _second(said: Any) -> int:
    at = said if isinstance(said, time) else time.fromisoformat(said)
    if at.tzinfo is not None:
        at = datetime.combine(date(2000, 1, 2), at).astimezone(UTC).time()
    return at.hour * 3600 + at.minute * 60 + at.second


def _plain(value: Any) -> Any:
    """The package's objects as the JSON that it publishes."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("Iterable[Any]", value)]
    if type(value).__name__ == "ModelPrice":
        prices = cast("dict[str, Any]", vars(value))
        return {key: _plain(one) for key, one in prices.items() if not key.startswith("_")}
    if dataclasses.is_dataclass(value):
        named = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {name.rstrip("_"): _plain(one) for name, one in named.items() if name != "extractors"}
    return value
