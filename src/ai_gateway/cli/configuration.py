"""`ai-gateway config`: a tenant's configuration as a file that lives in version control.

The gateway judges, compares and applies; this end only reads the file, resolves `${ENV}` and shows the answer. What
would happen and what happened are therefore told by the same code.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from ai_gateway.cli.admin_api import Refused, Unreachable
from ai_gateway.cli.document import DocumentError, read_document, write_document
from ai_gateway.cli.screen import ENCODER, EXIT_CODES, AsJson, Exit, Screen
from ai_gateway.cli.surroundings import admin_api, read_variables

app = typer.Typer(
    name="config",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Validate, compare, apply and export a tenant's configuration as one YAML or JSON file.",
    epilog=EXIT_CODES,
)

LONGEST_VALUE: Final = 100

File = Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON; - is standard input or output.")]
Tenant = Annotated[str | None, typer.Option(help="Tenant id, for a platform admin; otherwise AI_GATEWAY_TENANT.")]
Prune = Annotated[bool, typer.Option("--prune", help="Also delete what the file does not name.")]


@app.command()
def validate(file: File, *, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Would the running gateway take this file? Changes nothing.

    Example: `ai-gateway config validate gateway.yaml`
    """
    screen = Screen(as_json=as_json)
    answer = _send(screen, "validate", _read(screen, file), tenant)
    screen.answer(answer, "The configuration is valid.")


@app.command()
def diff(file: File, *, tenant: Tenant = None, prune: Prune = False, as_json: AsJson = False) -> None:
    """What applying this file would create, update and delete, and what would change in it. Changes nothing.

    Example: `ai-gateway config diff gateway.yaml`
    """
    screen = Screen(as_json=as_json)
    answer = _send(screen, "diff", _with_prune(_read(screen, file), prune=prune), tenant)
    screen.answer(answer, _describe(answer, "Nothing would change."))


@app.command("apply")
def apply_file(file: File, *, tenant: Tenant = None, prune: Prune = False, as_json: AsJson = False) -> None:
    """Make the running gateway's configuration what this file says: all of it, or nothing.

    `${NAME}` in a value is taken from this shell's environment or .env; an unset one is an error.

    Example: `OPENAI_KEY=sk-... ai-gateway config apply gateway.yaml`
    """
    screen = Screen(as_json=as_json)
    document = _with_prune(_read(screen, file), prune=prune)
    with screen.working("Applying ..."):
        answer = _send(screen, "apply", document, tenant)
    screen.answer(answer, _describe(answer, "Nothing had to change."))


@app.command()
def export(file: File = "-", *, tenant: Tenant = None, as_json: AsJson = False) -> None:
    """Write the running gateway's configuration to a file, without secrets.

    Example: `ai-gateway config export gateway.yaml`
    """
    screen = Screen(as_json=as_json)
    try:
        document = admin_api(screen, tenant).get("config", "export")
    except Unreachable as error:
        screen.stop(Exit.UNREACHABLE, [str(error)])
    except Refused as error:
        screen.stop(Exit.FAILED, [str(error)])
    if file == "-":
        screen.answer(document, write_document(document).rstrip())
        return
    try:
        Path(file).write_text(write_document(document), encoding="utf-8")
    except OSError as error:
        screen.stop(Exit.FAILED, [f"Cannot write {file}: {error.strerror}."])
    screen.answer({"ok": True, "file": file}, f"Written to {file}.")


def _read(screen: Screen, file: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return read_document(text, read_variables())
    except OSError as error:
        screen.stop(Exit.USAGE, [f"Cannot read {file}: {os.strerror(error.errno or 0)}."])
    except UnicodeDecodeError:
        screen.stop(Exit.REFUSED, [f"{file} is not UTF-8 text."])
    except DocumentError as error:
        screen.stop(Exit.REFUSED, error.problems)


def _with_prune(document: dict[str, Any], *, prune: bool) -> dict[str, Any]:
    return {**document, "prune": True} if prune else document


def _send(screen: Screen, verb: str, document: dict[str, Any], tenant: str | None) -> Any:
    try:
        return admin_api(screen, tenant).post("config", verb, body=document)
    except Unreachable as error:
        screen.stop(Exit.UNREACHABLE, [str(error)])
    except Refused as error:
        screen.stop(Exit.REFUSED if error.is_about_the_document else Exit.FAILED, [str(error)])


def _describe(answer: Any, otherwise: str) -> str:
    lines = [
        line
        for part, sign in (("created", "+"), ("updated", "~"), ("deleted", "-"))
        for item in answer.get(part) or ()
        for line in (f"{sign} {_name(item)}", *_changes(item))
    ]
    lines += [f"! {warning}" for warning in answer.get("warnings") or ()]
    return "\n".join(lines) or otherwise


def _name(item: object) -> str:
    if isinstance(item, dict):
        return " ".join(
            str(part) for part in cast("dict[str, object]", item).values() if isinstance(part, str) and part
        )
    return str(item)


def _changes(item: object) -> Iterator[str]:
    """For example:     rules[0].max: 0.8 -> 0.5"""
    if isinstance(item, dict):
        for change in cast("dict[str, list[dict[str, object]]]", item).get("changes") or ():
            yield f"    {change['path']}: {_value(change['before'])} -> {_value(change['after'])}"


def _value(value: object) -> str:
    text = "nothing" if value is None else ENCODER.encode(value).decode()
    return f"{text[:LONGEST_VALUE]}..." if len(text) > LONGEST_VALUE else text
