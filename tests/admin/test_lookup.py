import pytest

from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.admin.lookup import WORDS, deleted, fetch, find_named, refuse_while_used, require
from ai_gateway.domain.faults import InvalidRequest, NotFound
from ai_gateway.store.rows import NOUNS, ApiKeyRow, AuditRow, DepartmentRow, TeamRow

_DEPARTMENT = DepartmentRow(id="dep_1", tenant_id=OWN, created_at=NOW, name="d")
_TEAM = TeamRow(id="team_1", tenant_id=OWN, created_at=NOW, name="t", department_id="dep_1")


def _key(revoked_at: float | None) -> ApiKeyRow:
    return ApiKeyRow(
        id="key_1",
        tenant_id=OWN,
        created_at=NOW,
        name="k",
        digest=b"d",
        display="",
        team_id="team_1",
        revoked_at=revoked_at,
    )


def test_every_noun_that_is_looked_up_has_a_word() -> None:
    assert set(WORDS) == {kind.noun for kind in NOUNS} - {AuditRow.noun}


async def test_a_foreign_row_is_a_missing_one(world: World) -> None:
    await world.insert(_TEAM)
    async with world.store.begin() as unit:
        assert await fetch(unit, TeamRow, OWN, "team_1") == _TEAM
        for scope, row_id in ((FOREIGN, "team_1"), (OWN, "team_2")):
            with pytest.raises(NotFound):
                await fetch(unit, TeamRow, scope, row_id)
            with pytest.raises(InvalidRequest):
                await require(unit, TeamRow, scope, "team_id", row_id)
        await require(unit, TeamRow, OWN, "team_id", None)


async def test_a_row_is_found_by_id_before_name(world: World) -> None:
    shadow = TeamRow(id="team_2", tenant_id=OWN, created_at=NOW, name="team_1")
    await world.insert(_TEAM, shadow)
    async with world.store.begin() as unit:
        assert await find_named(unit, TeamRow, OWN, "name", "team_1") == _TEAM
        assert await find_named(unit, TeamRow, OWN, "name", "t") == _TEAM
        assert await find_named(unit, TeamRow, FOREIGN, "name", "t") is None


async def test_what_is_used_is_not_broken_and_a_revoked_key_uses_nothing(world: World) -> None:
    await world.insert(_DEPARTMENT, _TEAM, _key(revoked_at=NOW))
    async with world.store.begin() as unit:
        with pytest.raises(InvalidRequest, match="team t"):
            await refuse_while_used(unit, _DEPARTMENT, {TeamRow: "department_id"})
        await refuse_while_used(unit, _TEAM, {ApiKeyRow: "team_id"})
        await unit.replace(_key(revoked_at=None))
        with pytest.raises(InvalidRequest, match="api key k"):
            await refuse_while_used(unit, _TEAM, {ApiKeyRow: "team_id"})
    assert deleted(_TEAM) == {"id": "team_1", "deleted": True}
