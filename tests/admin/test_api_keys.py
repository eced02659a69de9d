import re
from typing import Any

import pytest

from admin.world import FOREIGN, NOW, World, digest, without_id
from ai_gateway.store.rows import ApiKeyRow, AuditRow

_WRITTEN = {
    "name": "Test",
    "cost_limit_daily": 0.10,
    "team_id": None,
    "user_id": None,
    "allowed_models": None,
    "expires_at": None,
}


async def test_the_key_line_works_as_written_and_the_key_is_live(world: World) -> None:
    made = await world.made("/api-keys", _WRITTEN)
    assert re.fullmatch(r"sk-gw-[A-Za-z0-9_-]{32,}", made["key"])
    assert made["cost_limit_daily"] == "0.10"
    assert "enforced" not in made
    assert world.snapshot.keys[digest(made["key"].encode())].id == made["id"]


async def test_the_short_line_of_the_product_works_as_written(world: World) -> None:
    answer = await world.call("POST", "/api-keys", {"name": "Test", "cost_limit_daily": 0.10})
    assert answer.status_code == 201


async def test_a_key_is_shown_once_and_kept_nowhere(world: World) -> None:
    made = await world.made("/api-keys", {"name": "k"})
    key = made.pop("key")
    again = await world.call("GET", f"/api-keys/{made['id']}")
    assert again.json() == made
    listed = (await world.call("GET", "/api-keys")).text
    kept = repr(await world.rows(ApiKeyRow)) + repr(await world.rows(AuditRow))
    assert key not in again.text + listed + kept
    assert made["display"] == f"{key[:10]}...{key[-4:]}"


async def test_rotation_gives_a_new_key_and_the_old_one_dies_at_once(world: World) -> None:
    made = await world.made("/api-keys", {"name": "k"})
    rotated = (await world.call("POST", f"/api-keys/{made['id']}/rotate")).json()
    assert rotated["id"] == made["id"]
    assert digest(made["key"].encode()) not in world.snapshot.keys
    assert digest(rotated["key"].encode()) in world.snapshot.keys


@pytest.mark.parametrize(("method", "suffix"), [("POST", "/revoke"), ("DELETE", "")])
async def test_a_revoked_key_is_dead_for_good(world: World, method: str, suffix: str) -> None:
    made = await world.made("/api-keys", {"name": "k"})
    path = f"/api-keys/{made['id']}"
    revoked = (await world.call(method, path + suffix)).json()
    assert revoked["revoked_at"] is not None
    assert revoked["enabled"] is False
    assert world.snapshot.keys == {}
    assert (await world.call(method, path + suffix)).json() == revoked
    assert (await world.call("PATCH", path, {"enabled": True})).status_code == 409
    assert (await world.call("PUT", path, {"name": "k"})).status_code == 409
    assert (await world.call("POST", f"{path}/rotate")).status_code == 409


async def test_a_disabled_key_can_come_back(world: World) -> None:
    made = await world.made("/api-keys", {"name": "k", "enabled": False})
    assert not world.snapshot.keys[digest(made["key"].encode())].enabled
    await world.call("PATCH", f"/api-keys/{made['id']}", {"enabled": True})
    assert world.snapshot.keys[digest(made["key"].encode())].enabled


async def test_an_update_leaves_the_key_itself_alone(world: World) -> None:
    made = await world.made("/api-keys", {"name": "k", "allowed_models": ["a", "b"], "expires_at": NOW + 60})
    path = f"/api-keys/{made['id']}"
    patched = (await world.call("PATCH", path, {"name": "l"})).json()
    assert (patched["name"], patched["allowed_models"]) == ("l", ["a", "b"])
    assert patched["expires_at"] == "2027-01-15T08:01:00Z"  # NOW is 2027-01-15T08:00:00Z
    assert patched["display"] == made["display"]
    replaced = (await world.call("PUT", path, {"name": "m"})).json()
    assert (replaced["allowed_models"], replaced["expires_at"]) == (None, None)


async def test_an_expired_key_can_be_renamed_but_not_given_another_past(world: World) -> None:
    made = await world.made("/api-keys", {"name": "k", "expires_at": NOW + 60})
    world.now += 120
    path = f"/api-keys/{made['id']}"
    assert (await world.call("PATCH", path, {"name": "l"})).status_code == 200
    assert (await world.call("PATCH", path, {"expires_at": NOW + 90})).status_code == 422
    assert (await world.call("PUT", path, {"name": "m", "expires_at": NOW + 60})).status_code == 200


@pytest.mark.parametrize("expires_at", [NOW + 60, int(NOW) + 60, "2030-01-31T00:00:00Z", "2030-01-31T00:00:00+05:30"])
async def test_expiry_is_iso_or_unix_and_answered_in_utc(world: World, expires_at: object) -> None:
    made = await world.made("/api-keys", {"name": "k", "expires_at": expires_at})
    assert made["expires_at"].endswith("Z")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expires_at", NOW - 1),
        ("expires_at", NOW),
        ("expires_at", "2001-01-01T00:00:00Z"),
        ("expires_at", "soon"),
        ("expires_at", 1e300),
        ("cost_limit_daily", -0.01),
        ("cost_limit_monthly", "0.0000000001"),
        ("cost_limit_total", 1e12),
        ("allowed_models", "gpt-4"),
        ("allowed_models", [""]),
        ("allowed_models", ["a", "a"]),
        ("team_id", "team_none"),
        ("user_id", "usr_none"),
        ("department_id", "dep_none"),
        ("enabled", "yes"),
        ("rate_limits", {"requests_per_minute": 0}),
        ("digest", "x"),
        ("key", "sk-gw-mine"),
    ],
)
async def test_a_wrong_field_is_named_and_no_key_is_made(world: World, field: str, value: Any) -> None:
    answer = await world.call("POST", "/api-keys", {"name": "k", field: value})
    assert answer.status_code == 422
    assert answer.json()["error"]["param"].startswith(field)
    assert await world.rows(ApiKeyRow) == []


@pytest.mark.parametrize(
    ("noun", "field"), [("teams", "team_id"), ("users", "user_id"), ("departments", "department_id")]
)
async def test_a_foreign_parent_is_a_missing_one(world: World, noun: str, field: str) -> None:
    foreign = await world.made(f"/{noun}", {"name": "x"}, role="platform", tenant=FOREIGN)
    own = await world.made(f"/{noun}", {"name": "x"})
    answers = [await world.call("POST", "/api-keys", {"name": "k", field: row_id}) for row_id in (foreign["id"], "no")]
    assert without_id(answers[0]) == without_id(answers[1])
    assert (await world.made("/api-keys", {"name": "k", field: own["id"]}))[field] == own["id"]
