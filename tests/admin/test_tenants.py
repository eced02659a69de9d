import pytest

from admin.world import FOREIGN, OWN, World, without_id
from ai_gateway.domain.config import FailedAttempts, QueueLimits
from ai_gateway.store.rows import AdminTokenRow, ApiKeyRow, AuditRow


async def test_a_tenant_lives_its_life(world: World) -> None:
    made = await world.made("/tenants", {"name": "New", "system_grants": ["openai", "openai"]}, role="platform")
    path = f"/tenants/{made['id']}"
    assert made["system_grants"] == ["openai"]
    assert "openai" in next(t for t in world.snapshot.tenants.values() if t.name == "New").endpoints
    patched = (await world.call("PATCH", path, {"enabled": False}, role="platform")).json()
    assert (patched["name"], patched["enabled"], patched["system_grants"]) == ("New", False, ["openai"])
    replaced = (await world.call("PUT", path, {"name": "Newer"}, role="platform")).json()
    assert (replaced["enabled"], replaced["system_grants"]) == (True, [])
    assert (await world.call("DELETE", path, role="platform")).status_code == 200
    assert (await world.call("GET", path, role="platform")).status_code == 404
    assert made["id"] not in world.snapshot.tenants


async def test_b13_a_tenant_says_what_it_books_for_attempts_that_failed(world: World) -> None:
    path = f"/tenants/{OWN}"
    assert (await world.call("GET", path)).json()["failed_attempts"] == "reported"
    patched = await world.call("PATCH", path, {"failed_attempts": "estimated"}, role="platform")
    assert patched.json()["failed_attempts"] == "estimated"
    assert world.snapshot.tenants[OWN].failed_attempts is FailedAttempts.ESTIMATED
    assert (await world.call("PATCH", path, {"failed_attempts": "free"}, role="platform")).status_code == 422


async def test_names_of_tenants_are_unique_over_the_platform(world: World) -> None:
    answer = await world.call("POST", "/tenants", {"name": "Foreign"}, role="platform")
    assert answer.status_code == 409
    assert (await world.call("PATCH", f"/tenants/{OWN}", {"name": "Foreign"}, role="platform")).status_code == 409
    assert (await world.call("PATCH", f"/tenants/{OWN}", {"name": "Own"}, role="platform")).status_code == 200


async def test_a_tenants_people_see_their_own_tenant_alone(world: World) -> None:
    assert [row["id"] for row in (await world.call("GET", "/tenants")).json()["data"]] == [OWN]
    assert (await world.call("GET", f"/tenants/{OWN}", role="viewer")).status_code == 200
    foreign = await world.call("GET", f"/tenants/{FOREIGN}")
    missing = await world.call("GET", "/tenants/ten_none")
    assert foreign.status_code == 404
    assert without_id(foreign) == without_id(missing)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_a_tenants_admin_does_not_change_its_tenant(world: World, method: str) -> None:
    body = None if method == "DELETE" else {"name": "Mine", "system_grants": ["openai"]}
    assert (await world.call(method, f"/tenants/{OWN}", body)).status_code == 403


async def test_a_tenant_with_anything_in_it_is_not_deleted(world: World) -> None:
    await world.made("/teams", {"name": "t"})
    answer = await world.call("DELETE", f"/tenants/{OWN}", role="platform")
    assert answer.status_code == 409
    assert "team: t" in answer.json()["error"]["message"]


async def test_what_is_dead_goes_along_with_its_tenant_and_the_trace_stays(world: World) -> None:
    key = await world.made("/api-keys", {"name": "k"})
    assert (await world.call("DELETE", f"/tenants/{OWN}", role="platform")).status_code == 409
    await world.call("DELETE", f"/api-keys/{key['id']}")
    assert (await world.call("DELETE", f"/tenants/{OWN}", role="platform")).status_code == 200
    assert await world.rows(ApiKeyRow) == []
    assert await world.rows(AdminTokenRow) == []
    assert {row.action for row in await world.rows(AuditRow)} == {"create", "revoke", "delete"}
    assert (await world.call("GET", "/teams")).status_code == 401


async def test_the_default_tenant_is_not_deleted(development: World) -> None:
    assert (await development.call("DELETE", f"/tenants/{OWN}", role=None)).status_code == 409


async def test_a_grant_of_an_unknown_system_config_is_refused(world: World) -> None:
    body = {"name": "x", "system_grants": ["azure"]}
    assert (await world.call("POST", "/tenants", body, role="platform")).status_code == 422


async def test_a_tenant_says_whether_its_responses_are_kept(world: World) -> None:
    path = f"/tenants/{OWN}"
    assert (await world.call("GET", path)).json()["stored_responses"] is True
    patched = (await world.call("PATCH", path, {"stored_responses": False}, role="platform")).json()
    assert patched["stored_responses"] is False
    tenant = next(tenant for tenant in world.snapshot.tenants.values() if tenant.id == OWN)
    assert not tenant.stores_responses
    kept = (await world.call("PATCH", path, {"enabled": True}, role="platform")).json()
    assert kept["stored_responses"] is False


async def test_a_tenant_takes_default_fallbacks_and_a_queue(world: World) -> None:
    path = f"/tenants/{OWN}"
    before = (await world.call("GET", path)).json()
    assert (before["default_fallbacks"], before["queue"]) == ([], None)
    body = {"default_fallbacks": ["spare"], "queue": {"max_waiting": 5}}
    patched = (await world.call("PATCH", path, body, role="platform")).json()
    assert patched["default_fallbacks"] == ["spare"]
    assert patched["queue"] == {"max_waiting": 5, "timeout_seconds": 30.0}
    tenant = next(tenant for tenant in world.snapshot.tenants.values() if tenant.id == OWN)
    assert (tenant.default_fallbacks, tenant.queue) == (("spare",), QueueLimits(5, 30.0))
    kept = (await world.call("PATCH", path, {"enabled": True}, role="platform")).json()
    assert (kept["default_fallbacks"], kept["queue"]) == (patched["default_fallbacks"], patched["queue"])
    cleared = (await world.call("PATCH", path, {"queue": None}, role="platform")).json()
    assert cleared["queue"] is None
    replaced = (await world.call("PUT", path, {"name": "Own"}, role="platform")).json()
    assert replaced["default_fallbacks"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"default_fallbacks": ["a", "a"]},
        {"default_fallbacks": ["a/b"]},
        {"default_fallbacks": "a"},
        {"queue": {"max_waiting": 0}},
    ],
)
async def test_wrong_fallbacks_or_queues_of_a_tenant_are_refused(world: World, body: dict[str, object]) -> None:
    assert (await world.call("PATCH", f"/tenants/{OWN}", body, role="platform")).status_code == 422
