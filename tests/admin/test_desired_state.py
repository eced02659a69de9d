import copy
from typing import Any

import pytest

from admin.test_document import FULL, PLAIN
from admin.world import OWN, World
from ai_gateway.store.rows import AuditRow, PriceRow

_NOTHING = {"created": [], "updated": [], "deleted": [], "warnings": []}


async def _apply(world: World, **sections: Any) -> dict[str, Any]:
    return await world.made("/config/apply", {"version": 1, **sections})


async def test_a_document_makes_what_it_names_and_says_so(world: World) -> None:
    outcome = await world.made("/config/apply", FULL)
    assert [item["noun"] for item in outcome["created"]] == [
        "department",
        "team",
        "user",
        "provider config",
        "pool",
        "pool",
        "route",
        "price",
        "budget",
    ]
    ((noun, changes),) = [(it["noun"], it["changes"]) for it in outcome["updated"]]
    assert noun == "tenant"
    assert [it["path"].split(".")[0].split("[")[0] for it in changes] == [
        "default_fallbacks",
        "rules",
        "timezone",
        "failed_attempts",
        "language",
        "error_messages",
    ]
    assert outcome["deleted"] == []
    tenant = next(tenant for tenant in world.snapshot.tenants.values() if tenant.id == OWN)
    assert set(tenant.courses) == {"fast", "spare", "bot"}
    assert [tier.pool for tier in tenant.courses["bot"].tiers] == ["fast", "spare"]
    assert len(world.published) == 1
    assert len(await world.rows(AuditRow)) == 12


async def test_applying_it_again_changes_nothing(world: World) -> None:
    await world.made("/config/apply", FULL)
    before = await world.everything()
    assert await world.made("/config/apply", FULL) == _NOTHING
    assert await world.everything() == before


async def test_applying_an_export_changes_nothing(world: World) -> None:
    await world.made("/config/apply", FULL)
    await world.made("/providers", {"name": "two", "provider": "openai", "api_key": "sk-0123456789abcd"})
    exported = (await world.call("GET", "/config/export")).json()
    assert await world.made("/config/apply", {**exported, "prune": True}) == _NOTHING


async def test_what_differs_is_updated_by_name(world: World) -> None:
    await world.made("/config/apply", FULL)
    changed = copy.deepcopy(FULL)
    changed["pools"][0]["strategy"] = "round_robin"
    changed["departments"][0]["cost_limit_monthly"] = 60
    outcome = await world.made("/config/apply", changed)
    assert [(it["noun"], it["name"]) for it in outcome["updated"]] == [("department", "Sales"), ("pool", "fast")]
    (strategy,) = outcome["updated"][1]["changes"]
    assert strategy == {"path": "strategy", "before": "random", "after": "round_robin"}
    assert outcome["created"] == []


async def test_without_prune_nothing_is_deleted(world: World) -> None:
    await world.made("/config/apply", FULL)
    assert await _apply(world, pools=[], routes=[], teams=[]) == _NOTHING


async def test_prune_deletes_what_named_sections_leave_out_and_never_prices(world: World) -> None:
    await world.made("/config/apply", FULL)
    empty = {section: [] for section in FULL if section not in PLAIN}
    outcome = await _apply(world, prune=True, **empty)
    assert [(it["noun"], it["name"]) for it in outcome["updated"]] == [("tenant", "Own")]
    assert [item["noun"] for item in outcome["deleted"]] == [
        "budget",
        "route",
        "pool",
        "pool",
        "provider config",
        "user",
        "team",
        "department",
    ]
    assert len(await world.rows(PriceRow)) == 1


async def test_prune_leaves_sections_alone_that_are_not_there(world: World) -> None:
    await world.made("/config/apply", FULL)
    outcome = await _apply(world, prune=True, routes=[])
    assert outcome["deleted"] == [{"noun": "route", "name": "bot"}]


async def test_prune_refuses_what_delete_refuses_and_then_changes_nothing(world: World) -> None:
    await world.made("/config/apply", FULL)
    before = await world.everything()
    answer = await world.call("POST", "/config/apply", {"version": 1, "prune": True, "pools": []})
    assert answer.status_code == 409
    assert await world.everything() == before


@pytest.mark.parametrize(
    ("sections", "status"),
    [
        ({"teams": [{"name": "a"}, {"name": "a"}]}, 422),
        ({"teams": [{"name": "a", "department": "none"}]}, 422),
        ({"users": [{"name": "a", "team": "none"}]}, 422),
        ({"routes": [{"name": "a", "pool": "none"}]}, 422),
        ({"providers": [{"name": "a", "provider": "openai", "api_key_secret_name": "none"}]}, 422),
        ({"providers": [{"name": "a", "provider": "openai", "api_key_secret_name": "env:X"}]}, 403),
        ({"departments": [{"name": "a"}], "pools": [{"group_name": "x/y", "providers": [{"name": "g"}]}]}, 422),
        ({"departments": [{"name": "a"}], "routes": [{"name": "r", "pool": "none"}]}, 422),
        ({"version": 2}, 422),
        ({"tenants": []}, 422),
    ],
)
async def test_a_document_that_cannot_be_is_refused_whole(world: World, sections: dict[str, Any], status: int) -> None:
    before = await world.everything()
    answer = await world.call("POST", "/config/apply", {"version": 1, **sections})
    assert answer.status_code == status
    assert await world.everything() == before


async def test_a_key_in_a_document_is_stored_as_a_secret(world: World) -> None:
    provider = {"name": "up", "provider": "openai", "api_key": "sk-0123456789abcd"}
    await _apply(world, providers=[provider])
    outcome = await _apply(world, providers=[provider])
    assert outcome["updated"] == [{"noun": "secret", "name": "provider:up"}]
    tenant = next(tenant for tenant in world.snapshot.tenants.values() if tenant.id == OWN)
    key = tenant.endpoints["up"].api_key
    assert key is not None
    assert key.reveal() == "sk-0123456789abcd"


async def test_a_price_without_a_date_is_added_once(world: World) -> None:
    price = {"model": "m", "input_per_million_usd": 1, "output_per_million_usd": 2}
    assert len((await _apply(world, prices=[price]))["created"]) == 1
    assert await _apply(world, prices=[price]) == _NOTHING
    assert len((await _apply(world, prices=[{**price, "input_per_million_usd": 3}]))["created"]) == 1
