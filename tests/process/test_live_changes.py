"""A change is in force when the admin call has returned: the very next request meets it."""

import pytest

from support.gateway import Gateway


@pytest.fixture
def gateway(fresh: Gateway) -> Gateway:
    return fresh


def test_a_key_works_at_once_and_is_refused_at_once_when_revoked(gateway: Gateway) -> None:
    for number in range(5):
        made = gateway.create("/api-keys", {"name": f"k{number}"})
        assert gateway.chat("gpt-4", made["key"]).status == 200
        assert gateway.admin("POST", f"/api-keys/{made['id']}/revoke").status == 200
        refused = gateway.chat("gpt-4", made["key"])
        assert (refused.status, refused.json["error"]["gateway"]["category"]) == (401, "authentication")


def test_a_rotated_key_is_another_one_at_once(gateway: Gateway) -> None:
    made = gateway.create("/api-keys", {"name": "rotated"})
    new = gateway.admin("POST", f"/api-keys/{made['id']}/rotate").json["key"]
    assert gateway.chat("gpt-4", new).status == 200
    assert gateway.chat("gpt-4", made["key"]).status == 401


def test_a_config_a_pool_a_route_and_a_price_are_live_when_the_call_returns(gateway: Gateway) -> None:
    gateway.create("/providers", {"name": "new", "provider": "mock", "models": ["m-1"]})
    assert gateway.chat("m-1").headers["x-gateway-endpoint"] == "new"
    gateway.create("/router/load-balancer/pools", {"group_name": "fast", "providers": [{"name": "new"}]})
    assert gateway.chat("fast").status == 200
    gateway.create("/routes", {"name": "support-bot", "pool": "fast", "rules": []})
    answered = gateway.chat("support-bot")
    assert (answered.headers["x-gateway-route"], answered.headers["x-gateway-endpoint"]) == ("support-bot", "new")
    assert float(answered.headers["x-gateway-cost-usd"]) == 0
    price = {"model": "m-1", "provider": None, "input_per_million_usd": "1", "output_per_million_usd": "2"}
    gateway.create("/prices", {**price, "effective_from": None})
    assert float(gateway.chat("support-bot").headers["x-gateway-cost-usd"]) > 0


def test_a_disabled_and_a_deleted_config_are_not_picked_again(gateway: Gateway) -> None:
    gateway.create("/providers", {"name": "new", "provider": "mock", "models": ["m-1"]})
    assert gateway.admin("PATCH", "/providers/new", {"enabled": False}).status == 200
    assert gateway.chat("m-1").status in (404, 503)
    assert gateway.admin("PATCH", "/providers/new", {"enabled": True}).status == 200
    assert gateway.chat("m-1").status == 200
    assert gateway.admin("DELETE", "/providers/new").status == 200
    assert gateway.chat("m-1").status == 404


def test_a_disabled_tenants_keys_are_refused_at_once(gateway: Gateway) -> None:
    tenant = gateway.create("/tenants", {"name": "acme"})["id"]
    made = gateway.admin("POST", "/api-keys", {"name": "theirs"}, {"x-tenant-id": tenant}).json
    assert gateway.chat("gpt-4", made["key"]).status == 404
    assert gateway.admin("PATCH", f"/tenants/{tenant}", {"enabled": False}).status == 200
    assert gateway.chat("gpt-4", made["key"]).status == 401


def test_changes_outlive_a_restart(gateway: Gateway) -> None:
    from support.gateway import running_gateway

    key = gateway.create("/api-keys", {"name": "lasting"})["key"]
    gone = gateway.create("/api-keys", {"name": "gone"})
    gateway.admin("POST", f"/api-keys/{gone['id']}/revoke")
    assert gateway.stop() == 0
    with running_gateway(gateway.data_dir) as again:
        assert again.chat("gpt-4", key).status == 200
        assert again.chat("gpt-4", gone["key"]).status == 401
