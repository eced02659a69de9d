from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from ai_gateway.store.breaker_states import SqlBreakerStates
from ai_gateway.store.decisions import SqlDecisions
from ai_gateway.store.health import SqlHealthHistory
from ai_gateway.store.metrics_history import MINUTE, SqlMetricsHistory
from ai_gateway.store.observations import DecisionRow, OverrideRow
from ai_gateway.store.plain_rows import append, read, upsert
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import DECISIONS, HEALTH_OVERRIDES
from store.rows_for_tests import a_compiler


def a_word(endpoint_id: str, reason: str) -> OverrideRow:
    return OverrideRow(endpoint_id=endpoint_id, tenant_id="t1", healthy=False, reason=reason, until=None, at=1.0)


def a_record(request_id: str, status: int = 502) -> DecisionRow:
    fields: dict[str, Any] = {"tenant_id": "t1", "at": 1.0, "why": "error", "model": None, "record": {"steps": []}}
    return DecisionRow(request_id=request_id, status=status, **fields)


async def test_a_row_takes_the_place_of_the_one_with_its_key(sql_store: SqlStore) -> None:
    async with sql_store.writing() as connection:
        await upsert(connection, HEALTH_OVERRIDES, [a_word("pc_1", "old"), a_word("pc_2", "kept")])
        await upsert(connection, HEALTH_OVERRIDES, [a_word("pc_1", "new"), a_word("pc_1", "newer")])
        await upsert(connection, HEALTH_OVERRIDES, [])
    async with sql_store.reading() as connection:
        query = select(HEALTH_OVERRIDES).order_by(HEALTH_OVERRIDES.c.endpoint_id)
        assert await read(connection, query, OverrideRow) == [a_word("pc_1", "newer"), a_word("pc_2", "kept")]


async def test_appended_rows_are_numbered_and_a_known_one_is_left_out(sql_store: SqlStore) -> None:
    async with sql_store.writing() as connection:
        await append(connection, DECISIONS, [a_record("req_1"), a_record("req_2")])
        await append(connection, DECISIONS, [a_record("req_2", 200), a_record("req_3")])
        await append(connection, DECISIONS, [])
    async with sql_store.reading() as connection:
        rows = await read(connection, select(DECISIONS).order_by(DECISIONS.c.id), DecisionRow)
    assert [(row.request_id, row.status) for row in rows] == [("req_1", 502), ("req_2", 502), ("req_3", 502)]
    assert rows[0].id < rows[1].id < rows[2].id


@pytest.mark.usefixtures("threads_end")
async def test_a_database_that_is_away_is_unavailable_to_every_history(tmp_path: Path) -> None:
    engine = open_engine(database_url(f"sqlite:///{tmp_path}/no/such/folder/gateway.db", tmp_path))
    away = SqlStore(engine, a_compiler(), lambda: 5.0)
    for ask in (
        SqlHealthHistory(away).overrides(),
        SqlBreakerStates(away).all(),
        SqlMetricsHistory(away).reaches(MINUTE),
        SqlDecisions(away).append([a_record("req_1")]),
    ):
        with pytest.raises(StoreUnavailable):
            await ask
    await engine.dispose()
