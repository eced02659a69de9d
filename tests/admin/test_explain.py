from typing import Any

import msgspec
import pytest

from admin.world import USUAL_VIEW, World
from ai_gateway.domain.faults import ProviderFailed
from ai_gateway.policy.health import Finding, Override


@pytest.fixture
async def pooled(world: World) -> World:
    for name, kind in (("openai-1", "openai"), ("openai-2", "openai"), ("backup", "openai"), ("claude", "anthropic")):
        body = {"name": name, "provider": kind, "models": ["m"], "api_key": "sk-0123456789abcdef"}
        await world.made("/providers", body)
    await world.made("/router/load-balancer/pools", {"group_name": "spare", "providers": [{"name": "backup"}]})
    members = [{"name": "openai-1", "weight": 70}, {"name": "openai-2", "weight": 30}, {"name": "claude"}]
    body = {"group_name": "fast", "providers": members, "fallbacks": ["spare"]}
    await world.made("/router/load-balancer/pools", body)
    return world


async def ask(world: World, name: str = "fast", body: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await world.call("POST", f"/routes/{name}/explain", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def why_not(answer: dict[str, Any], name: str) -> list[str]:
    members = [it for tier in answer["tiers"] for it in tier["candidates"]]
    return next(it["why_not"] for it in members if it["endpoint"] == name)


async def test_it_says_who_would_be_asked_and_with_which_chance(pooled: World) -> None:
    answer = await ask(pooled)
    assert (answer["name"], answer["pool"], answer["route"], answer["panic"]) == ("fast", "fast", None, False)
    assert answer["picked"] == {"endpoint": "openai-1", "model": "m"}
    assert [tier["pool"] for tier in answer["tiers"]] == ["fast", "spare"]
    first = answer["tiers"][0]["candidates"][0]
    assert first == {
        "endpoint": "openai-1",
        "provider": "openai",
        "model": "m",
        "weight": 70,
        "priority": 0,
        "chance_percent": 69.4,  # of 70, 30 and 1, as a round of picks has them
        "why_not": [],
        "healthy": True,
        "health_source": "traffic",
        "breaker": "CLOSED",
        "active_requests": 1,
        "first_token_ms": 12.5,
    }


async def test_nothing_is_called_and_nothing_moves(pooled: World) -> None:
    before = len(pooled.published)
    first, second = await ask(pooled), await ask(pooled)
    assert first == second
    assert (pooled.probed, len(pooled.published)) == ([], before)


async def test_each_reason_is_said_in_words(pooled: World) -> None:
    gate = pooled.oncall.breakers.of(pooled.endpoint("openai-1"))
    for _ in range(5):
        gate.fail(gate.send(pooled.now), ProviderFailed(), pooled.now)
    for at in range(3):
        pooled.oncall.healths.checked(pooled.endpoint("openai-2").id, Finding.BAD, at, "It is slow.")
    answer = await ask(pooled)
    assert why_not(answer, "openai-1")[0].startswith("Its breaker is open: 5 failures in a row")
    assert why_not(answer, "openai-2") == ["Its health checks fail: It is slow."]
    assert why_not(answer, "claude") == []
    assert answer["picked"]["endpoint"] == "claude"


async def test_panic_asks_whom_only_a_breaker_keeps_away(pooled: World) -> None:
    for name in ("openai-1", "openai-2", "claude", "backup"):
        gate = pooled.oncall.breakers.of(pooled.endpoint(name))
        for _ in range(5):
            gate.fail(gate.send(pooled.now), ProviderFailed(), pooled.now)
    pooled.oncall.healths.override(pooled.endpoint("openai-1").id, Override(healthy=False, reason="smoke"), 1.0)
    answer = await ask(pooled)
    assert (answer["picked"]["endpoint"], answer["panic"]) == ("openai-2", True)
    assert why_not(answer, "openai-1")[0] == "An operator took it out of service: smoke."


async def test_nobody_is_picked_where_an_operator_took_everybody_out(pooled: World) -> None:
    endpoints = [pooled.endpoint(name) for name in ("openai-1", "openai-2", "claude", "backup")]
    pooled.oncall.breakers.force_open(endpoints, None, "all of it")
    answer = await ask(pooled)
    assert (answer["picked"], answer["panic"]) == (None, False)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
async def test_callers_of_both_dialects_are_served_by_all(pooled: World, dialect: str) -> None:
    answer = await ask(pooled, body={"dialect": dialect})
    assert [why_not(answer, name) for name in ("openai-1", "claude")] == [[], []]


async def test_live_numbers_are_what_the_strategy_sees(pooled: World) -> None:
    body = {
        "group_name": "lean",
        "providers": [{"name": "openai-1"}, {"name": "openai-2"}],
        "strategy": "least_connections",
    }
    await pooled.made("/router/load-balancer/pools", body)
    pooled.views[pooled.endpoint("openai-1").id] = msgspec.structs.replace(USUAL_VIEW, active_requests=50)
    assert (await ask(pooled, "lean"))["picked"]["endpoint"] == "openai-2"


async def test_a_route_a_pool_and_a_model_can_be_asked_by_name_and_by_id(pooled: World) -> None:
    route = await pooled.made("/routes", {"name": "bot", "pool": "fast"})
    pool = (await pooled.call("GET", "/router/load-balancer/pools/fast")).json()
    assert (await ask(pooled, "bot"))["route"] == "bot"
    assert (await ask(pooled, route["id"]))["route"] == "bot"
    assert (await ask(pooled, pool["id"]))["pool"] == "fast"
    assert {it["endpoint"] for it in (await ask(pooled, "m"))["tiers"][0]["candidates"]} >= {"openai-1", "backup"}


async def test_a_name_that_leads_nowhere_is_a_404(pooled: World) -> None:
    assert (await pooled.call("POST", "/routes/nowhere/explain")).status_code == 404
    pooled.snapshot = type(pooled.snapshot)(revision=0)
    assert (await pooled.call("POST", "/routes/fast/explain")).status_code == 404
