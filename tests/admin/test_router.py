from typing import Any

import pytest

from admin.world import World
from ai_gateway.policy.health import Finding, Override
from ai_gateway.runtime.waiting_room import RoomStanding

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


async def test_who_is_not_well_is_shown_so_by_whoever_found_it(world: World) -> None:
    for name in ("checked", "broken", "taken-out"):
        await world.made("/providers", {"name": name, "provider": "mock", "models": ["m"]})
    await _pool(world, "fast", ("checked", 1), ("broken", 1), ("taken-out", 1))
    for at in range(3):
        world.oncall.healths.checked(world.endpoint("checked").id, Finding.BAD, at)
    world.oncall.breakers.force_open([world.endpoint("broken")], None, "by hand")
    world.oncall.healths.override(world.endpoint("taken-out").id, Override(healthy=False), 1.0)
    (pool,) = (await world.call("GET", "/router/load-balancer/stats")).json()["pools"]
    assert {it["name"]: (it["healthy"], it["health_source"]) for it in pool["providers"]} == {
        "checked": (False, "check"),
        "broken": (False, "traffic"),
        "taken-out": (False, "manual"),
    }
    assert (await world.call("GET", "/router/health-dashboard")).json()["status"] == "down"


async def test_one_sick_member_degrades_and_does_not_take_down(world: World) -> None:
    for name in ("up-1", "up-2"):
        await world.made("/providers", {"name": name, "provider": "mock", "models": ["m"]})
    await _pool(world, "fast", ("up-1", 1), ("up-2", 1))
    world.oncall.breakers.force_open([world.endpoint("up-1")], None, "by hand")
    dashboard = (await world.call("GET", "/router/health-dashboard")).json()
    assert dashboard["status"] == "degraded"
    assert dashboard["recent_transitions"] == [
        {
            "provider": "up-1",
            "from": "CLOSED",
            "to": "OPEN",
            "forced": True,
            "reason": "by hand",
            "at": "2027-01-15T08:00:00Z",
        }
    ]
    assert [it["state"] for it in dashboard["circuit_breakers"]] == ["OPEN", "CLOSED"]


async def test_queues_are_on_the_dashboard_of_their_tenant_alone(world: World) -> None:
    world.waiting = [
        RoomStanding(
            name="fast",
            max_waiting=100,
            waiting=3,
            longest_wait_seconds=1.2345678,
            expected_wait_seconds=None,
            served=9,
            refused=1,
            timed_out=2,
            left=4,
        )
    ]
    (queue,) = (await world.call("GET", "/router/health-dashboard")).json()["queues"]
    assert (queue["name"], queue["waiting"], queue["longest_wait_seconds"]) == ("fast", 3, 1.235)
    foreign = await world.call("GET", "/router/health-dashboard", role="platform", tenant="ten_foreign")
    assert foreign.json()["queues"] == []
