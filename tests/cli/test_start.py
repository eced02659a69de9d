import json
from pathlib import Path

import pytest

from ai_gateway.store.schema import HEAD
from cli.conftest import Run


def test_serve_refuses_missing_secrets_with_all_of_them_named(run: Run) -> None:
    done = run("serve", "--port", "0")
    assert done.exit_code == 3
    assert "AI_GATEWAY_ENCRYPTION_KEY" in done.stderr
    assert "AI_GATEWAY_ADMIN_TOKEN" in done.stderr


def test_an_option_wins_over_the_environment(run: Run) -> None:
    done = run("dev", "--host", "0.0.0.0", HOST="127.0.0.1")
    assert done.exit_code == 3
    assert "HOST is not loopback" in done.stderr


@pytest.mark.parametrize("arguments", [["--port", "65536"], ["--port", "eighty"], ["--no-such-option"]])
def test_wrong_options_are_wrong_usage(run: Run, arguments: list[str]) -> None:
    assert run("serve", *arguments).exit_code == 2


def test_migrate_goes_up_checks_and_goes_down(run: Run) -> None:
    assert run("migrate", "--check", "--json").exit_code == 1
    assert not Path("data").exists()
    up = run("migrate", "--json")
    assert (up.exit_code, json.loads(up.stdout)) == (0, {"ok": True, "version": HEAD})
    assert run("migrate", "--check").exit_code == 0
    assert run("migrate", "--to", "base").exit_code == 0
    assert run("migrate", "--check").exit_code == 1
    assert run("migrate", "--to", HEAD).exit_code == 0
    assert run("migrate", "--check").exit_code == 0


def test_migrate_does_not_ask_what_only_a_listening_process_needs(run: Run) -> None:
    assert run("migrate", HOST="0.0.0.0").exit_code == 0


def test_migrate_says_that_a_database_is_away_and_not_its_password(run: Run) -> None:
    done = run("migrate", DATABASE_URL="postgresql://u:pass-word@127.0.0.1:1/n")
    assert done.exit_code == 4
    assert "pass-word" not in done.output


def test_migrate_refuses_a_version_that_nobody_knows(run: Run) -> None:
    assert run("migrate").exit_code == 0
    done = run("migrate", "--to", "9999")
    assert done.exit_code == 3
    assert "9999" in done.stderr
