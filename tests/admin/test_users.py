from admin.world import World


async def test_a_user_lives_its_life(world: World) -> None:
    team = await world.made("/teams", {"name": "t"})
    user = await world.made("/users", {"name": "Ann", "email": "ann@example.org", "team_id": team["id"]})
    path = f"/users/{user['id']}"
    assert (user["email"], user["team_id"]) == ("ann@example.org", team["id"])
    assert (await world.call("PATCH", path, {"email": None})).json()["email"] is None
    replaced = (await world.call("PUT", path, {"name": "Bob"})).json()
    assert (replaced["name"], replaced["team_id"]) == ("Bob", None)
    assert (await world.call("DELETE", path)).status_code == 200
    assert (await world.call("GET", "/users")).json()["data"] == []


async def test_a_user_of_no_team_is_refused(world: World) -> None:
    answer = await world.call("POST", "/users", {"name": "Ann", "team_id": "team_no"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (422, "team_id")


async def test_a_user_with_a_live_key_is_not_deleted_and_one_with_a_revoked_key_is(world: World) -> None:
    user = await world.made("/users", {"name": "Ann"})
    key = await world.made("/api-keys", {"name": "k", "user_id": user["id"]})
    assert (await world.call("DELETE", f"/users/{user['id']}")).status_code == 409
    await world.call("POST", f"/api-keys/{key['id']}/revoke")
    assert (await world.call("DELETE", f"/users/{user['id']}")).status_code == 200
