from typing import Any

import pytest

from admin.world import FOREIGN, OWN, World, without_id
from ai_gateway.domain.config import Endpoint, QueueLimits, RateLimits
from ai_gateway.store.rows import EnhancedProviderConfig, SecretRow

_WRITTEN: dict[str, Any] = {
    "name": "up-1",
    "provider": "openai",
    "endpoint_url": "http://127.0.0.1:9100/v1",
    "api_key": "sk-0123456789abcd",
    "models": ["gpt-4o-mini"],
    "rate_limits": {"requests_per_minute": 600, "tokens_per_minute": 200000, "max_concurrent": 100},
    "region": "us-east",
    "priority": 0,
    "weight": 1,
    "enabled": True,
}
_BARE = {"name": "up", "provider": "openai", "endpoint_url": "https://a.example/v1", "api_key": "sk-0123456789abcd"}


def _endpoints(world: World) -> dict[str, Endpoint]:
    return dict(next(tenant for tenant in world.snapshot.tenants.values() if tenant.id == OWN).endpoints)


def _key(world: World, name: str) -> str | None:
    key = _endpoints(world)[name].api_key
    return None if key is None else key.reveal()


async def test_the_provider_line_works_as_written(world: World) -> None:
    answer = await world.call("POST", "/providers", _WRITTEN)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["api_key_secret_name"]) == ("up-1", "provider:up-1")
    assert "sk-0123456789abcd" not in answer.text
    assert (made["enforced"], made["not_enforced"]) == (False, ["region"])
    assert _key(world, "up-1") == "sk-0123456789abcd"
    for path in ("/providers/up-1", f"/providers/{made['id']}"):
        assert (await world.call("GET", path)).json() == made
    assert (await world.call("GET", "/providers")).json()["data"] == [made]


async def test_an_existing_name_is_a_409_and_put_replaces(world: World) -> None:
    made = await world.made("/providers", _WRITTEN)
    assert (await world.call("POST", "/providers", _WRITTEN)).status_code == 409
    replaced = await world.call(
        "PUT", f"/providers/{made['id']}", {**_WRITTEN, "weight": 5, "api_key": "sk-new-key-1234"}
    )
    assert replaced.status_code == 200
    assert (replaced.json()["id"], replaced.json()["weight"]) == (made["id"], 5)
    assert _key(world, "up-1") == "sk-new-key-1234"
    assert len(await world.rows(SecretRow)) == 1


async def test_a_refused_name_leaves_the_key_that_is_there_alone(world: World) -> None:
    await world.made("/providers", _BARE)
    await world.call("POST", "/providers", {**_BARE, "api_key": "sk-somebody-elses"})
    assert _key(world, "up") == "sk-0123456789abcd"


async def test_a_patch_changes_what_it_has(world: World) -> None:
    await world.made("/providers", _WRITTEN)
    patched = (await world.call("PATCH", "/providers/up-1", {"weight": 0, "timeouts": {"connect": 2.5}})).json()
    assert (patched["weight"], patched["models"], patched["timeouts"]) == (0, ["gpt-4o-mini"], {"connect": 2.5})
    assert _key(world, "up-1") == "sk-0123456789abcd"
    await world.call("PATCH", "/providers/up-1", {"enabled": False})
    assert "up-1" not in _endpoints(world)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "endpoint_url", ["https://evil.example/v1", "http://a.example/v1", "https://a.example:444/v1", None]
)
async def test_a_key_does_not_follow_a_config_to_another_host(world: World, method: str, endpoint_url: str) -> None:
    await world.made("/providers", _BARE)
    moved = {"name": "up", "provider": "openai", "endpoint_url": endpoint_url}
    for extra in ({}, {"api_key_secret_name": "provider:up"}):
        answer = await world.call(method, "/providers/up", {**moved, **extra})
        assert (answer.status_code, answer.json()["error"]["param"]) == (422, "api_key")
    assert _endpoints(world)["up"].base_url.host == "a.example"
    answer = await world.call(method, "/providers/up", {**moved, "api_key": "sk-the-key-again"})
    assert answer.status_code == 200
    assert _key(world, "up") == "sk-the-key-again"


async def test_a_changed_type_without_an_address_is_another_host_too(world: World) -> None:
    await world.made("/providers", {"name": "up", "provider": "openai", "api_key": "sk-0123456789abcd"})
    assert (await world.call("PATCH", "/providers/up", {"provider": "anthropic"})).status_code == 422


async def test_another_path_of_the_same_host_keeps_the_key(world: World) -> None:
    await world.made("/providers", _BARE)
    answer = await world.call("PATCH", "/providers/up", {"endpoint_url": "https://a.example/v2"})
    assert answer.status_code == 200
    assert _key(world, "up") == "sk-0123456789abcd"


async def test_a_config_may_name_a_secret_that_is_there(world: World) -> None:
    await world.made("/secrets", {"name": "shared", "value": "sk-shared-secret"})
    made = await world.made("/providers", {"name": "up", "provider": "openai", "api_key_secret_name": "shared"})
    assert made["api_key_secret_name"] == "shared"
    assert _key(world, "up") == "sk-shared-secret"
    cleared = await world.call("PATCH", "/providers/up", {"api_key_secret_name": None})
    assert cleared.json()["api_key_secret_name"] is None


async def test_a_foreign_secret_is_a_missing_one(world: World) -> None:
    await world.made("/secrets", {"name": "theirs", "value": "sk-theirs-0000"}, role="platform", tenant=FOREIGN)
    body = {"name": "up", "provider": "openai", "api_key_secret_name": "theirs"}
    foreign = await world.call("POST", "/providers", body)
    missing = await world.call("POST", "/providers", {**body, "api_key_secret_name": "nobodys"})
    assert foreign.status_code == 422
    assert without_id(foreign) == without_id(missing)


async def test_the_environment_is_for_platform_admins_only(world: World) -> None:
    body = {"name": "up", "provider": "openai", "api_key_secret_name": "env:SHARED_KEY"}
    assert (await world.call("POST", "/providers", body)).status_code == 403
    await world.made("/providers", body, role="platform", tenant=OWN)
    assert _key(world, "up") == "sk-shared"
    assert (await world.call("PUT", "/providers/up", body)).status_code == 403
    assert (await world.call("PATCH", "/providers/up", {"weight": 3})).status_code == 200
    assert (await world.call("PATCH", "/providers/up", {"endpoint_url": "https://evil.example"})).status_code == 422
    assert (await world.call("PATCH", "/providers/up", {"endpoint_url": "https://api.openai.com/x"})).status_code == 422
    assert _key(world, "up") == "sk-shared"


async def test_an_environment_key_is_not_moved_to_another_path_by_a_tenant(world: World) -> None:
    body = {
        "name": "up",
        "provider": "openai",
        "endpoint_url": "https://a.example/v1",
        "api_key_secret_name": "env:SHARED_KEY",
    }
    await world.made("/providers", body, role="platform", tenant=OWN)
    answer = await world.call("PATCH", "/providers/up", {"endpoint_url": "https://a.example/collector"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a/b"),
        ("name", ""),
        ("name", "x" * 65),
        ("provider", "azure"),
        ("endpoint_url", "ftp://a.example"),
        ("endpoint_url", "http://user:pass@a.example"),
        ("endpoint_url", "http://169.254.169.254/latest"),
        ("endpoint_url", "nonsense"),
        ("endpoint_url", "mock://../x"),
        ("endpoint_url", ""),
        ("models", [""]),
        ("models", ["a", "a"]),
        ("models", "a"),
        ("rate_limits", {"requests_per_minute": 0}),
        ("rate_limits", {"requests_per_hour": 5}),
        ("rate_limits", []),
        ("weight", -1),
        ("weight", 1.5),
        ("weight", "1"),
        ("priority", -1),
        ("priority", True),
        ("timeouts", {"connect": 0}),
        ("timeouts", {"connect": "5"}),
        ("timeouts", {"whole": 5}),
        ("default_max_output", 0),
        ("enabled", 1),
        ("api_key", ""),
        ("api_key", "a\nb"),
        ("api_key_secret_name", "nobodys"),
        ("system", True),
    ],
)
async def test_a_wrong_field_is_named_and_nothing_is_kept(world: World, field: str, value: Any) -> None:
    body = {key: item for key, item in _BARE.items() if (key, field) != ("api_key", "api_key_secret_name")}
    answer = await world.call("POST", "/providers", {**body, field: value})
    assert answer.status_code == 422
    assert answer.json()["error"]["param"].startswith(field)
    assert await world.rows(EnhancedProviderConfig) == []
    assert await world.rows(SecretRow) == []


async def test_one_of_key_and_secret_name_is_enough(world: World) -> None:
    answer = await world.call("POST", "/providers", {**_BARE, "api_key_secret_name": "x"})
    assert answer.status_code == 422


async def test_a_vendor_of_the_table_needs_no_address(world: World) -> None:
    made = await world.made("/providers", {"name": "g", "provider": "groq", "api_key": "gsk-0123456789"})
    assert (made["provider"], made["endpoint_url"], made["options"]) == ("groq", None, {})
    assert _endpoints(world)["g"].base_url.text == "https://api.groq.com/openai/v1"


async def test_azure_is_told_its_surface_and_version(world: World) -> None:
    body = {
        "name": "az",
        "provider": "azure_openai",
        "endpoint_url": "https://mine.openai.azure.com",
        "api_key": "0123456789abcdef",
        "models": ["my-deployment"],
        "options": {"api_version": "2025-04-01-preview", "auth": "entra"},
    }
    made = await world.made("/providers", body)
    assert made["options"] == body["options"]
    assert _endpoints(world)["az"].options == body["options"]
    patched = await world.call("PATCH", "/providers/az", {"options": {"surface": "v1"}})
    assert (patched.status_code, patched.json()["options"]) == (200, {"surface": "v1"})


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (
            {"provider": "azure_openai", "endpoint_url": "https://a.example", "options": {"surface": "v9"}},
            "options.surface",
        ),
        (
            {"provider": "azure_openai", "endpoint_url": "https://a.example", "options": {"region": "x"}},
            "options.region",
        ),
        ({"provider": "openai", "options": {"surface": "v1"}}, "options.surface"),
        ({"provider": "azure_openai"}, "endpoint_url"),
        ({"provider": "azure"}, "provider"),
    ],
)
async def test_options_are_checked_for_their_type(world: World, body: dict[str, Any], param: str) -> None:
    answer = await world.call("POST", "/providers", {"name": "x", "api_key": "0123456789abcdef", **body})
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, param)


async def test_an_own_server_needs_an_address_and_no_key(world: World) -> None:
    body = {"name": "ollama", "provider": "openai_compatible"}
    assert (await world.call("POST", "/providers", body)).status_code == 422
    await world.made("/providers", {**body, "endpoint_url": "http://127.0.0.1:11434/v1"})


async def test_a_bedrock_config_has_an_address_or_a_region_of_aws(world: World) -> None:
    body = {"name": "aws", "provider": "bedrock", "api_key": "bedrock-api-key-0123456789"}
    for region in (None, "eu", "us-east-1.evil.example/"):
        answer = await world.call("POST", "/providers", {**body, "region": region})
        assert (answer.status_code, answer.json()["error"]["param"]) == (422, "region")
    assert (await world.call("POST", "/providers", {**body, "region": "us-east-1"})).status_code == 201


@pytest.mark.parametrize("body", [{"provider": "mock"}, {"provider": "openai", "endpoint_url": "mock://openai"}])
async def test_the_mock_is_there_only_where_it_is_switched_on(body: dict[str, str]) -> None:
    on, off = await World(mock_enabled=True).populate(), await World(mock_enabled=False).populate()
    assert (await on.call("POST", "/providers", {"name": "m", **body})).status_code == 201
    answer = await off.call("POST", "/providers", {"name": "m", **body})
    assert answer.status_code == 422
    assert "AI_GATEWAY_MOCK" in answer.json()["error"]["message"]


async def test_a_deleted_config_takes_its_own_key_along_and_warns_of_pools(world: World) -> None:
    await world.made("/providers", _WRITTEN)
    await world.made("/router/load-balancer/pools", {"group_name": "fast", "providers": [{"name": "up-1"}]})
    answer = (await world.call("DELETE", "/providers/up-1")).json()
    assert answer["deleted"] is True
    assert "fast" in answer["warnings"][0]
    assert await world.rows(SecretRow) == []
    assert _endpoints(world) == {}


async def test_a_key_that_another_config_uses_stays(world: World) -> None:
    await world.made("/providers", _BARE)
    await world.made("/providers", {"name": "two", "provider": "openai", "api_key_secret_name": "provider:up"})
    await world.call("DELETE", "/providers/up")
    assert len(await world.rows(SecretRow)) == 1


async def test_a_config_is_tested_by_id_or_name(world: World) -> None:
    made = await world.made("/providers", _WRITTEN)
    for name in ("up-1", made["id"]):
        answer = await world.call("POST", f"/providers/{name}/test")
        assert answer.json() == {"ok": True, "status": 200, "latency_ms": 4.5, "category": None, "message": None}
    assert world.probed == [(OWN, "up-1"), (OWN, "up-1")]


async def test_a_disabled_config_is_not_called(world: World) -> None:
    await world.made("/providers", {**_WRITTEN, "enabled": False})
    assert (await world.call("POST", "/providers/up-1/test")).status_code == 409
    assert world.probed == []


async def test_a_granted_system_config_is_seen_tested_and_not_changed(world: World) -> None:
    assert (await world.call("GET", "/providers")).json()["data"] == []
    assert (await world.call("GET", "/providers/openai")).status_code == 404
    await world.call("PATCH", f"/tenants/{OWN}", {"system_grants": ["openai"]}, role="platform")
    (listed,) = (await world.call("GET", "/providers")).json()["data"]
    assert (listed["name"], listed["system"], listed["api_key_secret_name"]) == ("openai", True, None)
    assert (await world.call("GET", "/providers/openai")).json() == listed
    for method, body in (("PUT", {"name": "openai", "provider": "openai"}), ("PATCH", {"weight": 2}), ("DELETE", None)):
        assert (await world.call(method, "/providers/openai", body)).status_code == 403
    await world.call("POST", "/providers/openai/test")
    assert world.probed == [(OWN, "openai")]
    assert (await world.call("GET", "/providers", role="platform", tenant=FOREIGN)).json()["data"] == []


async def test_a_queue_and_limits_of_a_config_reach_the_data_plane(world: World) -> None:
    body = {**_BARE, "rate_limits": {"max_concurrent": 2}, "queue": {"max_waiting": 5, "timeout_seconds": 1}}
    made = await world.made("/providers", body)
    assert made["queue"] == {"max_waiting": 5, "timeout_seconds": 1.0}
    assert "enforced" not in made
    endpoint = _endpoints(world)["up"]
    assert (endpoint.queue, endpoint.rate_limits) == (QueueLimits(5, 1.0), RateLimits(max_concurrent=2))
    patched = await world.call("PATCH", "/providers/up", {"queue": None})
    assert patched.json()["queue"] is None
    assert _endpoints(world)["up"].queue is None
    assert (await world.call("PATCH", "/providers/up", {"queue": {"max_waiting": 0}})).status_code == 422


async def test_a_check_that_costs_is_made_only_where_somebody_asked_for_it(world: World) -> None:
    made = await world.made("/providers", _BARE)
    assert made["paid_check_model"] is None
    assert _endpoints(world)["up"].paid_check_model is None
    patched = await world.call("PATCH", "/providers/up", {"paid_check_model": "gpt-4o-mini"})
    assert patched.json()["paid_check_model"] == "gpt-4o-mini"
    assert _endpoints(world)["up"].paid_check_model == "gpt-4o-mini"
    assert (await world.call("PATCH", "/providers/up", {"paid_check_model": ""})).status_code == 422


@pytest.mark.parametrize(
    ("endpoint_url", "said"),
    [
        (None, "is missing; an address of Vertex AI looks like"),
        ("https://aiplatform.googleapis.com/v1/projects/p", "no project and location"),
    ],
)
async def test_vertex_is_told_where_it_is(world: World, endpoint_url: str | None, said: str) -> None:
    body = {"name": "vertex", "provider": "vertex", "api_key": "AIza-0123456789", "endpoint_url": endpoint_url}
    refused = await world.call("POST", "/providers", body)
    assert refused.status_code == 422
    assert said in refused.json()["error"]["message"]


async def test_googles_providers_are_taken(world: World) -> None:
    account = '{\n "type": "service_account",\n "client_email": "a@b.example",\n "private_key": "x"\n}'
    url = "https://europe-west4-aiplatform.googleapis.com/v1/projects/p-1/locations/europe-west4"
    await world.made("/providers", {"name": "gemini", "provider": "gemini", "api_key": "AIza-0123456789"})
    await world.made("/providers", {"name": "vertex", "provider": "vertex", "api_key": account, "endpoint_url": url})
    gemini, vertex = _endpoints(world)["gemini"], _endpoints(world)["vertex"]
    assert (gemini.base_url.path, gemini.payees) == ("/v1beta", ("google", "gemini"))
    assert (vertex.base_url.text, vertex.payees) == (url, ("google", "anthropic", "vertex"))
    assert _key(world, "vertex") == '{"type":"service_account","client_email":"a@b.example","private_key":"x"}'
