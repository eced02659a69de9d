"""`ai-gateway doctor`: one line for each thing that has to be true, and what to do where it is not.

Each check looks at one thing and never stops the next one, so that a broken installation is described at once and
not one failure after the other. A check that could not look says so; it never counts as healthy.
"""

import errno
import os
import socket
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from ai_gateway.cli.admin_api import AdminApi, Refused, Unreachable
from ai_gateway.cli.screen import AsJson, Exit, Screen
from ai_gateway.cli.variables import gateway_url, read_dotenv, read_variables
from ai_gateway.domain.secret import Secret
from ai_gateway.settings import ModeName, Settings, SettingsError, load

OLDEST_PYTHON: Final = (3, 11)


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(msgspec.Struct, frozen=True):
    check: str
    level: Level
    text: str
    todo: str | None = None


class For(StrEnum):
    """Which way of starting is asked about."""

    DEVELOPMENT = "development"
    SERVE = "serve"


def doctor(
    *,
    mode: Annotated[For, typer.Option(help="Which way of starting is asked about.")] = For.DEVELOPMENT,
    as_json: AsJson = False,
) -> None:
    """Look at everything that the gateway needs, and say what to do about what is not right.

    Examples: `ai-gateway doctor`, `ai-gateway doctor --mode serve --json`
    """
    screen = Screen(as_json=as_json)
    findings = examine(mode.value, os.environ, read_dotenv(), read_variables())
    failed = [finding for finding in findings if finding.level is Level.FAIL]
    screen.answer(
        {"ok": not failed, "mode": mode.value, "checks": findings}, "\n".join(_as_line(finding) for finding in findings)
    )
    if failed:
        raise typer.Exit(Exit.REFUSED if any(finding.check == "settings" for finding in failed) else Exit.FAILED)


def examine(
    mode: ModeName, environ: Mapping[str, str], dotenv: Mapping[str, str], variables: Mapping[str, str]
) -> list[Finding]:
    findings = [check_python(sys.version_info[:2])]
    try:
        settings = load(mode, environ, dotenv)
    except SettingsError as error:
        return [*findings, *(Finding("settings", Level.FAIL, problem) for problem in error.problems)]
    url = gateway_url(variables)
    gateway = check_gateway(url)
    rules = [check_rules(url, variables)] if gateway.level is Level.OK else []
    return [
        *findings,
        Finding("settings", Level.OK, f"complete for {mode}"),
        check_data_folder(settings.data_dir, os.access),
        check_database(settings),
        check_port(settings.hosts, settings.port, gateway.level),
        gateway,
        *rules,
    ]


def check_python(version: tuple[int, int]) -> Finding:
    text = ".".join(map(str, version))
    if version >= OLDEST_PYTHON:
        return Finding("python", Level.OK, text)
    return Finding("python", Level.FAIL, text, f"Use Python {'.'.join(map(str, OLDEST_PYTHON))} or newer.")


def check_data_folder(folder: Path, may: Callable[[Path, int], bool]) -> Finding:
    """The folder itself, or where it would be made: nothing is created by looking. `may` is os.access."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        return Finding("data folder", Level.FAIL, f"{place} is not a folder", "Set AI_GATEWAY_DATA_DIR to one.")
    if not may(place, os.W_OK | os.X_OK):
        todo = f"Make {place} writable for this user, or set AI_GATEWAY_DATA_DIR."
        return Finding("data folder", Level.FAIL, f"{place} cannot be written to", todo)
    return Finding("data folder", Level.OK, f"{folder}{'' if folder.exists() else ' will be made at the first start'}")


def check_database(settings: Settings) -> Finding:
    from ai_gateway.cli import database

    try:
        place = database.place(settings)
        version = database.schema_version(place)
    except (ValueError, database.Unreachable) as error:
        return Finding("database", Level.FAIL, str(error), "Start it, or correct DATABASE_URL.")
    if not place.has_data:
        return Finding("database", Level.OK, "SQLite in the data folder, made at the first start")
    if version == database.HEAD:
        return Finding("database", Level.OK, f"{place.name}, schema {version}")
    text = f"{place.name} has schema {version or 'none'}, this version's is {database.HEAD}"
    return Finding("database", Level.WARN, text, "It is migrated at the next start, or by `ai-gateway migrate`.")


def check_port(hosts: tuple[str, ...], port: int, gateway: Level) -> Finding:
    """A port that is taken is well where the gateway itself answers, and otherwise somebody else's."""
    for host in hosts:
        problem = _try_to_listen(host, port)
        if problem == errno.EADDRINUSE and gateway is not Level.OK:
            return Finding("port", Level.FAIL, f"{host} port {port} is taken", "Stop what listens there, or set PORT.")
        if problem == errno.EACCES:
            return Finding("port", Level.FAIL, f"port {port} needs privileges", "Set PORT to 1024 or above.")
    return Finding("port", Level.OK, f"{port}{' is the gateway' if gateway is Level.OK else ' is free'}")


def _try_to_listen(host: str, port: int) -> int | None:
    """The error number of binding there. An address that this machine does not have (no IPv6) is nobody's problem."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
    except OSError as error:
        return error.errno
    return None


def check_gateway(url: str) -> Finding:
    try:
        status, text = AdminApi(url, token=None, tenant_id=None).readiness()
    except Unreachable as error:
        return Finding("gateway", Level.WARN, f"nothing answers at {url}", str(error))
    if status == 200:
        return Finding("gateway", Level.OK, f"ready at {url}")
    return Finding("gateway", Level.WARN, f"{url} answers {status}: {text[:200]}", "See its log for the cause.")


def check_rules(url: str, variables: Mapping[str, str]) -> Finding:
    """Stored rules that this version cannot compile: what they are for is refused until somebody mends them."""
    token = variables.get("AI_GATEWAY_ADMIN_TOKEN")
    api = AdminApi(url, None if token is None else Secret(token.strip()), variables.get("AI_GATEWAY_TENANT"))
    try:
        broken = [row for noun in ("tenants", "routes") for row in api.list_all(noun) if "rules_broken" in row]
    except (Unreachable, Refused) as error:
        todo = "Set AI_GATEWAY_ADMIN_TOKEN, and AI_GATEWAY_TENANT to a tenant's id."
        return Finding("rules", Level.WARN, f"could not be looked at: {error}", todo)
    if not broken:
        return Finding("rules", Level.OK, "all of them can be done")
    first = broken[0]
    text = f"{len(broken)} cannot be done, as that of {first['name']}: {first['rules_broken']}"
    return Finding("rules", Level.FAIL, text, "Its requests are refused. Correct the rules, or take them out.")


def _as_line(finding: Finding) -> str:
    line = f"{finding.level:<5} {finding.check:<12} {finding.text}"
    return f"{line}\n      {'':<12} -> {finding.todo}" if finding.todo else line
