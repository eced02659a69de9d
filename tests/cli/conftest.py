from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ai_gateway.cli.commands import app
from support.admin_server import AdminServer, an_admin_server

Run = Callable[..., Result]


@pytest.fixture
def gateway() -> Iterator[AdminServer]:
    with an_admin_server() as server:
        yield server


@pytest.fixture
def run(empty_folder: Path) -> Run:
    """Run a command line in an empty folder; keyword arguments are its environment."""

    def run_command(*arguments: str, given: str | None = None, **environment: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env={"TERM": "dumb", **environment}, input=given)

    return run_command
