"""What is the twin's own; what it shares with SQL is in test_contract.py."""

from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.rows import ApiKeyRow, TeamRow
from store.rows_for_tests import a_compiler, a_key, a_team


async def test_a_unit_works_on_a_copy_until_it_ends() -> None:
    store = MemoryStore(a_compiler())
    async with store.begin() as unit:
        await unit.insert(a_team())
        await unit.bump("t1", "teams", "team_1")
        assert await store.changes_since(0) == []
    assert len(await store.changes_since(0)) == 1


async def test_two_stores_share_nothing() -> None:
    first, second = MemoryStore(a_compiler()), MemoryStore(a_compiler())
    async with first.begin() as unit:
        await unit.insert(a_team())
    async with second.begin() as unit:
        assert await unit.find(TeamRow, "t1") == []


async def test_filling_a_table_is_not_quadratic() -> None:
    """20,000 keys, each compared with each other, are 200 million comparisons: minutes, beyond a test's limit."""
    store = MemoryStore(a_compiler())
    async with store.begin() as unit:
        for number in range(20_000):
            await unit.insert(a_key(f"key_{number}"))
        assert len(await unit.find(ApiKeyRow, "t1")) == 20_000
