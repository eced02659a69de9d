from typing import Any

import pytest

from admin.world import FOREIGN, World

_EMPTY_DASHBOARD: dict[str, Any] = {
    "status": "healthy",
    "pools": [],
    "circuit_breakers": [],
    "queues": [],
    "budgets_near_limit": [],
    "recent_transitions": [],
    "generated_at": "2027-01-15T08:00:00Z",
}


async def _pool(world: World, name: str, *members: tuple[str, int]) -> None:
    body = {"group_name": name, "providers": [{"name": member, "weight": weight} for member, weight in members]}
    await world.made("/router/load-balancer/pools", body)


async def test_stats_have_exactly_the_products_shape(world: World) -> None:
    for name in ("up-1", "up-2"):
        await world.made("/providers", {"name": name, "provider": "mock", "models": ["m"]})
    await _pool(world, "fast", ("up-1", 70), ("up-2", 30), ("ghost", 900))
    stats = (await world.call("GET", "/router/load-balancer/stats")).json()
    live = {
        "model": "m",
        "requests": 3,
        "active_requests": 1,
        "errors": 0,
        "latency_ms": {"ewma": 12.5},
        "ttft_ms": {"ewma": None},
        "healthy": True,
        "health_source": "traffic",
    }
    assert stats == {
        "pools": [
            {
                "group_name": "fast",
                "strategy": "weighted_round_robin",
                "providers": [
                    {"name": "up-1", "weight": 70, "share_percent": 70.0, **live},
                    {"name": "up-2", "weight": 30, "share_percent": 30.0, **live},
                ],
            }
        ]
    }


async def test_every_known_endpoint_has_a_breaker_from_the_start(world: World) -> None:
    await world.made("/providers", {"name": "up-1", "provider": "mock", "models": ["m"]})
    answer = (await world.call("GET", "/router/circuit-breakers")).json()
    assert answer["data"] == [
        {
            "provider": "up-1",
            "type": "mock",
            "model": None,
            "state": "CLOSED",
            "failures": 0,
            "successes": 0,
            "opened_at": None,
            "next_probe_at": None,
            "forced": False,
            "reason": None,
        }
    ]
    foreign = await world.call("GET", "/router/circuit-breakers", role="platform", tenant=FOREIGN)
    assert foreign.json()["data"] == []


async def test_an_empty_dashboard_answers(world: World) -> None:
    assert (await world.call("GET", "/router/health-dashboard")).json() == _EMPTY_DASHBOARD


async def test_a_tenant_that_the_snapshot_does_not_know_yet_has_nothing(world: World) -> None:
    world.snapshot = type(world.snapshot)(revision=0)
    assert (await world.call("GET", "/router/health-dashboard")).json() == _EMPTY_DASHBOARD


@pytest.mark.parametrize(
    ("groups", "status"),
    [
        ({"a": "up-1"}, "healthy"),
        ({"a": "up-1", "b": "ghost"}, "degraded"),
        ({"a": "ghost"}, "down"),
    ],
)
async def test_the_dashboard_says_how_bad_it_is(world: World, groups: dict[str, str], status: str) -> None:
    await world.made("/providers", {"name": "up-1", "provider": "mock", "models": ["m"]})
    for group, member in groups.items():
        await _pool(world, group, (member, 1))
    assert (await world.call("GET", "/router/health-dashboard")).json()["status"] == status


async def test_a_route_is_no_pool_of_its_own(world: World) -> None:
    await _pool(world, "fast", ("ghost", 1))
    await world.made("/routes", {"name": "bot", "pool": "fast"})
    pools = (await world.call("GET", "/router/load-balancer/stats")).json()["pools"]
    assert [pool["group_name"] for pool in pools] == ["fast"]
