from admin.world import FOREIGN, OWN, World


async def test_a_change_is_read_back_with_its_author_newest_first(world: World) -> None:
    team = await world.made("/teams", {"name": "t"})
    world.now += 1
    await world.call("DELETE", f"/teams/{team['id']}")
    newest, oldest = (await world.call("GET", "/audit", role="viewer")).json()["data"]
    assert (newest["action"], oldest["action"]) == ("delete", "create")
    assert oldest["actor"] == "tenant_admin (adm_tenant_admin)"
    assert (oldest["target_noun"], oldest["target_id"], oldest["detail"]) == ("teams", team["id"], {"name": "t"})


async def test_the_authors_without_a_row_are_named_too(world: World, development: World) -> None:
    await world.made("/tenants", {"name": "x"}, role="platform")
    await development.made("/teams", {"name": "t"}, role=None)
    bootstrap = (await world.call("GET", "/audit", role="platform")).json()["data"]
    developer = (await development.call("GET", "/audit", role=None)).json()["data"]
    assert (bootstrap[0]["actor"], developer[0]["actor"]) == ("bootstrap token", "development")


async def test_a_tenant_sees_its_own_changes_and_the_platform_sees_all(world: World) -> None:
    await world.made("/teams", {"name": "own"})
    await world.made("/teams", {"name": "foreign"}, role="platform", tenant=FOREIGN)
    assert {row["tenant_id"] for row in (await world.call("GET", "/audit")).json()["data"]} == {OWN}
    every = (await world.call("GET", "/audit", role="platform")).json()["data"]
    assert {row["tenant_id"] for row in every} == {OWN, FOREIGN}


async def test_no_secret_is_in_the_trace(world: World) -> None:
    key = await world.made("/api-keys", {"name": "k"})
    token = await world.made("/tokens", {"role": "viewer", "name": "v"})
    await world.made("/secrets", {"name": "s", "value": "sk-value-of-a-secret"})
    await world.made("/providers", {"name": "p", "provider": "openai", "api_key": "sk-value-of-a-key-0"})
    trace = (await world.call("GET", "/audit")).text
    for secret in (key["key"], token["token"], "sk-value-of-a-secret", "sk-value-of-a-key-0"):
        assert secret not in trace
