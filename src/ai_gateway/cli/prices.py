"""`ai-gateway prices`: what a model costs, and a newer price book, through the running gateway.

A book is read here, offline, from the shipped edition, a file or the installed genai-prices, and sent in parts; the
gateway says what would change. Nothing is changed without `--apply`.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from ai_gateway.cli.admin_api import Refused, Unreachable
from ai_gateway.cli.configuration import Tenant
from ai_gateway.cli.screen import EXIT_CODES, AsJson, Exit, Screen, as_table
from ai_gateway.cli.surroundings import admin_api

PART: Final = 250
"""Prices in one request."""
SHOWN: Final = 40

app = typer.Typer(
    name="prices",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="What a model costs and where that comes from; take a newer price book.",
    epilog=EXIT_CODES,
)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="A model's name, as it is sent upstream.")],
    *,
    provider: Annotated[str | None, typer.Option(help="A provider type or a vendor; otherwise all.")] = None,
    at: Annotated[str | None, typer.Option(metavar="ISO8601", help="The instant; otherwise now.")] = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """The prices of a model at an instant, with lanes and tiers, the one that holds first.

    Example: `ai-gateway prices show gpt-4o-2024-08-06 --provider openai`
    """
    screen = Screen(as_json=as_json)
    asked = {"model": model, "provider": provider, "at": at}
    try:
        query: dict[str, str | int] = {name: value for name, value in asked.items() if value is not None}
        found = admin_api(screen, tenant).get("prices", "find", query=query)
    except (Unreachable, Refused) as error:
        screen.stop(Exit.UNREACHABLE if isinstance(error, Unreachable) else Exit.FAILED, [str(error)])
    if not found["data"]:
        screen.stop(Exit.FAILED, [f"Nobody has set a price for '{model}'. Set one with POST /api/v1/admin/prices."])
    screen.answer(found, "\n\n".join(_lines(price) for price in found["data"]))


@app.command()
def update(
    *,
    file: Annotated[Path | None, typer.Option(help="An edition, or genai-prices' own data.json.")] = None,
    package: Annotated[bool, typer.Option("--package", help="The genai-prices that is installed here.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Write what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the book with a newer edition (the one shipped with this version, a file, or the installed package), and
    with `--apply` take what differs, from now on.

    Example: `ai-gateway prices update --file data.json --apply`
    """
    from ai_gateway.cli.published_prices import CannotRead, read_file, read_package
    from ai_gateway.store.price_editions import shipped_edition

    screen = Screen(as_json=as_json)
    try:
        edition = read_file(file) if file is not None else read_package() if package else shipped_edition()
    except CannotRead as error:
        screen.stop(Exit.REFUSED, [str(error)])
    changes: list[dict[str, Any]] = []
    try:
        api = admin_api(screen, None)
        with screen.working(f"Comparing {len(edition.prices)} prices of {edition.name} ..."):
            for part in _parts(edition):
                body = {"edition": edition.name, "prices": part, "dry_run": not apply}
                changes += api.post("prices", "book", body=body)["data"]
    except (Unreachable, Refused) as error:
        screen.stop(Exit.UNREACHABLE if isinstance(error, Unreachable) else Exit.FAILED, [str(error)])
    answer = {"edition": edition.name, "applied": apply, "examined": len(edition.prices), "changes": changes}
    screen.answer(answer, _told(edition.name, changes))
    if changes and not apply:
        screen.remark("Nothing was changed. Add --apply to take these prices.")


def _parts(edition: Any) -> Iterator[list[dict[str, Any]]]:
    """All prices of one model and provider stay together. Vendors that this version does not know are left out: no
    config could lead to them."""
    from ai_gateway.providers.vendors import PAYEES

    part: list[dict[str, Any]] = []
    known = (price for price in edition.prices if price.provider in PAYEES)
    for _, group in groupby(known, key=lambda it: (it.provider, it.model)):
        prices = [_said(price) for price in group]
        if part and len(part) + len(prices) > PART:
            yield part
            part = []
        part += prices
    if part:
        yield part


def _said(price: Any) -> dict[str, Any]:
    """A published price as the admin API takes it. The money is decimal text made from integers."""
    said: dict[str, Any] = {"model": price.model, "provider": price.provider, **_dollars(price.lanes)}
    said["effective_from"] = price.effective_from
    if price.tiers:
        said["tiers"] = [_step(tier) for tier in price.tiers]
    if price.service_tiers:
        said["service_tiers"] = {name: _schedule(own) for name, own in price.service_tiers.items()}
    if price.hours is not None:
        said["hours"] = {name: _clock(second) for name, second in price.hours.items()}
    if price.match is not None:
        said["match"] = price.match
    return said


def _schedule(own: dict[str, Any]) -> dict[str, Any]:
    tiers = {"tiers": [_step(tier) for tier in own["tiers"]]} if "tiers" in own else {}
    return {**_dollars(own), **tiers}


def _step(tier: dict[str, int]) -> dict[str, Any]:
    return {"above_input_tokens": tier["above_input_tokens"], **_dollars(tier)}


def _dollars(lanes: dict[str, Any]) -> dict[str, str]:
    """Per million tokens with six decimals, per request with twelve."""
    said = {
        f"{lane}_per_million_usd": _decimal(pico, 6)
        for lane, pico in lanes.items()
        if lane not in ("request", "tiers", "above_input_tokens")
    }
    return {**said, "per_request_usd": _decimal(lanes["request"], 12)} if "request" in lanes else said


def _decimal(scaled: int, places: int) -> str:
    whole, rest = divmod(scaled, 10**places)
    return f"{whole}.{rest:0{places}d}"


def _clock(second: int) -> str:
    return f"{second // 3600:02d}:{second % 3600 // 60:02d}"


def _lines(price: dict[str, Any]) -> str:
    origin = price["edition"] or ("set for this tenant" if price["source"] == "tenant" else "set here")
    head = f"{price['model']} · {price['provider'] or 'any provider'} · {origin} · since {price['effective_from']}"
    lines = [head, f"  id {price['id']}", *_rates(price, "  ")]
    for name, schedule in price.get("service_tiers", {}).items():
        lines += [f"  service tier {name}", *_rates(schedule, "    ")]
    if "hours" in price:
        lines.append(f"  from {price['hours']['from']} until {price['hours']['until']} UTC")
    return "\n".join(lines)


def _rates(said: dict[str, Any], indent: str) -> list[str]:
    lanes = {
        name.removesuffix("_per_million_usd").replace("_", " "): f"${value} per million tokens"
        for name, value in said.items()
        if name.endswith("_per_million_usd") and value is not None
    }
    if said.get("per_request_usd"):
        lanes["request"] = f"${said['per_request_usd']} each"
    lines = [f"{indent}{lane:<15} {text}" for lane, text in lanes.items()]
    for tier in said.get("tiers", ()):
        lines += [f"{indent}above {tier['above_input_tokens']} input tokens", *_rates(tier, indent + "  ")]
    return lines


def _told(edition: str, changes: list[dict[str, Any]]) -> str:
    if not changes:
        return f"The book is up to date with {edition}."
    rows = [
        {
            "provider": it["provider"],
            "model": it["model"],
            "what": "new" if it["was"] is None else ", ".join(_change(it, name) for name in it["is"]),
        }
        for it in changes[:SHOWN]
    ]
    more = f"\n... and {len(changes) - SHOWN} more (--json has all)" if len(changes) > SHOWN else ""
    return f"{len(changes)} prices differ from {edition}:\n{as_table(rows, ('provider', 'model', 'what'))}{more}"


def _change(change: dict[str, Any], name: str) -> str:
    was, now = change["was"].get(name), change["is"][name]
    short = name.removesuffix("_per_million_usd")
    return f"{short} {was} -> {now}" if isinstance(now, str | None) and isinstance(was, str | None) else short
