"""The customer's own test script, word for word with curl, as far as no later part of the product is needed.

Only the port is another one: the script says 8000, and several gateways run while the tests do.
"""

import json
import subprocess
from typing import Any

from support.gateway import Gateway

MAKE_POOL = """curl -s -X POST http://localhost:8000/api/v1/admin/router/load-balancer/pools -d '
{"group_name":"gpt-4","providers":[{"name":"openai-1","weight":70},{"name":"openai-2","weight":30}],"strategy":"weighted_round_robin"}'"""
READ_STATS = "curl -s http://localhost:8000/api/v1/admin/router/load-balancer/stats"
LIST_BREAKERS = "curl -s http://localhost:8000/api/v1/admin/router/circuit-breakers"
MAKE_KEY = """curl -s -X POST http://localhost:8000/api/v1/admin/api-keys -d '
{"name": "Test", "cost_limit_daily": 0.10}'"""
FORCE_OPEN = "curl -s -X POST http://localhost:8000/api/v1/admin/router/circuit-breakers/openai/force-open"
RESET = "curl -s -X POST http://localhost:8000/api/v1/admin/router/circuit-breakers/openai/reset"
READ_DASHBOARD = "curl -s http://localhost:8000/api/v1/admin/router/health-dashboard"
REQUESTS = 100


def run(gateway: Gateway, line: str) -> Any:
    here = line.replace("http://localhost:8000", f"http://localhost:{gateway.port}")
    done = subprocess.run(["sh", "-c", here], capture_output=True, text=True, timeout=30, check=True)
    return json.loads(done.stdout)


def test_the_pool_is_made_and_made_again(fresh: Gateway) -> None:
    for _ in range(2):
        made = run(fresh, MAKE_POOL)
        assert (made["group_name"], [member["weight"] for member in made["providers"]]) == ("gpt-4", [70, 30])


def test_the_stats_show_seventy_and_thirty_after_traffic(fresh: Gateway) -> None:
    run(fresh, MAKE_POOL)
    answered = [fresh.chat("gpt-4").headers["x-gateway-endpoint"] for _ in range(REQUESTS)]
    assert (answered.count("openai-1"), answered.count("openai-2")) == (70, 30)
    [pool] = [it for it in run(fresh, READ_STATS)["pools"] if it["group_name"] == "gpt-4"]
    assert pool["strategy"] == "weighted_round_robin"
    assert [(it["name"], it["share_percent"], it["requests"], it["errors"]) for it in pool["providers"]] == [
        ("openai-1", 70.0, 70, 0),
        ("openai-2", 30.0, 30, 0),
    ]
    assert all(it["latency_ms"]["p50"] > 0 for it in pool["providers"])


def test_every_endpoint_has_a_breaker_from_the_start(shared: Gateway) -> None:
    breakers = {it["provider"]: it["state"] for it in run(shared, LIST_BREAKERS)["data"]}
    assert breakers == dict.fromkeys(("openai-1", "openai-2", "anthropic-1", "backup-1"), "CLOSED")


def test_a_forced_breaker_moves_the_traffic_to_the_fallback_until_it_is_reset(fresh: Gateway) -> None:
    run(fresh, MAKE_POOL)
    assert fresh.chat("gpt-4").headers["x-gateway-provider"] == "openai"

    moved = run(fresh, FORCE_OPEN)
    assert {it["provider"] for it in moved["data"]} == {"openai-1", "openai-2"}
    answered = fresh.chat("gpt-4")
    assert (answered.status, answered.headers["x-gateway-provider"]) == (200, "mock")
    states = {it["provider"]: (it["state"], it["forced"]) for it in run(fresh, LIST_BREAKERS)["data"]}
    assert states["openai-1"] == states["openai-2"] == ("OPEN", True)
    assert run(fresh, READ_DASHBOARD)["status"] == "degraded"

    run(fresh, RESET)
    assert fresh.chat("gpt-4").headers["x-gateway-provider"] == "openai"
    assert {it["state"] for it in run(fresh, LIST_BREAKERS)["data"]} == {"CLOSED"}


def test_a_key_with_a_limit_works_and_says_that_the_limit_is_not_enforced_yet(fresh: Gateway) -> None:
    made = run(fresh, MAKE_KEY)
    assert made["key"].startswith("sk-gw-")
    assert made["cost_limit_daily"] in ("0.1", "0.10")
    assert made["enforced"] is False
    assert fresh.chat("gpt-4", made["key"]).status == 200


def test_the_health_dashboard_answers(shared: Gateway) -> None:
    dashboard = run(shared, READ_DASHBOARD)
    assert dashboard["status"] == "healthy"
    assert {"gpt-4", "demo-fallback"} <= {pool["group_name"] for pool in dashboard["pools"]}
    named = {"pools", "circuit_breakers", "queues", "budgets_near_limit", "recent_transitions", "generated_at"}
    assert named <= set(dashboard)
