import pytest

from admin.world import FOREIGN, World, without_id


async def test_the_teams_line_of_the_readme_works_as_written(world: World) -> None:
    answer = await world.call("POST", "/teams", {"name": "t1", "department_id": None})
    assert answer.status_code == 201
    assert answer.json()["id"].startswith("team_")


async def test_a_team_moves_between_departments_of_its_tenant(world: World) -> None:
    department = await world.made("/departments", {"name": "d"})
    team = await world.made("/teams", {"name": "t"})
    moved = await world.call("PATCH", f"/teams/{team['id']}", {"department_id": department["id"]})
    assert moved.json()["department_id"] == department["id"]
    out = await world.call("PATCH", f"/teams/{team['id']}", {"department_id": None})
    assert out.json()["department_id"] is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_foreign_department_is_a_missing_one(world: World, method: str) -> None:
    foreign = await world.made("/departments", {"name": "d"}, role="platform", tenant=FOREIGN)
    team = await world.made("/teams", {"name": "t"})
    path = "/teams" if method == "POST" else f"/teams/{team['id']}"
    answers = [
        await world.call(method, path, {"name": "u", "department_id": row_id}) for row_id in (foreign["id"], "dep_no")
    ]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert without_id(answers[0]) == without_id(answers[1])
    assert answers[0].json()["error"]["param"] == "department_id"


async def test_a_team_with_a_user_is_not_deleted(world: World) -> None:
    team = await world.made("/teams", {"name": "t"})
    await world.made("/users", {"name": "Ann", "team_id": team["id"]})
    assert (await world.call("DELETE", f"/teams/{team['id']}")).status_code == 409


async def test_a_team_is_live_in_the_snapshot_when_the_call_returns(world: World) -> None:
    department = await world.made("/departments", {"name": "d"})
    team = await world.made("/teams", {"name": "t", "department_id": department["id"]})
    (tenant,) = [tenant for tenant in world.snapshot.tenants.values() if tenant.name == "Own"]
    assert tenant.team_departments[team["id"]] == department["id"]
