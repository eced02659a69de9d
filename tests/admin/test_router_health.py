from typing import Any

import pytest

from admin.world import FOREIGN, NOW, World
from ai_gateway.policy.health import Finding
from ai_gateway.store.observations import OverrideRow
from ai_gateway.store.rows import AuditRow

HEALTH = "/router/load-balancer/pools/fast/health"


@pytest.fixture
async def pooled(world: World) -> World:
    for name in ("openai-1", "openai-2", "lonely"):
        body = {"name": name, "provider": "openai", "endpoint_url": "mock://openai", "models": ["m"]}
        await world.made("/providers", body)
    for group in ("fast", "slow"):
        members = [{"name": "openai-1"}, {"name": "openai-2"}, {"name": "ghost"}]
        await world.made("/router/load-balancer/pools", {"group_name": group, "providers": members})
    return world


async def shown(world: World, name: str = "openai-1") -> tuple[bool, str]:
    pool = (await world.call("GET", "/router/load-balancer/stats")).json()["pools"][0]
    (member,) = [it for it in pool["providers"] if it["name"] == name]
    return member["healthy"], member["health_source"]


async def test_an_operator_takes_an_endpoint_out_until_he_takes_it_back(pooled: World) -> None:
    answer = await pooled.call("PUT", f"{HEALTH}/openai-1", {"healthy": False, "reason": "maintenance"})
    assert answer.json() == {
        "moved": ["openai-1"],
        "data": [{"name": "openai-1", "healthy": False, "health_source": "manual", "reason": "maintenance"}],
        "until": None,
        "also_in": ["slow"],
    }
    assert await shown(pooled) == (False, "manual")
    assert pooled.oncall.healths.withdrawn == {pooled.endpoint("openai-1").id}
    back = await pooled.call("PUT", f"{HEALTH}/openai-1", {"healthy": None})
    assert back.json()["data"][0]["healthy"] is True
    assert await shown(pooled) == (True, "traffic")


async def test_the_word_can_stand_in_the_address(pooled: World) -> None:
    assert (await pooled.call("PUT", f"{HEALTH}/openai-1?healthy=false")).json()["moved"] == ["openai-1"]
    assert await shown(pooled) == (False, "manual")
    await pooled.call("PUT", f"{HEALTH}/openai-1?healthy=true")
    assert await shown(pooled) == (True, "manual")


async def test_a_word_for_some_time_says_until_when(pooled: World) -> None:
    answer = await pooled.call("PUT", f"{HEALTH}/openai-1", {"healthy": False, "for_seconds": 600})
    assert answer.json()["until"] == "2027-01-15T08:10:00Z"
    pooled.now += 601
    assert await shown(pooled) == (True, "traffic")


async def test_an_operator_keeps_in_what_the_checks_would_take_out(pooled: World) -> None:
    for at in range(3):
        pooled.oncall.healths.checked(pooled.endpoint("openai-1").id, Finding.BAD, NOW + at)
    assert await shown(pooled) == (False, "check")
    await pooled.call("PUT", f"{HEALTH}/openai-1", {"healthy": True})
    assert await shown(pooled) == (True, "manual")
    assert pooled.oncall.healths.out == set()


async def test_a_provider_type_moves_the_members_of_the_pool_and_no_others(pooled: World) -> None:
    answer = await pooled.call("PUT", f"{HEALTH}/openai", {"healthy": False})
    assert answer.json()["moved"] == ["openai-1", "openai-2"]


@pytest.mark.parametrize("provider", ["lonely", "ghost", "nobody"])
async def test_who_is_no_member_is_a_404_that_lists_the_members(pooled: World, provider: str) -> None:
    answer = await pooled.call("PUT", f"{HEALTH}/{provider}", {"healthy": False})
    assert answer.status_code == 404
    assert answer.json()["error"]["gateway"]["suggested_action"] == "Its providers are: openai-1, openai-2."


async def test_an_unknown_pool_and_a_foreign_one_are_the_same_404(pooled: World) -> None:
    path = "/router/load-balancer/pools/other/health/openai-1"
    missing = await pooled.call("PUT", path, {"healthy": False})
    body = {"group_name": "other", "providers": [{"name": "openai-1"}]}
    await pooled.made("/router/load-balancer/pools", body, role="platform", tenant=FOREIGN)
    foreign = await pooled.call("PUT", path, {"healthy": False})
    assert (missing.status_code, foreign.status_code) == (404, 404)
    assert missing.json()["error"]["message"] == foreign.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [None, {"reason": "x"}, {"healthy": "no"}, {"healthy": False, "for_seconds": -1}, {"healthy": False, "x": 1}],
)
async def test_what_says_nothing_clear_moves_nothing(pooled: World, body: dict[str, Any] | None) -> None:
    answer = await pooled.call("PUT", f"{HEALTH}/openai-1", body)
    assert answer.status_code == 422
    assert await shown(pooled) == (True, "traffic")


async def test_the_word_is_kept_for_the_next_start_and_in_the_audit_log(pooled: World) -> None:
    await pooled.call("PUT", f"{HEALTH}/openai-1", {"healthy": False, "for_seconds": 60})
    endpoint_id = pooled.endpoint("openai-1").id
    assert await pooled.oncall.health_history.overrides() == [
        OverrideRow(endpoint_id=endpoint_id, tenant_id="ten_own", healthy=False, reason=None, until=NOW + 60, at=NOW)
    ]
    pooled.now += 1
    await pooled.call("PUT", f"{HEALTH}/openai-1", {"healthy": None})
    assert await pooled.oncall.health_history.overrides() == []
    deeds = [row.detail for row in await pooled.rows(AuditRow) if row.action == "set_health"]
    assert [it["healthy"] for it in deeds] == [False, None]
