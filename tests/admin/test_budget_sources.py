from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from admin.test_budgets import BODY, DOLLAR, a_team, spend
from admin.world import NOW, OWN, World
from ai_gateway.admin.app import build
from ai_gateway.admin.budget_sources import percent_of
from ai_gateway.domain.budgets import Limit, Window
from ai_gateway.domain.events import BudgetCrossed
from ai_gateway.domain.traffic import WindowSpent
from ai_gateway.policy.windows import window_id
from ai_gateway.runtime.cells import Standing

DAY = int(NOW // 86_400)
DATE = window_id(Window.DAILY, DAY)[2:]


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
    (limited,) = (it for it in world.snapshot.keys.values() if it.id == key["id"])
    spend(world, ("key", key["id"]), DOLLAR, *limited.limits)
    near = (await world.call("GET", "/router/health-dashboard")).json()["budgets_near_limit"]
    assert [(it["scope"], it["scope_name"], it["window"], it["percent_used"]) for it in near] == [
        ("key", "Test", "daily", 100.0),
        ("team", "Search", "daily", 90.9),
        ("team", "Search", "daily", 85.0),
    ]
    assert near[0]["limit_nano_usd"] == near[0]["spent_nano_usd"] == DOLLAR
    assert (near[1]["limit_tokens"], near[1]["spent_tokens"]) == (11, 10)


async def test_what_another_process_has_warned_of_is_near_too(world: World) -> None:
    """This one has read from the books what was spent, and nobody has asked it anything yet; what was warned of in a
    window that is over, or at a limit that is gone, is not near."""
    key = await world.made("/api-keys", {"name": "Test", "cost_limit_daily": 1})
    world.meters.restore([WindowSpent(("key", key["id"]), Window.DAILY, DAY, (DOLLAR, 0, 0))])
    crossed = BudgetCrossed(OWN, "key", key["id"], "Test", f"D:{DATE}", "usd", 90, DOLLAR, DOLLAR, world.now)
    gone = [
        msgspec.structs.replace(crossed, window_id="D:2020-01-01"),
        msgspec.structs.replace(crossed, window_id="T:total"),
        msgspec.structs.replace(crossed, scope_id="key_gone"),
    ]
    await world.warnings.write([*gone, crossed])
    (near,) = (await world.call("GET", "/router/health-dashboard")).json()["budgets_near_limit"]
    assert (near["scope_id"], near["percent_used"], near["window_id"]) == (key["id"], 100.0, f"D:{DATE}")


async def test_the_dashboard_asks_for_no_limit_that_is_little_used(world: World) -> None:
    class Counting:
        asked = 0

        async def of(self, limits: Sequence[Limit], *rest: Any) -> list[Standing]:
            Counting.asked += len(limits)
            return await world.doors.budgets.of(limits, *rest)

        near = world.doors.budgets.near

    for number in range(20):
        await world.made("/api-keys", {"name": f"key {number}", "cost_limit_daily": 1})
    for key in world.snapshot.keys.values():
        spend(world, ("key", key.id), DOLLAR * 79 // 100 + (key.name == "key 7") * DOLLAR // 100, *key.limits)
    counting: Any = Counting()
    world.app = build(msgspec.structs.replace(world.doors, budgets=counting))
    (near,) = (await world.call("GET", "/router/health-dashboard")).json()["budgets_near_limit"]
    assert (near["scope_name"], Counting.asked) == ("key 7", 1)
