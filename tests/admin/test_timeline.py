from typing import Any

import pytest

from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.policy.histogram import count
from ai_gateway.store.metrics_history import HOUR, MINUTE
from ai_gateway.store.observations import HealthRow, MetricsRow


def a_look(endpoint_id: str, at: float, **changes: Any) -> HealthRow:
    fields: dict[str, Any] = {"tenant_id": OWN, "endpoint_id": endpoint_id, "endpoint": "up-1", "provider": "mock"}
    fields |= {"at": at, "source": "check", "ok": True, "healthy": True}
    return HealthRow(**fields | changes)


def a_span(endpoint_id: str, span: str, starts_at: float, **changes: Any) -> MetricsRow:
    fields: dict[str, Any] = {"tenant_id": OWN, "endpoint_id": endpoint_id, "endpoint": "up-1", "provider": "mock"}
    fields |= {"span": span, "starts_at": starts_at, "writer": "p1", "requests": 9, "errors": 1, "most_active": 2}
    fields |= {"latencies": count([10.0] * 8), "first_tokens": ()}
    return MetricsRow(**fields | changes)


@pytest.fixture
async def watched(world: World) -> World:
    await world.made("/providers", {"name": "up-1", "provider": "mock"})
    return world


async def test_the_timeline_has_every_look_newest_first(watched: World) -> None:
    endpoint_id = watched.endpoint("up-1").id
    bad = a_look(endpoint_id, NOW + 30, ok=False, status=503, latency_ms=9.5, category="overloaded", reason="Full.")
    await watched.oncall.health_history.append([a_look(endpoint_id, NOW), bad])
    answer = (await watched.call("GET", "/providers/up-1/timeline")).json()
    assert [it["at"] for it in answer["data"]] == ["2027-01-15T08:00:30Z", "2027-01-15T08:00:00Z"]
    assert answer["data"][0] == {
        "endpoint": "up-1",
        "provider": "mock",
        "at": "2027-01-15T08:00:30Z",
        "source": "check",
        "ok": False,
        "healthy": True,
        "status": 503,
        "latency_ms": 9.5,
        "category": "overloaded",
        "reason": "Full.",
        "paid": False,
    }


async def test_the_timeline_is_walked_page_by_page(watched: World) -> None:
    endpoint_id = watched.endpoint("up-1").id
    await watched.oncall.health_history.append([a_look(endpoint_id, NOW + at) for at in range(5)])
    seen: list[str] = []
    cursor = ""
    for _ in range(3):
        page = (await watched.call("GET", f"/providers/up-1/timeline?limit=2{cursor}")).json()
        seen += [it["at"] for it in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)
    assert (await watched.call("GET", "/providers/up-1/timeline?cursor=YWJj")).status_code == 400


@pytest.mark.parametrize("what", ["timeline", "performance"])
async def test_a_config_is_found_by_id_and_when_it_is_switched_off_and_a_foreign_one_never(
    watched: World, what: str
) -> None:
    endpoint_id = watched.endpoint("up-1").id
    await watched.call("PATCH", "/providers/up-1", {"enabled": False})
    assert (await watched.call("GET", f"/providers/{endpoint_id}/{what}")).status_code == 200
    foreign = await watched.call("GET", f"/providers/{endpoint_id}/{what}", role="platform", tenant=FOREIGN)
    assert foreign.status_code == 404


async def test_a_config_that_was_lent_has_a_timeline_too(world: World) -> None:
    await world.call("PATCH", f"/tenants/{OWN}", {"system_grants": ["openai"]}, role="platform")
    assert (await world.call("GET", "/providers/openai/timeline")).json()["data"] == []


async def test_performance_is_the_last_hour_by_the_minute_unless_more_is_asked(watched: World) -> None:
    endpoint_id = watched.endpoint("up-1").id
    minutes = [a_span(endpoint_id, MINUTE, NOW - 60.0 * ago) for ago in (61, 60, 1)]
    await watched.oncall.metrics_history.put([*minutes, a_span(endpoint_id, HOUR, NOW - 3_600)])
    answer = (await watched.call("GET", "/providers/up-1/performance")).json()
    assert [it["starts_at"] for it in answer["data"]] == ["2027-01-15T07:00:00Z", "2027-01-15T07:59:00Z"]
    assert answer["data"][0] == {
        "span": "1m",
        "starts_at": "2027-01-15T07:00:00Z",
        "requests": 9,
        "errors": 1,
        "most_active": 2,
        "latency_ms": {"p50": 9.9, "p95": 9.9, "p99": 9.9},
        "ttft_ms": {"p50": None, "p95": None, "p99": None},
    }
    hours = await watched.call("GET", "/providers/up-1/performance?span=1h")
    assert [it["span"] for it in hours.json()["data"]] == ["1h"]
    asked = "since=2027-01-15T06:58:00Z&until=2027-01-15T07:00:00Z"
    earlier = await watched.call("GET", f"/providers/up-1/performance?{asked}")
    assert [it["starts_at"] for it in earlier.json()["data"]] == ["2027-01-15T06:59:00Z"]


@pytest.mark.parametrize("query", ["span=1w", "since=yesterday", "since=1999-01-01T00:00:00Z"])
async def test_a_time_that_cannot_be_shown_is_a_400(watched: World, query: str) -> None:
    assert (await watched.call("GET", f"/providers/up-1/performance?{query}")).status_code == 400
