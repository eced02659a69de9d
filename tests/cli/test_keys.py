import asyncio
import base64
import json
import os
from pathlib import Path

import pytest

from ai_gateway.store.instance_keys import load_or_create_instance_key
from ai_gateway.store.schema import migrate
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.vault import CannotUnseal, KeyVault
from cli.conftest import Run
from support.admin_server import AdminServer

ROW = {
    "id": "key_1",
    "name": "Bot",
    "display": "sk-gw-Ab...yz",
    "enabled": True,
    "team_id": None,
    "user_id": None,
    "expires_at": None,
}


def test_a_new_key_is_on_standard_output_alone(run: Run, gateway: AdminServer) -> None:
    gateway.answers["POST /api/v1/admin/api-keys"] = (201, {"id": "key_1", "key": "sk-gw-new"})
    arguments = ["Bot", "--model", "gpt-4o", "--model", "gpt-4", "--cost-limit-daily", "0.10", "--team", "team_1"]
    done = run("keys", "create", *arguments, AI_GATEWAY_URL=gateway.url, AI_GATEWAY_ADMIN_TOKEN="token")
    assert (done.exit_code, done.stdout) == (0, "sk-gw-new\n")
    assert "key_1" in done.stderr
    assert "sk-gw-new" not in done.stderr
    assert gateway.seen[0].headers["authorization"] == "Bearer token"
    assert gateway.seen[0].body == {
        "name": "Bot",
        "team_id": "team_1",
        "allowed_models": ["gpt-4o", "gpt-4"],
        "cost_limit_daily": "0.10",
    }


def test_keys_are_listed_for_people_and_for_scripts(run: Run, gateway: AdminServer) -> None:
    page = {"data": [ROW], "has_more": False, "next_cursor": None}
    gateway.answers["GET /api/v1/admin/api-keys?limit=200"] = (200, page)
    lines = run("keys", "list", AI_GATEWAY_URL=gateway.url).stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "DISPLAY", "ENABLED", "TEAM_ID", "USER_ID", "EXPIRES_AT"]
    assert lines[1].split() == ["key_1", "Bot", "sk-gw-Ab...yz", "True", "-", "-", "-"]
    assert json.loads(run("keys", "list", "--json", AI_GATEWAY_URL=gateway.url).stdout) == {"data": [ROW]}


def test_a_key_is_rotated_and_revoked_by_its_id(run: Run, gateway: AdminServer) -> None:
    gateway.answers["POST /api/v1/admin/api-keys/key_1/rotate"] = (200, {"id": "key_1", "key": "sk-gw-other"})
    gateway.answers["POST /api/v1/admin/api-keys/key_1/revoke"] = (200, {"id": "key_1"})
    assert run("keys", "rotate", "key_1", AI_GATEWAY_URL=gateway.url).stdout == "sk-gw-other\n"
    assert run("keys", "revoke", "key_1", AI_GATEWAY_URL=gateway.url).stdout == "Revoked key_1.\n"


def test_an_unknown_key_is_a_failure_and_no_gateway_is_another(run: Run, gateway: AdminServer) -> None:
    assert run("keys", "revoke", "key_9", AI_GATEWAY_URL=gateway.url).exit_code == 1
    assert run("keys", "revoke", "key_9", AI_GATEWAY_URL="http://127.0.0.1:1").exit_code == 4


def a_master() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def open_instance_key(folder: Path, master: str) -> bytes:
    """What the gateway of this master would read, made on the first look."""

    async def look() -> bytes:
        engine = open_engine(database_url(None, folder))
        try:
            await migrate(engine)
            return await load_or_create_instance_key(engine, KeyVault(base64.b64decode(master)), "pepper")
        finally:
            await engine.dispose()

    return asyncio.run(look())


def test_a_rotated_master_opens_what_the_old_one_sealed_and_the_old_one_no_longer_does(run: Run) -> None:
    old, new = a_master(), a_master()
    before = open_instance_key(Path(), old)
    variables = {
        "AI_GATEWAY_ENCRYPTION_KEY": new,
        "AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS": old,
        "AI_GATEWAY_DATA_DIR": ".",
    }
    done = run("keys", "rotate-master", "--json", **variables)
    assert (done.exit_code, json.loads(done.stdout)) == (0, {"ok": True, "sealed_anew": 1})
    assert open_instance_key(Path(), new) == before
    with pytest.raises(CannotUnseal):
        open_instance_key(Path(), old)
    assert json.loads(run("keys", "rotate-master", "--json", **variables).stdout)["sealed_anew"] == 0


def test_rotating_with_the_wrong_previous_key_changes_nothing(run: Run) -> None:
    old = a_master()
    before = open_instance_key(Path(), old)
    wrong = {"AI_GATEWAY_ENCRYPTION_KEY": a_master(), "AI_GATEWAY_ENCRYPTION_KEY_PREVIOUS": a_master()}
    done = run("keys", "rotate-master", AI_GATEWAY_DATA_DIR=".", **wrong)
    assert done.exit_code == 1
    assert "Nothing was changed" in done.stderr
    assert open_instance_key(Path(), old) == before


def test_rotating_needs_both_keys(run: Run) -> None:
    assert run("keys", "rotate-master").exit_code == 3
    assert run("keys", "rotate-master", AI_GATEWAY_ENCRYPTION_KEY=a_master()).exit_code == 3
