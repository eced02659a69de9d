from typing import Any

import pytest

from ai_gateway.store.breaker_states import BreakerStates, MemoryBreakerStates, SqlBreakerStates
from ai_gateway.store.observations import BreakerRow
from ai_gateway.store.records import Store
from ai_gateway.store.sql import SqlStore


@pytest.fixture
def states(store: Store) -> BreakerStates:
    return SqlBreakerStates(store) if isinstance(store, SqlStore) else MemoryBreakerStates()


def a_state(key: str = "pc_1:k1", **changes: Any) -> BreakerRow:
    fields: dict[str, Any] = {
        "tenant_id": "t1",
        "endpoint_id": "pc_1",
        "state": "OPEN",
        "forced": True,
        "reason": "by hand",
    }
    fields |= {"key": key, "updated_at": 1.5, "saved": {"until_wall": 31.5, "growth": 2}}
    return BreakerRow(**fields | changes)


async def test_a_state_comes_back_as_it_went_in_and_a_later_one_takes_its_place(states: BreakerStates) -> None:
    await states.put([a_state("a"), a_state("b", reason=None)])
    await states.put([a_state("a", state="CLOSED", forced=False, updated_at=2.0)])
    await states.put([])
    assert await states.all() == [
        a_state("a", state="CLOSED", forced=False, updated_at=2.0),
        a_state("b", reason=None),
    ]


async def test_old_states_are_cut_but_never_an_operators_word(states: BreakerStates) -> None:
    await states.put([a_state("a", forced=False), a_state("b"), a_state("c", forced=False, updated_at=9.0)])
    assert await states.cut(before=9.0) == 1
    assert [row.key for row in await states.all()] == ["b", "c"]
