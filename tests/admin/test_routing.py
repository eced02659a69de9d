import pytest
from fastapi import FastAPI

from admin.world import PREFIX, TOKENS, World
from ai_gateway.admin.access import Permission
from ai_gateway.admin.routing import AdminRoute, Route, add_routes, check_all_declared


async def _handler() -> dict[str, str]:
    return {}


def test_a_route_without_a_permission_does_not_build() -> None:
    with pytest.raises(ValueError, match="declares no permission"):
        AdminRoute("/x", _handler, methods=["GET"])


def test_an_app_with_a_route_from_elsewhere_does_not_build() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    add_routes(app.router, "x", [Route("GET", "/x", _handler, Permission.READ)])
    check_all_declared(app)
    app.add_api_route("/y", _handler)
    with pytest.raises(ValueError, match="/y declares no permission"):
        check_all_declared(app)


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]
)
async def test_a_body_is_json_whatever_its_content_type_says(world: World, content_type: str | None) -> None:
    headers = {"authorization": f"Bearer {TOKENS['tenant_admin']}"}
    if content_type is not None:
        headers["content-type"] = content_type
    answer = await world.raw("POST", f"{PREFIX}/teams", content=b'{"name":"t1","department_id":null}', headers=headers)
    assert answer.status_code == 201


@pytest.mark.parametrize("content", [b"", b"[]", b'{"name":"a","name":"b"}', b"\xff", b'{"name":"\\ud800"}', b"{"])
async def test_a_body_that_is_no_proper_object_is_a_400(world: World, content: bytes) -> None:
    headers = {"authorization": f"Bearer {TOKENS['tenant_admin']}"}
    answer = await world.raw("POST", f"{PREFIX}/teams", content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_json"


async def test_a_large_body_is_parsed_as_strictly_as_a_small_one(world: World) -> None:
    headers = {"authorization": f"Bearer {TOKENS['tenant_admin']}"}
    content = b'{"name":"a","name":"b"' + b" " * 100_000 + b"}"
    assert (await world.raw("POST", f"{PREFIX}/teams", content=content, headers=headers)).status_code == 400


@pytest.mark.parametrize("content", [None, b"", b"  "])
async def test_a_body_that_may_be_left_out_may_be_empty(world: World, content: bytes | None) -> None:
    await world.made("/providers", {"name": "up-1", "provider": "mock"})
    headers = {"authorization": f"Bearer {TOKENS['tenant_admin']}"}
    path = f"{PREFIX}/router/circuit-breakers/up-1/force-open"
    assert (await world.raw("POST", path, content=content, headers=headers)).status_code == 200
    assert (await world.raw("POST", path, content=b"[]", headers=headers)).status_code == 400
