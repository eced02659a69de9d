from typing import Any

import pytest

from admin.world import OWN, World
from ai_gateway.store.rows import PoolRow

_POOLS = "/router/load-balancer/pools"


async def _pool(world: World, name: str, *fallbacks: str, **more: Any) -> Any:
    body = {"group_name": name, "providers": [{"name": "ghost"}], "fallbacks": list(fallbacks), **more}
    return await world.call("POST", _POOLS, body)


async def _default(world: World, *groups: str) -> Any:
    return await world.call("PATCH", f"/tenants/{OWN}", {"default_fallbacks": list(groups)}, role="platform")


async def test_a_pool_does_not_fall_back_on_itself(world: World) -> None:
    answer = await _pool(world, "a", "a")
    assert answer.status_code == 409
    assert answer.json()["error"]["param"] == "fallbacks"
    assert "a -> a" in answer.json()["error"]["message"]
    assert await world.rows(PoolRow) == []


async def test_the_pool_that_closes_a_ring_is_refused_with_the_ring_and_the_old_one_stays(world: World) -> None:
    assert (await _pool(world, "a", "b")).status_code == 201
    assert (await _pool(world, "b", "c")).status_code == 201
    assert (await _pool(world, "c")).status_code == 201
    answer = await _pool(world, "c", "a")
    assert answer.status_code == 409
    assert "a -> b -> c -> a" in answer.json()["error"]["message"]
    assert (await world.call("GET", f"{_POOLS}/c")).json()["fallbacks"] == []


async def test_a_ring_over_the_default_ones_is_refused_and_says_how_to_end_it(world: World) -> None:
    await world.made(_POOLS, {"group_name": "a", "providers": [{"name": "ghost"}]})
    assert (await _pool(world, "d", "a")).status_code == 201
    answer = await _default(world, "d")
    assert (answer.status_code, answer.json()["error"]["param"]) == (409, "default_fallbacks")
    assert "a -> d -> a" in answer.json()["error"]["message"]
    assert "'a' has none of its own" in answer.json()["error"]["message"]
    assert (await world.call("GET", f"/tenants/{OWN}")).json()["default_fallbacks"] == []
    assert (await _pool(world, "a")).status_code == 200
    assert (await _default(world, "d")).status_code == 200


async def test_a_pool_that_would_make_a_ring_of_default_ones_is_refused(world: World) -> None:
    await _pool(world, "d")
    await _default(world, "d")
    assert (await world.call("POST", _POOLS, {"group_name": "a", "providers": [{"name": "ghost"}]})).status_code == 201
    assert (await _pool(world, "d", "a")).status_code == 409


async def test_a_long_ring_is_not_listed_whole(world: World) -> None:
    for number in range(30):
        await _pool(world, f"g{number}", f"g{number + 1}")
    message = (await _pool(world, "g30", "g0")).json()["error"]["message"]
    assert "g0 -> g1" in message
    assert "... -> g0" in message
    assert "g20" not in message


@pytest.mark.parametrize("where", ["pool", "tenant"])
async def test_a_fallback_that_is_not_there_is_taken_with_a_warning(world: World, where: str) -> None:
    answer = await (_pool(world, "a", "later") if where == "pool" else _default(world, "later"))
    assert answer.status_code in (200, 201)
    assert any("'later'" in warning for warning in answer.json()["warnings"])
    await _pool(world, "later")
    again = await (_pool(world, "a", "later") if where == "pool" else _default(world, "later"))
    assert all("'later'" not in warning for warning in again.json().get("warnings", []))


async def test_deleting_a_group_warns_of_who_still_falls_back_on_it(world: World) -> None:
    await _pool(world, "d")
    await _pool(world, "a", "d")
    await _default(world, "d")
    answer = (await world.call("DELETE", f"{_POOLS}/d")).json()
    assert len(answer["warnings"]) == 2
    assert "'a'" in answer["warnings"][0]
    assert "default_fallbacks" in answer["warnings"][1]
    assert "warnings" not in (await world.call("DELETE", f"{_POOLS}/a")).json()


async def test_a_document_may_turn_fallbacks_round_and_warns_of_none_that_it_brings(world: World) -> None:
    def document(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
        pools = [{"providers": [{"name": "up"}], **group} for group in (one, other)]
        providers = [{"name": "up", "provider": "mock", "models": ["m"]}]
        return {"version": 1, "providers": providers, "pools": pools}

    first = document({"group_name": "a", "fallbacks": ["b"]}, {"group_name": "b"})
    assert (await world.made("/config/apply", first))["warnings"] == []
    turned = document({"group_name": "b", "fallbacks": ["a"]}, {"group_name": "a"})
    assert (await world.made("/config/apply", turned))["warnings"] == []
    ring = document({"group_name": "a", "fallbacks": ["b"]}, {"group_name": "b", "fallbacks": ["a"]})
    refused = await world.call("POST", "/config/apply", ring)
    assert refused.status_code == 409
    assert "a -> b -> a" in refused.json()["error"]["message"]
