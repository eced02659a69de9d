import pytest

from admin.world import NOW, OWN, World
from ai_gateway.admin.access import Principal, Role
from ai_gateway.admin.changes import changing, name_of
from ai_gateway.store.rows import AuditRow, PoolRow, PriceRow, TeamRow

_SOMEBODY = Principal(role=Role.TENANT_ADMIN, actor="somebody", tenant_id=OWN)


def _team(name: str) -> TeamRow:
    return TeamRow(id=f"team_{name}", tenant_id=OWN, created_at=NOW, name=name)


async def test_a_change_leaves_its_row_its_trace_and_a_revision_that_is_live(world: World) -> None:
    async with changing(world.doors, _SOMEBODY) as change:
        await change.insert(_team("a"), colour="red")
        assert world.published == []
    (trace,) = await world.rows(AuditRow)
    assert (trace.actor, trace.action, trace.target_noun, trace.target_id) == ("somebody", "create", "teams", "team_a")
    assert trace.detail == {"name": "a", "colour": "red"}
    assert [(event.noun, event.noun_id) for event in world.published] == [("teams", "team_a")]


async def test_a_change_that_fails_leaves_nothing(world: World) -> None:
    before = await world.everything()

    async def fail_halfway() -> None:
        async with changing(world.doors, _SOMEBODY) as change:
            await change.insert(_team("a"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_halfway()
    assert await world.rows(TeamRow) == []
    assert await world.rows(AuditRow) == []
    assert await world.everything() == before
    assert world.published == []


async def test_folded_changes_are_published_once_at_the_last_revision(world: World) -> None:
    async with changing(world.doors, _SOMEBODY) as change:
        await change.insert(_team("a"))
        await change.insert(_team("b"))
        await change.fold(OWN, "configuration")
    (event,) = world.published
    assert event.noun == "configuration"
    assert event.revision == (await world.store.changes_since(0))[-1].revision
    assert len(await world.rows(AuditRow)) == 2


async def test_folding_nothing_is_no_change(world: World) -> None:
    async with changing(world.doors, _SOMEBODY) as change:
        await change.fold(OWN, "configuration")
    assert world.published == []


def test_a_row_is_called_what_people_call_it() -> None:
    pool = PoolRow(id="p", tenant_id=OWN, created_at=NOW, group_name="fast", strategy="random")
    price = PriceRow(id="x", tenant_id=OWN, created_at=NOW, model="m", input_pico=1, output_pico=1, effective_from=NOW)
    assert (name_of(_team("a")), name_of(pool), name_of(price)) == ("a", "fast", "m")
