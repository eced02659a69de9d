from typing import Any

import pytest

from admin.world import World


async def test_a_department_lives_its_life(world: World) -> None:
    made = await world.made("/departments", {"name": "Sales", "cost_limit_monthly": 50})
    path = f"/departments/{made['id']}"
    assert made["cost_limit_monthly"] == "50.00"
    assert "enforced" not in made
    assert (await world.call("GET", path)).json() == made
    patched = (await world.call("PATCH", path, {"rate_limits": {"max_concurrent": 3}})).json()
    assert (patched["name"], patched["cost_limit_monthly"]) == ("Sales", "50.00")
    replaced = (await world.call("PUT", path, {"name": "Sold"})).json()
    assert (replaced["name"], replaced["cost_limit_monthly"]) == ("Sold", None)
    assert (await world.call("DELETE", path)).json() == {"id": made["id"], "deleted": True}
    assert (await world.call("GET", path)).status_code == 404


async def test_a_department_with_a_team_is_not_deleted(world: World) -> None:
    department = await world.made("/departments", {"name": "d"})
    await world.made("/teams", {"name": "Closers", "department_id": department["id"]})
    answer = await world.call("DELETE", f"/departments/{department['id']}")
    assert answer.status_code == 409
    assert "Closers" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": 5},
        {"name": None},
        {"name": "d", "cost_limit_daily": -1},
        {"name": "d", "cost_limit_daily": "-0.10"},
        {"name": "d", "cost_limit_daily": "0.0000000001"},
        {"name": "d", "cost_limit_daily": "much"},
        {"name": "d", "cost_limit_daily": True},
        {"name": "d", "id": "dep_mine"},
        {"name": "d", "tenant_id": "ten_foreign"},
    ],
)
async def test_a_department_with_a_wrong_field_is_refused(world: World, body: dict[str, Any]) -> None:
    answer = await world.call("POST", "/departments", body)
    assert answer.status_code == 422
    assert (await world.call("GET", "/departments")).json()["data"] == []
