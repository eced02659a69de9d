from typing import Any

import pytest

from admin.world import FOREIGN, OWN, World, without_id


async def test_a_token_is_shown_once_works_and_dies_when_revoked(world: World) -> None:
    made = await world.made("/tokens", {"role": "viewer", "tenant_id": OWN, "name": "ci"}, role="platform")
    assert made["token"].startswith("gwa-")
    assert (await world.call("GET", "/teams", role=made["token"])).status_code == 200
    listed = await world.call("GET", "/tokens")
    assert made["token"] not in listed.text
    assert (await world.call("DELETE", f"/tokens/{made['id']}")).json()["revoked_at"] is not None
    assert (await world.call("GET", "/teams", role=made["token"])).status_code == 401


async def test_the_platform_makes_platform_tokens(world: World) -> None:
    made = await world.made("/tokens", {"role": "platform_admin", "tenant_id": None, "name": "ops"}, role="platform")
    assert made["tenant_id"] is None
    assert (await world.call("POST", "/tenants", {"name": "x"}, role=made["token"])).status_code == 201
    assert made["id"] in [row["id"] for row in (await world.call("GET", "/tokens", role="platform")).json()["data"]]


@pytest.mark.parametrize("role", ["viewer", "tenant_admin"])
async def test_a_tenants_admin_makes_tokens_of_its_own_tenant(world: World, role: str) -> None:
    assert (await world.made("/tokens", {"role": role, "name": "x"}))["tenant_id"] == OWN
    assert (await world.made("/tokens", {"role": role, "name": "x", "tenant_id": OWN}))["tenant_id"] == OWN


async def test_a_tenants_admin_never_rises_and_never_crosses(world: World) -> None:
    assert (await world.call("POST", "/tokens", {"role": "platform_admin", "name": "x"})).status_code == 403
    foreign = await world.call("POST", "/tokens", {"role": "viewer", "name": "x", "tenant_id": FOREIGN})
    missing = await world.call("POST", "/tokens", {"role": "viewer", "name": "x", "tenant_id": "ten_none"})
    assert foreign.status_code == 422
    assert without_id(foreign) == without_id(missing)
    platforms = await world.made("/tokens", {"role": "platform_admin", "name": "ops"}, role="platform")
    assert (await world.call("DELETE", f"/tokens/{platforms['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "root", "name": "x"}, "role"),
        ({"role": "viewer", "name": "x"}, "tenant_id"),
        ({"role": "viewer", "name": "x", "tenant_id": "ten_none"}, "tenant_id"),
        ({"role": "platform_admin", "name": "x", "tenant_id": OWN}, "tenant_id"),
        ({"role": "viewer", "tenant_id": OWN}, "name"),
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(world: World, body: dict[str, Any], field: str) -> None:
    answer = await world.call("POST", "/tokens", body, role="platform")
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, field)
