"""`ai-gateway usage`: what was used and what it cost, for a terminal, a script or a spreadsheet.

All sums are made by the gateway; this end only shows them. What it prints names the watermark, so that somebody else
can look at the same state: `ai-gateway usage --watermark N`.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn

import typer

from ai_gateway.cli.admin_api import AdminApi, Refused, Unreachable
from ai_gateway.cli.configuration import Tenant
from ai_gateway.cli.screen import AsJson, Exit, Screen
from ai_gateway.cli.surroundings import admin_api

FILTERS = "key_id, team_id, department_id, user_id, tenant_id, model, provider, endpoint, route, credential, outcome"
_NUMBERS = ("requests", "attempts", "errors", "estimated", "input_tokens", "output_tokens")


def usage(
    *,
    by: Annotated[
        str, typer.Option(help="key, team, department, user, tenant, model, provider, route, day ...")
    ] = "day",
    since: Annotated[str | None, typer.Option(metavar="ISO8601", help="Admitted at this instant or later.")] = None,
    until: Annotated[str | None, typer.Option(metavar="ISO8601", help="Admitted before this instant.")] = None,
    where: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=f"Only these: {FILTERS}.")] = None,
    watermark: Annotated[int | None, typer.Option(help="The same state as an earlier answer named.")] = None,
    audit: Annotated[bool, typer.Option("--audit", help="Does everything that says what was spent agree?")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets, every group.")] = False,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """Requests, tokens and cost, in groups.

    Example: `ai-gateway usage --by team,model --since 2026-11-01`
    """
    screen = Screen(as_json=as_json)
    query = _query(screen, where or (), {"by": by, "since": since, "until": until, "watermark": watermark})
    api = admin_api(screen, tenant)
    try:
        if audit:
            _audit(screen, api.get("usage", "audit"))
            return
        if as_csv:
            sys.stdout.write(api.text("usage", query={**query, "format": "csv"}))
            return
        found = _all_pages(api, query)
    except (Unreachable, Refused) as error:
        _stop(screen, error)
    if as_json:
        screen.answer(found, "")
    else:
        show(found)


def show(found: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    first: dict[str, Any] = found["data"][0] if found["data"] else {}
    groups = [name for name in first if name not in found["total"]]
    table = Table(box=None, pad_edge=False, show_footer=bool(groups))
    for name in groups:
        table.add_column(name.removesuffix("_id"), footer="total" if name == groups[0] else "", overflow="fold")
    for name in (*_NUMBERS, "cost_usd"):
        table.add_column(name.replace("_", " "), footer=_shown(found["total"][name]), justify="right")
    for row in found["data"]:
        table.add_row(*(_shown(row[name]) for name in (*groups, *_NUMBERS, "cost_usd")))
    console = Console()
    console.print(table)
    console.print(f"Up to row {found['watermark']} of the ledger, {found['as_of']}.", highlight=False)


def _audit(screen: Screen, found: Mapping[str, Any]) -> None:
    """What was compared, a line each. A difference is a failure, so that a nightly job notices."""
    lines = [_told(check) for check in found["checks"]]
    lines.append(f"Up to row {found['watermark']} of the ledger: {found['cost_nano_usd']:,} nano-dollars.")
    screen.answer(found, "\n".join(lines))
    if not found["agrees"]:
        raise typer.Exit(int(Exit.FAILED))


def _told(check: Mapping[str, Any]) -> str:
    if check["agrees"] is None:
        return f"-        {check['compared']}: {check['reason']}"
    if check["agrees"]:
        return f"agrees   {check['compared']}"
    differs = [f"{check['difference_nano_usd']:+,} nano-dollars"] if "difference_nano_usd" in check else []
    differs += [
        f"{it['scope']} {it['scope_id']} {it['window_id']} {it['difference_nano']:+,} nano-dollars,"
        f" {it['difference_tokens']:+,} tokens, {it['difference_requests']:+,} requests"
        for it in check.get("differences", ())
    ]
    return f"DIFFERS  {check['compared']}: {'; '.join(differs)}"


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _query(screen: Screen, where: Sequence[str], named: Mapping[str, str | int | None]) -> dict[str, str | int]:
    query = {name: value for name, value in named.items() if value is not None}
    for one in where:
        name, equals, value = one.partition("=")
        if not equals or name not in FILTERS.split(", "):
            screen.stop(Exit.USAGE, [f"--where takes NAME=VALUE, with one of {FILTERS}; not {one!r}."])
        query[name] = value
    return query


def _all_pages(api: AdminApi, query: Mapping[str, str | int]) -> dict[str, Any]:
    """One answer with every group; all pages have the first one's watermark."""
    found: dict[str, Any] = api.get("usage", query={**query, "limit": 200})
    while found["has_more"]:
        more = api.get("usage", query={**query, "limit": 200, "cursor": found["next_cursor"]})
        found |= {name: more[name] for name in ("has_more", "next_cursor")} | {"data": found["data"] + more["data"]}
    return found


def _stop(screen: Screen, error: Unreachable | Refused) -> NoReturn:
    screen.stop(Exit.UNREACHABLE if isinstance(error, Unreachable) else Exit.FAILED, [str(error)])
