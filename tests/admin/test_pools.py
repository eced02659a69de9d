from typing import Any

import pytest

from admin.world import OWN, World
from ai_gateway.domain.config import (
    BreakerSettings,
    Course,
    OnStreamCut,
    QueueLimits,
    Retries,
    Strategy,
    Timeouts,
)
from ai_gateway.store.rows import PoolRow

_POOLS = "/router/load-balancer/pools"
_FAST: dict[str, Any] = {
    "group_name": "fast",
    "providers": [{"name": "up-1", "weight": 70, "model": "gpt-4o-mini"}, {"name": "up-2", "weight": 30}],
    "strategy": "weighted_round_robin",
}


async def _provider(world: World, name: str, *models: str, **more: Any) -> None:
    await world.made("/providers", {"name": name, "provider": "mock", "models": list(models), **more})


def _course(world: World, name: str) -> Course:
    return next(tenant for tenant in world.snapshot.tenants.values() if tenant.id == OWN).courses[name]


async def test_the_pool_line_works_as_written_twice(world: World) -> None:
    await _provider(world, "up-1", "gpt-4o-mini")
    await _provider(world, "up-2", "gpt-4o")
    first = await world.call("POST", _POOLS, _FAST)
    second = await world.call("POST", _POOLS, _FAST)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json()["providers"] == [
        {"name": "up-1", "weight": 70, "model": "gpt-4o-mini", "status": "ready"},
        {"name": "up-2", "weight": 30, "model": "gpt-4o", "status": "ready"},
    ]
    assert "enforced" not in first.json()
    assert [candidate.weight for candidate in _course(world, "fast").tiers[0].candidates] == [70, 30]


async def test_the_products_own_pool_works_as_written(development: World) -> None:
    for name in ("openai-1", "openai-2"):
        body = {"name": name, "provider": "openai", "endpoint_url": "mock://openai", "models": ["gpt-4", "gpt-4o"]}
        await development.made("/providers", body, role=None)
    pool = {
        "group_name": "gpt-4",
        "providers": [{"name": "openai-1", "weight": 70}, {"name": "openai-2", "weight": 30}],
        "strategy": "weighted_round_robin",
    }
    answer = await development.call("POST", _POOLS, pool, role=None)
    assert answer.status_code == 201
    assert [member["model"] for member in answer.json()["providers"]] == ["gpt-4", "gpt-4"]


async def test_put_makes_and_replaces_by_the_group_in_the_address(world: World) -> None:
    body = {"providers": [{"name": "up-1"}]}
    made = await world.call("PUT", f"{_POOLS}/fast", body)
    assert made.status_code == 201
    again = await world.call("PUT", f"{_POOLS}/{made.json()['id']}", {**body, "strategy": "random"})
    assert (again.status_code, again.json()["group_name"], again.json()["strategy"]) == (200, "fast", "random")
    assert (await world.call("PUT", f"{_POOLS}/fast", {**body, "group_name": "slow"})).status_code == 422
    assert (await world.call("PUT", f"{_POOLS}/a b", body)).status_code == 400
    assert len(await world.rows(PoolRow)) == 1


async def test_a_member_without_a_config_is_kept_listed_never_picked_and_warned_of(world: World) -> None:
    await _provider(world, "up-1", "m")
    body = {"group_name": "fast", "providers": [{"name": "up-1"}, {"name": "ghost", "weight": 9}]}
    made = await world.made(_POOLS, body)
    assert made["providers"][1] == {"name": "ghost", "weight": 9, "model": None, "status": "unconfigured"}
    assert "ghost" in made["warnings"][0]
    assert [candidate.endpoint.name for candidate in _course(world, "fast").tiers[0].candidates] == ["up-1"]
    await _provider(world, "ghost", "m")
    assert (await world.call("GET", f"{_POOLS}/fast")).json()["providers"][1]["status"] == "ready"


async def test_a_disabled_member_is_said_to_be_disabled(world: World) -> None:
    await _provider(world, "up-1", "m", enabled=False)
    made = await world.made(_POOLS, {"group_name": "fast", "providers": [{"name": "up-1"}]})
    assert made["providers"][0]["status"] == "disabled"


@pytest.mark.parametrize("models", [(), ("a", "b")])
async def test_a_member_whose_model_nobody_can_tell_is_refused_and_named(world: World, models: tuple[str, ...]) -> None:
    await _provider(world, "up-1", *models)
    answer = await world.call("POST", _POOLS, {"group_name": "fast", "providers": [{"name": "up-1"}]})
    assert answer.status_code == 422
    assert "'up-1'" in answer.json()["error"]["message"]


async def test_a_granted_system_config_may_be_a_member(world: World) -> None:
    await world.call("PATCH", f"/tenants/{OWN}", {"system_grants": ["openai"]}, role="platform")
    made = await world.made(_POOLS, {"group_name": "fast", "providers": [{"name": "openai"}]})
    assert made["providers"] == [{"name": "openai", "weight": 1, "model": "gpt-4o-mini", "status": "ready"}]


async def test_further_options_are_kept_answered_and_in_force(world: World) -> None:
    for name in ("up-1", "up-2"):
        await _provider(world, name, "gpt-4o-mini")
    options: dict[str, Any] = {
        "fallbacks": ["other-group"],
        "circuit_breaker": {"failure_threshold": 5, "recovery_timeout_seconds": 30, "success_threshold": 2},
        "timeouts": {"connect": 5, "first_token": 30, "between_tokens": 15, "response": 300, "total": 600},
        "retries": {"max_attempts": 3, "base_seconds": 0.25, "cap_seconds": 8},
        "on_stream_cut": "continue",
        "queue": {"max_waiting": 100, "timeout_seconds": 30},
        "sticky_by": "header:x-session-id",
    }
    made = await world.made(_POOLS, {**_FAST, **options, "strategy": "least_latency"})
    assert {name: made[name] for name in options} == options
    assert "enforced" not in made
    assert any("other-group" in warning for warning in made["warnings"])
    course = _course(world, "fast")
    (tier,) = course.tiers
    assert tier.strategy is Strategy.LEAST_LATENCY
    assert tier.breaker == BreakerSettings(failure_threshold=5, recovery_timeout_seconds=30, success_threshold=2)
    assert {one.timeouts for one in tier.candidates} == {Timeouts(5, 30, 15, 300, 600)}
    assert (tier.queue, tier.sticky_by) == (QueueLimits(100, 30), "header:x-session-id")
    assert (course.retries, course.on_stream_cut) == (Retries(3, 0.25, 8), OnStreamCut.CONTINUE)
    assert course.total_seconds == 600


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_every_strategy_is_taken_and_none_is_said_not_to_be_in_force(world: World, strategy: Strategy) -> None:
    made = await world.made(_POOLS, {**_FAST, "strategy": str(strategy)})
    assert made["strategy"] == strategy
    assert "enforced" not in made
    assert _course(world, "fast").tiers[0].strategy is strategy


async def test_a_member_may_carry_a_priority_and_has_its_configs_where_it_says_none(world: World) -> None:
    await _provider(world, "up-1", "m", priority=9)
    await _provider(world, "up-2", "m", priority=4)
    body = {"group_name": "fast", "providers": [{"name": "up-1", "priority": 0}, {"name": "up-2"}]}
    made = await world.made(_POOLS, {**body, "strategy": "priority"})
    assert [member.get("priority") for member in made["providers"]] == [0, None]
    assert [one.priority for one in _course(world, "fast").tiers[0].candidates] == [0, 4]


async def test_fallbacks_that_are_left_out_are_the_tenants_and_an_empty_list_is_none(world: World) -> None:
    await _provider(world, "up-1", "m")
    members = [{"name": "up-1", "model": "m"}]
    await world.made(_POOLS, {"group_name": "spare", "providers": [{"name": "up-1", "model": "n"}]})
    await world.call("PATCH", f"/tenants/{OWN}", {"default_fallbacks": ["spare"]}, role="platform")
    for fallbacks, tiers in ((None, ["fast", "spare"]), ([], ["fast"]), (["spare"], ["fast", "spare"])):
        made = await world.made(_POOLS, {"group_name": "fast", "providers": members, "fallbacks": fallbacks})
        assert made.get("fallbacks") == fallbacks
        assert [tier.pool for tier in _course(world, "fast").tiers] == tiers


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("group_name", "a/b"),
        ("group_name", ""),
        ("providers", []),
        ("providers", [{"name": "a"}, {"name": "a"}]),
        ("providers", [{"name": "a", "weight": 0}]),
        ("providers", [{"name": "a", "weight": -1}]),
        ("providers", [{"name": "a", "weight": 0.5}]),
        ("providers", [{"weight": 1}]),
        ("providers", {"name": "a"}),
        ("strategy", "best"),
        ("fallbacks", ["a/b"]),
        ("fallbacks", ["one", "one"]),
        ("fallbacks", [f"g{number}" for number in range(21)]),
        ("fallbacks", "other"),
        ("providers", [{"name": "a", "priority": -1}]),
        ("circuit_breaker", {"failure_threshold": 0}),
        ("circuit_breaker", {"recovery_timeout_seconds": 60, "longest_open_seconds": 30}),
        ("circuit_breaker", {"failure_rate": 2}),
        ("timeouts", {"total": 10, "connect": 20}),
        ("retries", {"max_attempts": 2, "base_seconds": 9}),
        ("timeouts", {"total": -1}),
        ("retries", {"max_attempts": 0}),
        ("on_stream_cut", "ignore"),
        ("queue", {"max_waiting": 0}),
        ("sticky_by", "header:"),
        ("sticky_by", "cookie"),
    ],
)
async def test_a_wrong_field_is_named_and_no_pool_is_made(world: World, field: str, value: Any) -> None:
    body = {"group_name": "fast", "providers": [{"name": "ghost"}], field: value}
    answer = await world.call("POST", _POOLS, body)
    assert answer.status_code == 422
    assert answer.json()["error"]["param"].startswith(field)
    assert await world.rows(PoolRow) == []


async def test_a_pool_does_not_take_a_routes_name(world: World) -> None:
    await world.made(_POOLS, {"group_name": "fast", "providers": [{"name": "ghost"}]})
    await world.made("/routes", {"name": "bot", "pool": "fast"})
    answer = await world.call("POST", _POOLS, {"group_name": "bot", "providers": [{"name": "ghost"}]})
    assert answer.status_code == 409


async def test_a_pool_with_a_route_is_not_deleted_and_the_route_is_named(world: World) -> None:
    await world.made(_POOLS, {"group_name": "fast", "providers": [{"name": "ghost"}]})
    await world.made("/routes", {"name": "bot", "pool": "fast"})
    answer = await world.call("DELETE", f"{_POOLS}/fast")
    assert answer.status_code == 409
    assert "bot" in answer.json()["error"]["message"]
    await world.call("DELETE", "/routes/bot")
    assert (await world.call("DELETE", f"{_POOLS}/fast")).status_code == 200
    assert (await world.call("GET", _POOLS)).json()["data"] == []
