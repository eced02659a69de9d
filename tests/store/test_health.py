from typing import Any

import msgspec
import pytest

from ai_gateway.store.health import HealthHistory, MemoryHealthHistory, SqlHealthHistory
from ai_gateway.store.observations import HealthRow, OverrideRow
from ai_gateway.store.records import Store
from ai_gateway.store.sql import SqlStore


@pytest.fixture
def history(store: Store) -> HealthHistory:
    return SqlHealthHistory(store) if isinstance(store, SqlStore) else MemoryHealthHistory()


def a_look(at: float = 1.0, **changes: Any) -> HealthRow:
    fields: dict[str, Any] = {"tenant_id": "t1", "endpoint_id": "pc_1", "endpoint": "openai-1", "provider": "openai"}
    fields |= {"at": at, "source": "check", "ok": True, "healthy": True}
    return HealthRow(**fields | changes)


def a_word(endpoint_id: str = "pc_1", **changes: Any) -> OverrideRow:
    fields: dict[str, Any] = {"endpoint_id": endpoint_id, "tenant_id": "t1", "healthy": False}
    fields |= {"reason": "maintenance", "until": 9.0, "at": 1.0}
    return OverrideRow(**fields | changes)


def unnumbered(rows: list[HealthRow]) -> list[HealthRow]:
    return [msgspec.structs.replace(row, id=0) for row in rows]


async def test_a_look_comes_back_as_it_went_in(history: HealthHistory) -> None:
    bare = a_look(ok=None)
    full = a_look(2.0, ok=False, status=503, latency_ms=12.5, category="overloaded", reason="It is full.", paid=True)
    await history.append([bare, full])
    await history.append([])
    assert unnumbered(await history.page("t1", "pc_1")) == [full, bare]


async def test_looks_are_read_newest_first_page_by_page(history: HealthHistory) -> None:
    await history.append([a_look(float(at)) for at in range(5)])
    first = await history.page("t1", "pc_1", limit=2)
    rest = await history.page("t1", "pc_1", before=first[-1].id)
    assert [row.at for row in [*first, *rest]] == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("other", [{"tenant_id": "t2"}, {"endpoint_id": "pc_2"}])
async def test_another_tenants_and_another_endpoints_looks_are_not_read(
    history: HealthHistory, other: dict[str, Any]
) -> None:
    await history.append([a_look(**other)])
    assert await history.page("t1", "pc_1") == []


async def test_what_is_older_than_the_retention_is_cut(history: HealthHistory) -> None:
    await history.append([a_look(float(at)) for at in range(5)])
    assert await history.cut(before=3.0) == 3
    assert [row.at for row in await history.page("t1", "pc_1")] == [4, 3]


async def test_an_operators_word_replaces_his_last_and_outlives_retention(history: HealthHistory) -> None:
    await history.put_overrides([a_word(), a_word("pc_2", healthy=True, until=None, reason=None)])
    await history.put_overrides([a_word(reason="still down")])
    await history.cut(before=1e12)
    words = sorted(await history.overrides(), key=lambda it: it.endpoint_id)
    assert words == [a_word(reason="still down"), a_word("pc_2", healthy=True, until=None, reason=None)]


async def test_a_word_is_taken_back_by_its_own_tenant_alone(history: HealthHistory) -> None:
    await history.put_overrides([a_word("pc_1"), a_word("pc_2")])
    await history.drop_overrides("t2", ["pc_1"])
    await history.drop_overrides("t1", ["pc_2", "pc_3"])
    assert await history.overrides() == [a_word("pc_1")]
