import asyncio
from typing import Any

import pytest

from ai_gateway.policy.histogram import count, merge
from ai_gateway.store.metrics_history import (
    DAY,
    HOUR,
    MINUTE,
    ROLLED,
    MemoryMetricsHistory,
    MetricsHistory,
    SqlMetricsHistory,
    add_up,
)
from ai_gateway.store.observations import MetricsRow
from ai_gateway.store.records import Store
from ai_gateway.store.sql import SqlStore

FOREVER = 1e12


@pytest.fixture
def history(store: Store) -> MetricsHistory:
    return SqlMetricsHistory(store) if isinstance(store, SqlStore) else MemoryMetricsHistory()


def a_minute(starts_at: float = 0.0, writer: str = "p1", **changes: Any) -> MetricsRow:
    fields: dict[str, Any] = {
        "span": MINUTE,
        "endpoint_id": "pc_1",
        "tenant_id": "t1",
        "endpoint": "openai-1",
        "provider": "openai",
    }
    numbers: dict[str, Any] = {
        "requests": 10,
        "errors": 1,
        "most_active": 3,
        "latencies": count([20.0] * 9),
        "first_tokens": (),
    }
    numbers |= {"starts_at": starts_at, "writer": writer}
    return MetricsRow(**fields | numbers | changes)


async def read(history: MetricsHistory, span: str) -> list[MetricsRow]:
    return await history.read("t1", "pc_1", span, 0.0, FOREVER)


async def test_minutes_come_back_in_order_and_a_minute_written_again_is_one_minute(history: MetricsHistory) -> None:
    await history.put([a_minute(120.0), a_minute(60.0, requests=5)])
    await history.put([a_minute(60.0, requests=6)])
    assert [(row.starts_at, row.requests) for row in await read(history, MINUTE)] == [(60.0, 6), (120.0, 10)]


async def test_two_processes_write_the_same_minute_and_are_read_as_one(history: MetricsHistory) -> None:
    await history.put([a_minute(60.0, "p1", most_active=3), a_minute(60.0, "p2", most_active=8, errors=0)])
    (row,) = await read(history, MINUTE)
    assert (row.requests, row.errors, row.most_active, row.writer) == (20, 1, 8, ROLLED)
    assert row.latencies == count([20.0] * 18)


async def test_only_the_asked_tenant_endpoint_and_time_are_read(history: MetricsHistory) -> None:
    await history.put([a_minute(), a_minute(tenant_id="t2", endpoint_id="pc_3"), a_minute(endpoint_id="pc_2")])
    await history.put([a_minute(60.0), a_minute(120.0)])
    assert [row.starts_at for row in await history.read("t1", "pc_1", MINUTE, 60.0, 120.0)] == [60.0]
    assert await history.read("t2", "pc_1", MINUTE, 0.0, FOREVER) == []


async def test_an_hour_is_the_exact_sum_of_its_minutes_and_a_day_of_its_hours(history: MetricsHistory) -> None:
    minutes = [
        a_minute(60.0 * at, requests=at, errors=0, most_active=at % 7, latencies=count([float(1 + at)]))
        for at in range(180)
    ]
    await history.put(minutes)
    for hour in range(3):
        assert await history.roll_up(HOUR, 3_600.0 * hour) == 1
    assert await history.roll_up(DAY, 0.0) == 1
    hours = await read(history, HOUR)
    assert [row.requests for row in hours] == [sum(range(60)), sum(range(60, 120)), sum(range(120, 180))]
    (day,) = await read(history, DAY)
    assert (day.requests, day.most_active, day.starts_at) == (sum(range(180)), 6, 0.0)
    assert day.latencies == merge(row.latencies for row in minutes)


async def test_a_roll_up_that_is_repeated_counts_nothing_twice_and_takes_in_what_came_late(
    history: MetricsHistory,
) -> None:
    await history.put([a_minute(0.0)])
    await asyncio.gather(history.roll_up(HOUR, 0.0), history.roll_up(HOUR, 0.0))
    await history.put([a_minute(60.0), a_minute(3_600.0)])
    await history.roll_up(HOUR, 0.0)
    assert [row.requests for row in await read(history, HOUR)] == [20]


async def test_an_hour_without_a_minute_has_no_row(history: MetricsHistory) -> None:
    assert await history.roll_up(HOUR, 0.0) == 0
    assert await history.reaches(HOUR) is None


async def test_a_span_knows_how_far_it_reaches_and_is_cut_by_itself(history: MetricsHistory) -> None:
    await history.put([a_minute(60.0), a_minute(120.0), a_minute(180.0), a_minute(0.0, span=HOUR)])
    assert await history.reaches(MINUTE) == (60.0, 180.0)
    assert await history.cut(MINUTE, before=180.0) == 2
    assert await history.reaches(MINUTE) == (180.0, 180.0)
    assert await history.reaches(HOUR) == (0.0, 0.0)


def test_an_endpoint_that_was_renamed_is_called_by_its_last_name() -> None:
    rows = add_up([a_minute(0.0, endpoint="old"), a_minute(60.0, endpoint="new")], HOUR, 0.0)
    assert [(row.endpoint, row.requests, row.span) for row in rows] == [("new", 20, HOUR)]
