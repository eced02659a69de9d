import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ai_gateway.cli.commands import app


def commands() -> Iterator[list[str]]:
    yield []
    for name, command in walk(typer.main.get_command(app), []):
        if not command.hidden:
            yield name


def walk(command: Any, path: list[str]) -> Iterator[tuple[list[str], Any]]:
    for name, below in getattr(command, "commands", {}).items():
        yield [*path, name], below
        yield from walk(below, [*path, name])


ALL = list(commands())


def test_the_commands_are_those_that_are_documented() -> None:
    assert {" ".join(path) for path in ALL} == {
        "",
        "dev",
        "serve",
        "migrate",
        "config",
        "config validate",
        "config diff",
        "config apply",
        "config export",
        "keys",
        "keys list",
        "keys create",
        "keys rotate",
        "keys revoke",
        "keys rotate-master",
        "doctor",
        "explain",
        "prices",
        "prices show",
        "prices update",
        "rules",
        "rules preview",
        "usage",
        "backup",
        "restore",
        "version",
    }


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_teaches_itself(path: list[str]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], env={"TERM": "dumb", "COLUMNS": "120"})
    assert shown.exit_code == 0
    leaf = path and path not in (["config"], ["keys"], ["prices"], ["rules"])
    if leaf and path != ["keys", "rotate-master"]:
        assert "Example" in shown.output
        assert f"ai-gateway {' '.join(path)}" in shown.output


@pytest.mark.parametrize(
    "path",
    [path for path in ALL if path and path[-1] not in {"dev", "serve", "config", "keys", "prices", "rules"}],
    ids=" ".join,
)
def test_every_command_that_answers_answers_scripts(path: list[str]) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], env={"TERM": "dumb", "COLUMNS": "120"})
    assert "--json" in shown.output


def test_an_unknown_command_is_wrong_usage() -> None:
    assert CliRunner().invoke(app, ["strat"]).exit_code == 2


def test_help_is_shown_without_importing_what_is_slow() -> None:
    code = (
        "import sys; import ai_gateway.cli.commands;"
        "slow = ('fastapi', 'sqlalchemy', 'alembic', 'aiohttp', 'uvicorn', 'cryptography');"
        "print([name for name in slow if name in sys.modules])"
    )
    run = [sys.executable, "-c", code]
    shown = subprocess.run(run, env={"PYTHONPATH": "src"}, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_a_plain_start_does_not_import_the_command_library() -> None:
    code = (
        "import sys; import ai_gateway.cli; sys.argv = ['ai-gateway', 'serve'];\n"
        "try: ai_gateway.cli.main()\n"
        "except SystemExit as ended: print(ended.code, [name for name in ('typer', 'rich') if name in sys.modules])"
    )
    run = [sys.executable, "-c", code]
    shown = subprocess.run(run, env={"PYTHONPATH": "src"}, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "3 []"
