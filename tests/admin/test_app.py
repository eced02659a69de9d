import pytest

from admin.world import PREFIX, World
from ai_gateway.admin.app import NOUNS, build
from ai_gateway.admin.routing import AdminRoute


async def test_an_unknown_path_and_a_wrong_method_speak_the_same_shape(world: World) -> None:
    unknown = await world.call("GET", "/nowhere")
    wrong = await world.call("PATCH", "/teams")
    assert (unknown.status_code, wrong.status_code) == (404, 405)
    assert wrong.headers["allow"] == "GET, POST"
    for answer in (unknown, wrong):
        assert set(answer.json()["error"]["gateway"]) >= {"category", "origin", "suggested_action", "request_id"}


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/api/v1/admin/teams/"])
async def test_nothing_is_served_beside_the_table(world: World, path: str) -> None:
    assert (await world.raw("GET", path)).status_code == 404


def test_every_route_of_the_table_is_in_the_app_and_no_other() -> None:
    app = build(World().doors)
    declared = {(route.method, PREFIX + route.path) for _, routes in NOUNS for route in routes}
    served = {(method, route.path) for route in app.routes if isinstance(route, AdminRoute) for method in route.methods}
    assert served == declared
    assert len(app.routes) == len(declared)


async def test_a_taken_name_is_a_409_that_names_the_field(world: World) -> None:
    await world.made("/teams", {"name": "t1"})
    answer = await world.call("POST", "/teams", {"name": "t1"})
    assert answer.status_code == 409
    assert answer.json()["error"]["param"] == "name"
