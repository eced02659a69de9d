import asyncio
import json
import os
import socket
from pathlib import Path

import pytest

from ai_gateway.cli.doctor import Level, check_data_folder, check_gateway, check_port, check_python, check_rules
from ai_gateway.store.schema import EMPTY, downgrade, migrate
from ai_gateway.store.session import database_url, open_engine
from cli.conftest import Run
from support.admin_server import AdminServer


def checks_of(output: str) -> dict[str, str]:
    return {finding["check"]: finding["level"] for finding in json.loads(output)["checks"]}


def test_a_clean_folder_is_healthy_and_looking_makes_nothing(run: Run) -> None:
    done = run("doctor", "--json", PORT="0", AI_GATEWAY_URL="http://127.0.0.1:1")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["ok"] is True
    assert checks_of(done.stdout) == {
        "python": "ok",
        "settings": "ok",
        "data folder": "ok",
        "database": "ok",
        "port": "ok",
        "gateway": "warn",
    }
    assert list(Path().iterdir()) == []


def test_people_get_a_line_for_each_check_and_what_to_do(run: Run) -> None:
    lines = run("doctor", PORT="0", AI_GATEWAY_URL="http://127.0.0.1:1").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "ok", "ok", "ok", "ok", "warn", "->"]


def test_refused_settings_are_all_shown_and_end_with_their_own_code(run: Run) -> None:
    done = run("doctor", "--mode", "serve", "--json", PORT="x")
    assert done.exit_code == 3
    assert len([finding for finding in json.loads(done.stdout)["checks"] if finding["level"] == "fail"]) == 3


def test_the_schema_of_a_database_that_is_there_is_judged(run: Run) -> None:
    async def prepare() -> None:
        engine = open_engine(database_url(None, Path()))
        await migrate(engine)
        await engine.dispose()

    async def empty() -> None:
        engine = open_engine(database_url(None, Path()))
        await downgrade(engine, EMPTY)
        await engine.dispose()

    environment = {"PORT": "0", "AI_GATEWAY_DATA_DIR": ".", "AI_GATEWAY_URL": "http://127.0.0.1:1"}
    asyncio.run(prepare())
    assert checks_of(run("doctor", "--json", **environment).stdout)["database"] == "ok"
    asyncio.run(empty())
    assert checks_of(run("doctor", "--json", **environment).stdout)["database"] == "warn"


def test_a_database_that_is_away_fails_without_showing_its_password(run: Run) -> None:
    done = run(
        "doctor", PORT="0", AI_GATEWAY_URL="http://127.0.0.1:1", DATABASE_URL="postgresql://u:pass-word@127.0.0.1:1/n"
    )
    assert done.exit_code == 1
    assert "fail  database" in done.stdout
    assert "pass-word" not in done.output


@pytest.mark.parametrize(("version", "level"), [((3, 10), Level.FAIL), ((3, 11), Level.OK), ((3, 14), Level.OK)])
def test_the_oldest_python_is_3_11(version: tuple[int, int], level: Level) -> None:
    assert check_python(version).level is level


def test_a_data_folder_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert check_data_folder(tmp_path / "file", os.access).level is Level.FAIL
    assert check_data_folder(tmp_path / "file" / "below", os.access).level is Level.FAIL
    assert check_data_folder(tmp_path / "new" / "below", os.access).level is Level.OK


def test_a_data_folder_that_cannot_be_written_fails(tmp_path: Path) -> None:
    finding = check_data_folder(tmp_path / "data", lambda path, _mode: path != tmp_path)
    assert finding.level is Level.FAIL
    assert str(tmp_path) in finding.text


def test_a_taken_port_fails_unless_the_gateway_itself_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert check_port(("127.0.0.1",), port, Level.WARN).level is Level.FAIL
        assert check_port(("127.0.0.1",), port, Level.OK).level is Level.OK
    assert check_port(("127.0.0.1",), port, Level.WARN).level is Level.OK


def test_a_gateway_that_answers_but_is_not_ready_is_a_warning(gateway: AdminServer) -> None:
    gateway.answers["GET /readyz"] = (503, {"ready": False})
    assert check_gateway(gateway.url).level is Level.WARN
    gateway.answers["GET /readyz"] = (200, {"ready": True})
    assert check_gateway(gateway.url).level is Level.OK


def test_rules_that_cannot_be_done_any_more_fail_and_are_named(gateway: AdminServer) -> None:
    def listed(*rows: dict[str, object]) -> tuple[int, dict[str, object]]:
        return 200, {"data": list(rows), "has_more": False, "next_cursor": None}

    gateway.answers["GET /api/v1/admin/tenants?limit=200"] = listed({"name": "Acme"})
    gateway.answers["GET /api/v1/admin/routes?limit=200"] = listed({"name": "bot"})
    assert check_rules(gateway.url, {}).level is Level.OK
    broken = {"name": "bot", "rules_broken": "rules[0].do: must be 'cap'"}
    gateway.answers["GET /api/v1/admin/routes?limit=200"] = listed({"name": "other"}, broken)
    finding = check_rules(gateway.url, {"AI_GATEWAY_ADMIN_TOKEN": "gwa-1"})
    assert finding.level is Level.FAIL
    assert finding.text == "1 cannot be done, as that of bot: rules[0].do: must be 'cap'"


def test_rules_that_nobody_may_look_at_are_not_called_healthy(gateway: AdminServer) -> None:
    gateway.answers["GET /api/v1/admin/tenants?limit=200"] = (401, {"error": {"message": "The token is not valid."}})
    finding = check_rules(gateway.url, {})
    assert finding.level is Level.WARN
    assert "The token is not valid." in finding.text
