"""`ai-gateway rules preview`: what a route's rules would do to a request in a file, without sending it anywhere.

The gateway does the rules; this end reads the files and tells the answer, a line a rule and a line a change.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from ai_gateway.cli.admin_api import Refused, Unreachable
from ai_gateway.cli.configuration import Tenant
from ai_gateway.cli.screen import EXIT_CODES, AsJson, Exit, Screen
from ai_gateway.cli.surroundings import admin_api

app = typer.Typer(
    name="rules",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="See what the rules of a route do.",
    epilog=EXIT_CODES,
)

LONGEST_SHOWN: Final = 200

File = Annotated[str, typer.Argument(metavar="FILE", help="The request as its caller sends it; - is standard input.")]
Operation = Annotated[
    str, typer.Option(help="chat, messages, count_tokens, responses, embeddings, completions or images.")
]
Key = Annotated[str | None, typer.Option(help="Whose request it is: an API key's id or name.")]
Used = Annotated[int | None, typer.Option("--budget-used", help="As if so many per cent of the budget were used.")]
RulesFile = Annotated[str | None, typer.Option("--rules", help="A list of rules to try instead of the stored ones.")]
Response = Annotated[str | None, typer.Option(help="An answer to show the rules of answers on.")]


@app.command(epilog=EXIT_CODES)
def preview(
    route: Annotated[str, typer.Argument(help="A route, a pool or a model.")],
    file: File,
    *,
    operation: Operation = "chat",
    key: Key = None,
    rules: RulesFile = None,
    response: Response = None,
    budget_used: Used = None,
    tenant: Tenant = None,
    as_json: AsJson = False,
) -> None:
    """A request before and after the rules, rule by rule. Nothing is sent to any provider.

    Example: `ai-gateway rules preview assistant request.json`
    """
    screen = Screen(as_json=as_json)
    asked = {
        "request": _read(screen, file),
        "operation": operation,
        "key": key,
        "rules": None if rules is None else _read(screen, rules),
        "response": None if response is None else _read(screen, response),
        "budget_used_percent": budget_used,
    }
    body = {name: value for name, value in asked.items() if value is not None}
    try:
        answer = admin_api(screen, tenant).post("routes", route, "preview", body=body)
    except Unreachable as error:
        screen.stop(Exit.UNREACHABLE, [str(error)])
    except Refused as error:
        screen.stop(Exit.REFUSED if error.is_about_the_document else Exit.FAILED, [str(error)])
    screen.answer(answer, "\n".join(tell(answer)))


def tell(answer: dict[str, Any]) -> list[str]:
    """The answer of the preview as lines."""
    lines: list[str] = []
    for rule in answer["rules"]:
        lines += _rule(rule)
    if answer["ends"] is not None:
        return [*lines, f"The request ends here: {answer['ends']['why']}"]
    goes_to = answer["goes_to"]
    members = ", ".join(f"{it['endpoint']} ({it['model']})" for it in goes_to["candidates"]) or "nobody"
    return [*(lines or ["There are no rules."]), f"It asks for {answer['model']}, which is served by: {members}"]


def _rule(rule: dict[str, Any]) -> list[str]:
    named = f" {rule['name']!r}" if rule["name"] else ""
    sign = "x" if rule["ends"] else "*" if rule["changes"] else "-"
    why = f": {rule['why']}" if rule["why"] else ""
    found = [f"    {note}" for note in rule["found"]]
    return [
        f"{sign} {rule['number']} {rule['do']} on {rule['on']}{named}{why}",
        *found,
        *(f"    {_change(it)}" for it in rule["changes"]),
    ]


def _change(change: dict[str, Any]) -> str:
    if "before" not in change:
        return f"+ {change['path']} = {_short(change['after'])}"
    if "after" not in change:
        return f"- {change['path']} = {_short(change['before'])}"
    return f"~ {change['path']} = {_short(change['before'])} -> {_short(change['after'])}"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _read(screen: Screen, file: str) -> Any:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return cast("object", json.loads(text))
    except OSError as error:
        screen.stop(Exit.USAGE, [f"Cannot read {file}: {os.strerror(error.errno or 0)}."])
    except UnicodeDecodeError:
        screen.stop(Exit.REFUSED, [f"{file} is not UTF-8 text."])
    except ValueError as error:
        screen.stop(Exit.REFUSED, [f"{file} is not JSON: {error}."])
