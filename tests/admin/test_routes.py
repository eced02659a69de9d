from typing import Any

import pytest

from admin.world import OWN, World
from ai_gateway.domain.config import CacheSettings, OnContentFilter, OnStreamCut, Retries, Timeouts
from ai_gateway.store.rows import RouteRow


@pytest.fixture
async def pooled(world: World) -> World:
    for group in ("fast", "slow"):
        await world.made("/router/load-balancer/pools", {"group_name": group, "providers": [{"name": "ghost"}]})
    return world


async def test_the_route_line_works_as_written(pooled: World) -> None:
    answer = await pooled.call("POST", "/routes", {"name": "support-bot", "pool": "fast", "rules": []})
    assert answer.status_code == 201
    assert "enforced" not in answer.json()
    tenant = next(tenant for tenant in pooled.snapshot.tenants.values() if tenant.id == OWN)
    assert tenant.courses["support-bot"].pool == "fast"


async def test_a_route_lives_its_life(pooled: World) -> None:
    made = await pooled.made("/routes", {"name": "bot", "pool": "fast"})
    assert (await pooled.call("GET", "/routes/bot")).json() == made
    assert (await pooled.call("PATCH", "/routes/bot", {"pool": "slow"})).json()["pool"] == "slow"
    renamed = await pooled.call("PUT", f"/routes/{made['id']}", {"name": "robot", "pool": "fast"})
    assert (renamed.json()["id"], renamed.json()["name"]) == (made["id"], "robot")
    assert (await pooled.call("GET", "/routes/bot")).status_code == 404
    assert (await pooled.call("DELETE", "/routes/robot")).status_code == 200
    assert (await pooled.call("GET", "/routes")).json()["data"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "bot", "pool": "nowhere"}, 422),
        ({"name": "a/b", "pool": "fast"}, 422),
        ({"name": "bot"}, 422),
        ({"name": "bot", "pool": "fast", "rules": {}}, 422),
        ({"name": "bot", "pool": "fast", "rules": [1]}, 422),
        ({"name": "bot", "pool": "fast", "rules": [{"on": "request", "do": "dance"}]}, 422),
        ({"name": "bot", "pool": "fast", "inherit_rules": "no"}, 422),
        ({"name": "bot", "pool": "fast", "timeouts": {"total": 1, "first_token": 2}}, 422),
        ({"name": "bot", "pool": "fast", "retries": {"max_attempts": 0}}, 422),
        ({"name": "bot", "pool": "fast", "on_stream_cut": "retry"}, 422),
        ({"name": "bot", "pool": "fast", "on_content_filter": True}, 422),
        ({"name": "bot", "pool": "fast", "fallbacks": ["slow"]}, 422),
        ({"name": "slow", "pool": "fast"}, 409),
    ],
)
async def test_a_route_that_leads_nowhere_or_is_taken_is_refused(
    pooled: World, body: dict[str, Any], status: int
) -> None:
    assert (await pooled.call("POST", "/routes", body)).status_code == status
    assert await pooled.rows(RouteRow) == []


async def test_an_existing_route_is_a_409(pooled: World) -> None:
    await pooled.made("/routes", {"name": "bot", "pool": "fast"})
    assert (await pooled.call("POST", "/routes", {"name": "bot", "pool": "slow"})).status_code == 409


_OVER: dict[str, Any] = {
    "timeouts": {"first_token": 2, "total": 20},
    "retries": {"max_attempts": 1, "base_seconds": 0.1, "cap_seconds": 1},
    "on_stream_cut": "error",
    "on_content_filter": "fallback",
}


async def test_a_route_says_its_own_times_retries_and_endings_and_they_are_in_force(world: World) -> None:
    await world.made("/providers", {"name": "up", "provider": "mock", "models": ["m"]})
    pool = {"group_name": "fast", "providers": [{"name": "up"}], "timeouts": {"connect": 1, "total": 90}}
    await world.made("/router/load-balancer/pools", pool)
    made = await world.made("/routes", {"name": "bot", "pool": "fast", **_OVER})
    assert {name: made[name] for name in _OVER} == _OVER
    assert "enforced" not in made
    tenant = next(tenant for tenant in world.snapshot.tenants.values() if tenant.id == OWN)
    course = tenant.courses["bot"]
    assert course.tiers[0].candidates[0].timeouts == Timeouts(connect=1, first_token=2, total=20)
    assert (course.total_seconds, course.retries) == (20, Retries(1, 0.1, 1))
    assert (course.on_stream_cut, course.on_content_filter) == (OnStreamCut.ERROR, OnContentFilter.FALLBACK)
    pooled = tenant.courses["fast"]
    assert (pooled.total_seconds, pooled.on_content_filter) == (90, OnContentFilter.ERROR)


async def test_a_routes_cache_has_a_time_and_a_price(pooled: World) -> None:
    route = {"name": "faq", "pool": "fast", "cache": {"ttl_seconds": 60, "hit_price_percent": 25}}
    assert (await pooled.made("/routes", route))["cache"] == route["cache"]
    assert pooled.snapshot.tenants[OWN].courses["faq"].cache == CacheSettings(ttl_seconds=60.0, hit_price_percent=25)
    dearer = {**route, "cache": {"hit_price_percent": 101}}
    assert (await pooled.call("PUT", "/routes/faq", dearer)).status_code == 422


async def test_a_patch_keeps_what_it_does_not_name_and_null_takes_away(pooled: World) -> None:
    await pooled.made("/routes", {"name": "bot", "pool": "fast", **_OVER})
    patched = (await pooled.call("PATCH", "/routes/bot", {"pool": "slow", "retries": None})).json()
    assert {name: patched[name] for name in _OVER if name != "retries"} == {
        name: said for name, said in _OVER.items() if name != "retries"
    }
    assert "retries" not in patched
    replaced = (await pooled.call("PUT", "/routes/bot", {"name": "bot", "pool": "slow"})).json()
    assert not set(_OVER) & set(replaced)
