"""What an operator said, and what was seen of endpoints, in the real process and over kill -9."""

import signal
from pathlib import Path
from typing import Any

from support.gateway import Gateway, running_gateway, until

OFTEN = {"AI_GATEWAY_HEALTH_CHECK_SECONDS": "0.5"}
BREAKERS = "/router/circuit-breakers"


def breakers(gateway: Gateway) -> dict[str, dict[str, Any]]:
    return {it["provider"]: it for it in gateway.admin("GET", BREAKERS).json["data"]}


def health(gateway: Gateway) -> dict[str, tuple[bool, str]]:
    pools = gateway.admin("GET", "/router/load-balancer/stats").json["pools"]
    return {it["name"]: (it["healthy"], it["health_source"]) for pool in pools for it in pool["providers"]}


def timeline(gateway: Gateway, name: str, source: str) -> list[dict[str, Any]]:
    data = gateway.admin("GET", f"/providers/{name}/timeline").json["data"]
    return [it for it in data if it["source"] == source]


def test_an_operators_word_holds_over_kill_9_until_he_takes_it_back(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "data") as gateway:
        assert gateway.admin("POST", f"{BREAKERS}/openai/force-open", {"reason": "smoke"}).status == 200
        path = "/router/load-balancer/pools/demo-fallback/health/backup-1"
        assert gateway.admin("PUT", path, {"healthy": False}).json["moved"] == ["backup-1"]
        gateway.signal(signal.SIGKILL)
        gateway.wait()
    with running_gateway(tmp_path / "data") as gateway:
        found = breakers(gateway)
        assert {name: it["state"] for name, it in found.items()} == {
            "openai-1": "OPEN",
            "openai-2": "OPEN",
            "anthropic-1": "CLOSED",
            "backup-1": "CLOSED",
        }
        assert (found["openai-1"]["forced"], found["openai-1"]["reason"]) == (True, "smoke")
        assert health(gateway)["backup-1"] == (False, "manual")
        assert gateway.admin("POST", f"{BREAKERS}/openai/reset").json["moved"] == ["openai-1", "openai-2"]
        gateway.admin("PUT", path, {"healthy": None})
        gateway.signal(signal.SIGKILL)
        gateway.wait()
    with running_gateway(tmp_path / "data") as gateway:
        assert {it["state"] for it in breakers(gateway).values()} == {"CLOSED"}
        assert all(healthy for healthy, _ in health(gateway).values())


def test_every_endpoint_is_looked_at_though_nobody_sends_a_request(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "data", OFTEN) as gateway:
        for name in ("openai-1", "openai-2", "anthropic-1", "backup-1"):
            looks = until(lambda name=name: timeline(gateway, name, "check"), f"a look at {name}")
            assert {(it["ok"], it["healthy"], it["status"], it["paid"]) for it in looks} == {(True, True, 200, False)}
        until(lambda: all(it == (True, "check") for it in health(gateway).values()), "health from checks")


def test_a_provider_that_is_gone_is_found_unhealthy_without_a_request(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "data", OFTEN) as gateway:
        body = {"name": "gone", "provider": "openai_compatible", "endpoint_url": "http://127.0.0.1:1/v1"}
        gateway.create("/providers", {**body, "models": ["m"]})
        gateway.create("/router/load-balancer/pools", {"group_name": "lonely", "providers": [{"name": "gone"}]})
        until(lambda: health(gateway)["gone"] == (False, "check"), "the verdict of the checks")
        dashboard = gateway.admin("GET", "/router/health-dashboard").json
        assert dashboard["status"] == "degraded"
        looks = until(lambda: timeline(gateway, "gone", "check"), "the looks")
        assert {it["category"] for it in looks} == {"provider_error"}


def test_a_request_can_be_explained_by_its_id(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "data") as gateway:
        good = gateway.chat("gpt-4").headers["x-request-id"]
        bad = gateway.chat("openai-1/mock-status-503").headers["x-request-id"]
        found = gateway.admin("GET", f"/requests/{good}").json
        assert found["decision"]["chosen"]["endpoint"] in ("openai-1", "openai-2")
        assert [row["outcome"] for row in found["attempts"]] == ["ok"]
        kept = until(lambda: gateway.admin("GET", "/requests?state=kept").json["data"], "a record that is kept")
        assert [(it["request_id"], it["why"]) for it in kept] == [(bad, "error")]
        gateway.signal(signal.SIGKILL)
        gateway.wait()
    with running_gateway(tmp_path / "data") as gateway:
        again = gateway.admin("GET", f"/requests/{bad}").json
        assert (again["decision"]["why"], again["decision"]["fault"]["category"]) == ("error", "provider_error")


def test_history_that_was_left_out_would_be_seen_in_the_metrics(shared: Gateway) -> None:
    assert b"ai_gateway_history_dropped_rows 0" in shared.request("GET", "/metrics").body
