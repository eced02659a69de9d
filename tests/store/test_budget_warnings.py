from typing import Any

from ai_gateway.domain.events import BudgetCrossed
from ai_gateway.store.budget_warnings import BudgetWarnings, Listener, MemoryBudgetWarnings, SqlBudgetWarnings
from ai_gateway.store.records import Store
from ai_gateway.store.sql import SqlStore


def warnings_of(store: Store, *listeners: Listener) -> BudgetWarnings:
    return SqlBudgetWarnings(store, listeners) if isinstance(store, SqlStore) else MemoryBudgetWarnings(listeners)


def a_crossing(percent: int, **changes: Any) -> BudgetCrossed:
    fields = {"tenant_id": "t1", "scope": "key", "scope_id": "k", "name": "Test", "window_id": "D:2026-01-01"}
    amounts = {"unit": "usd", "limit_amount": 100, "spent_amount": percent, "at": 1.0}
    return BudgetCrossed(**{**fields, **amounts, "percent": percent} | changes)


async def test_a_threshold_is_told_once_in_its_window_whoever_says_it_how_often(store: Store) -> None:
    told: list[BudgetCrossed] = []
    first = [a_crossing(50), a_crossing(80, at=2.0)]
    await warnings_of(store, told.append).write(first)
    again = warnings_of(store, told.append) if isinstance(store, SqlStore) else None  # as after a restart
    if again is not None:
        await again.write([a_crossing(50, at=9.0), a_crossing(50, window_id="D:2026-01-02", at=3.0)])
        assert told == [*first, a_crossing(50, window_id="D:2026-01-02", at=3.0)]
        assert (await again.of("t1"))[0].window_id == "D:2026-01-02"


async def test_they_are_read_newest_first_by_their_own_tenant(store: Store) -> None:
    warnings = warnings_of(store)
    crossings = [a_crossing(percent, at=float(percent)) for percent in (50, 80, 90)]
    theirs = a_crossing(50, tenant_id="t2", scope_id="o")
    await warnings.write([*crossings, *crossings, theirs])
    assert await warnings.of("t1") == crossings[::-1]
    assert await warnings.of("t1", limit=1) == crossings[-1:]
    assert len(await warnings.of("t2")) == 1
