from admin.world import World


async def test_the_api_describes_itself_without_a_foreign_host(world: World) -> None:
    document = (await world.call("GET", "/openapi.json", role="viewer")).json()
    assert document["openapi"].startswith("3.")
    assert document["paths"]["/api/v1/admin/teams"]["post"]["x-permission"] == "change"
    operations = (await world.call("GET", "/docs", role="viewer")).json()
    assert {"method", "path", "permission", "summary"} == set(operations["data"][0])
    assert len(operations["data"]) == sum(len(path) for path in document["paths"].values())


async def test_the_description_is_made_once_for_all_who_ask(world: World) -> None:
    assert "paths" in (await world.call("GET", "/openapi.json")).json()
    world.app.openapi_schema = {"openapi": "made before"}
    assert (await world.call("GET", "/openapi.json")).json() == {"openapi": "made before"}


async def test_the_description_is_not_for_strangers(world: World) -> None:
    assert (await world.call("GET", "/openapi.json", role=None)).status_code == 401
