import pytest

from admin.test_document import FULL
from admin.world import World


async def test_validate_and_diff_say_what_would_happen_and_change_nothing(world: World) -> None:
    before = await world.everything()
    assert (await world.call("POST", "/config/validate", FULL)).json() == {"valid": True, "warnings": []}
    planned = (await world.call("POST", "/config/diff", FULL)).json()
    assert await world.everything() == before
    assert world.published == []
    assert (await world.call("POST", "/config/import", FULL)).json() == planned


async def test_validate_refuses_what_apply_would_refuse(world: World) -> None:
    wrong = {"version": 1, "routes": [{"name": "bot", "pool": "none"}]}
    said = [await world.call("POST", f"/config/{verb}", wrong) for verb in ("validate", "diff", "apply")]
    assert [answer.status_code for answer in said] == [422, 422, 422]
    assert len({answer.json()["error"]["message"] for answer in said}) == 1


async def test_a_document_may_be_larger_than_other_bodies(world: World) -> None:
    users = [{"name": f"user-{number:06}", "email": "somebody@" + "x" * 100} for number in range(10_000)]
    assert (await world.call("POST", "/config/validate", {"version": 1, "users": users})).status_code == 200


@pytest.mark.parametrize("verb", ["validate", "diff", "apply", "import"])
async def test_a_viewer_only_exports(world: World, verb: str) -> None:
    assert (await world.call("POST", f"/config/{verb}", FULL, role="viewer")).status_code == 403
    assert (await world.call("GET", "/config/export", role="viewer")).status_code == 200
