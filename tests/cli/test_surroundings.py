from pathlib import Path

import pytest
import typer

from ai_gateway.cli.screen import Screen
from ai_gateway.cli.surroundings import admin_api, read_offline_settings
from support.admin_server import AdminServer


def test_offline_settings_ask_neither_where_to_listen_nor_for_secrets(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@h/n")
    Path(".env").write_text("HOST=192.168.0.1\nAI_GATEWAY_DATA_DIR=elsewhere\n")
    settings = read_offline_settings(Screen(as_json=False))
    assert settings.data_dir == Path("elsewhere")
    assert settings.database_url is not None


def test_offline_settings_that_are_wrong_end_the_command(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://h/n")
    with pytest.raises(typer.Exit) as ended:
        read_offline_settings(Screen(as_json=False))
    assert ended.value.exit_code == 3


def test_the_tenant_that_is_named_wins_over_the_environments(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch, gateway: AdminServer
) -> None:
    gateway.answers["GET /api/v1/admin/teams"] = (200, {})
    monkeypatch.setenv("AI_GATEWAY_URL", gateway.url)
    monkeypatch.setenv("AI_GATEWAY_TENANT", "ten_1")
    admin_api(Screen(as_json=False), None).get("teams")
    admin_api(Screen(as_json=False), "ten_2").get("teams")
    assert [seen.headers["x-tenant-id"] for seen in gateway.seen] == ["ten_1", "ten_2"]


def test_an_address_that_is_none_ends_the_command(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_GATEWAY_URL", "gateway:8000")
    with pytest.raises(typer.Exit) as ended:
        admin_api(Screen(as_json=False), None)
    assert ended.value.exit_code == 4
