from admin.world import NOW, OWN, World
from ai_gateway.admin.access import Principal, Role
from ai_gateway.admin.desk import Desk
from ai_gateway.admin.operations import NOT_WRITTEN, write_down
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import AuditRow


async def the_desk(world: World) -> Desk:
    await world.made("/providers", {"name": "up-1", "provider": "mock"})
    return Desk(doors=world.doors, principal=Principal(Role.TENANT_ADMIN, "ann", OWN), tenant_id=OWN)


async def test_a_deed_is_saved_and_has_a_row_for_each_endpoint(world: World) -> None:
    desk, saved = await the_desk(world), list[str]()

    async def save() -> None:
        saved.append("it")

    endpoint = world.endpoint("up-1")
    assert await write_down(desk, "force_open", [endpoint], {"reason": "x"}, save) == []
    assert saved == ["it"]
    (row,) = [it for it in await world.rows(AuditRow) if it.action == "force_open"]
    assert (row.actor, row.target_noun, row.target_id, row.created_at) == (
        "ann",
        "provider_configs_v2",
        endpoint.id,
        NOW,
    )
    assert row.detail == {"name": "up-1", "reason": "x"}


async def test_what_cannot_be_written_is_a_warning_and_no_refusal(world: World) -> None:
    desk = await the_desk(world)

    async def fail() -> None:
        raise StoreUnavailable

    assert await write_down(desk, "force_open", [world.endpoint("up-1")], {}, fail) == [NOT_WRITTEN]
    assert not [it for it in await world.rows(AuditRow) if it.action == "force_open"]
