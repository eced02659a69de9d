import pytest

from admin.test_budgets import BODY, DOLLAR, a_team, spend
from admin.world import OWN, World
from ai_gateway.admin.budget_sources import percent_of


@pytest.mark.parametrize(
    ("amount", "spent", "percent"), [(1000, 0, 0.0), (3, 2, 66.6), (1000, 999, 99.9), (10, 15, 150.0), (0, 0, 100.0)]
)
def test_per_cent_are_cut_and_nothing_of_nothing_is_all(amount: int, spent: int, percent: float) -> None:
    assert percent_of(amount, spent) == percent


async def test_the_dashboard_has_what_is_well_used_the_fullest_first(world: World) -> None:
    team = await a_team(world)
    await world.made("/budgets", {**BODY, "scope_id": team, "limit_tokens": 11})
    key = await world.made("/api-keys", {"name": "Test", "cost_limit_daily": 1})
    await world.made("/api-keys", {"name": "Fresh", "cost_limit_daily": 1})
    spend(world, ("team", team), DOLLAR * 85 // 100, *world.snapshot.tenants[OWN].limits["team", team])
    spend(world, ("key", key["id"]), DOLLAR)
    near = (await world.call("GET", "/router/health-dashboard")).json()["budgets_near_limit"]
    assert [(it["scope"], it["scope_name"], it["window"], it["percent_used"]) for it in near] == [
        ("key", "Test", "daily", 100.0),
        ("team", "Search", "daily", 90.9),
        ("team", "Search", "daily", 85.0),
    ]
    assert near[0]["limit_nano_usd"] == near[0]["spent_nano_usd"] == DOLLAR
    assert (near[1]["limit_tokens"], near[1]["spent_tokens"]) == (11, 10)
