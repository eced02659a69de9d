from admin.world import FOREIGN, OWN, PREFIX, TOKENS, World, without_id


async def test_a_platform_admin_must_name_the_tenant_of_a_tenants_resource(world: World) -> None:
    answer = await world.call("GET", "/teams", role="platform")
    assert answer.status_code == 400
    assert "X-Tenant-Id" in answer.json()["error"]["gateway"]["suggested_action"]


async def test_a_platform_admin_stands_where_it_says(world: World) -> None:
    await world.made("/teams", {"name": "t"}, role="platform", tenant=FOREIGN)
    own = await world.call("GET", "/teams", role="platform", tenant=OWN)
    foreign = await world.call("GET", "/teams", role="platform", tenant=FOREIGN)
    assert (len(own.json()["data"]), len(foreign.json()["data"])) == (0, 1)


async def test_a_tenant_that_is_not_there_is_a_404(world: World) -> None:
    assert (await world.call("GET", "/teams", role="platform", tenant="ten_none")).status_code == 404


async def test_a_tenants_token_may_name_its_own_tenant_and_no_other(world: World) -> None:
    assert (await world.call("GET", "/teams", tenant=OWN)).status_code == 200
    foreign = await world.call("GET", "/teams", tenant=FOREIGN)
    missing = await world.call("GET", "/teams", tenant="ten_none")
    assert foreign.status_code == 403
    assert without_id(foreign) == without_id(missing)


async def test_development_stands_in_the_default_tenant_unless_another_is_named(development: World) -> None:
    await development.made("/teams", {"name": "t"}, role=None)
    assert len((await development.call("GET", "/teams", role=None, tenant=OWN)).json()["data"]) == 1
    assert (await development.call("GET", "/teams", role=None, tenant=FOREIGN)).json()["data"] == []


async def test_two_tenants_in_one_request_are_none(world: World) -> None:
    headers = [("authorization", f"Bearer {TOKENS['platform']}"), ("x-tenant-id", OWN), ("x-tenant-id", FOREIGN)]
    answer = await world.raw("GET", f"{PREFIX}/teams", headers=headers)
    assert answer.status_code == 400
