"""The customer's own test script, word for word with curl, as far as no later part of the product is needed.

Only the port is another one: the script says 8000, and several gateways run while the tests do.
"""

import json
import re
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
LIST_BUDGETS = "curl -s http://localhost:8000/api/v1/admin/budgets"
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
    assert (answered.status, answered.headers["x-gateway-provider"]) == (200, "anthropic")
    states = {it["provider"]: (it["state"], it["forced"]) for it in run(fresh, LIST_BREAKERS)["data"]}
    assert states["openai-1"] == states["openai-2"] == ("OPEN", True)
    assert run(fresh, READ_DASHBOARD)["status"] == "degraded"

    run(fresh, RESET)
    assert fresh.chat("gpt-4").headers["x-gateway-provider"] == "openai"
    assert {it["state"] for it in run(fresh, LIST_BREAKERS)["data"]} == {"CLOSED"}


def test_a_key_with_ten_cents_a_day_is_refused_with_the_customers_message(fresh: Gateway) -> None:
    """The curl line that the start prints, with this key, until the limit is reached: at the 8th to 12th request."""
    key = run(fresh, MAKE_KEY)["key"]
    statuses: list[int] = []
    while not statuses or statuses[-1] == 200:
        answered = fresh.chat("gpt-4", key, messages=[{"role": "user", "content": "Hello! What are you?"}])
        statuses.append(answered.status)
        assert len(statuses) <= 12
    assert len(statuses) >= 8
    assert statuses[-1] == 402
    assert answered.headers["x-should-retry"] == "false"
    error = json.loads(answered.body)["error"]
    message = re.fullmatch(
        r"Daily cost limit exceeded\. Limit: \$0\.10, Current: \$(0\.\d{2,4})\. Resets at midnight UTC\."
        r"( This request could cost up to \$\d+\.\d+\.)?",
        error["message"],
    )
    assert message
    assert "0.08" < message[1] <= "0.10"
    assert (error["code"], error["gateway"]["level"], error["gateway"]["level_name"]) == (
        "budget_exceeded",
        "key",
        "Test",
    )

    [budget] = run(fresh, LIST_BUDGETS)["data"]
    assert (budget["source"], budget["limit_nano_usd"], budget["held_nano_usd"]) == ("cost_limit_daily", 10**8, 0)
    assert f"{budget['spent_nano_usd'] // 10**5 / 10**4:.4f}".rstrip("0") == message[1].rstrip("0")
    [near] = run(fresh, READ_DASHBOARD)["budgets_near_limit"]
    assert (near["scope_name"], near["spent_nano_usd"]) == ("Test", budget["spent_nano_usd"])
    assert fresh.chat("gpt-4").status == 200  # others go on


def test_the_health_dashboard_answers(shared: Gateway) -> None:
    dashboard = run(shared, READ_DASHBOARD)
    assert dashboard["status"] == "healthy"
    assert {"gpt-4", "demo-fallback"} <= {pool["group_name"] for pool in dashboard["pools"]}
    named = {"pools", "circuit_breakers", "queues", "budgets_near_limit", "recent_transitions", "generated_at"}
    assert named <= set(dashboard)
