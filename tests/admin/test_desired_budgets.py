from typing import Any

from admin.world import OWN, World
from ai_gateway.domain.config import FailedAttempts
from ai_gateway.store.rows import BudgetRow

DOCUMENT: dict[str, Any] = {
    "version": 1,
    "timezone": "Europe/Berlin",
    "failed_attempts": "estimated",
    "teams": [{"name": "Search"}],
    "budgets": [
        {"scope": "team", "name": "Search", "window": "daily", "limit_usd": "1.50", "mode": "strict"},
        {"scope": "tenant", "window": "total", "limit_tokens": 1000, "warn_at_percent": [10]},
    ],
}


async def apply(world: World, document: dict[str, Any]) -> Any:
    return await world.call("POST", "/config/apply", document, role="platform", tenant=OWN)


async def test_a_document_makes_budgets_by_name_and_applying_it_again_changes_nothing(world: World) -> None:
    first = (await apply(world, DOCUMENT)).json()
    assert [it["noun"] for it in first["created"]] == ["team", "budget", "budget"]
    assert world.snapshot.tenants[OWN].zone is not None
    assert str(world.snapshot.tenants[OWN].zone) == "Europe/Berlin"
    assert world.snapshot.tenants[OWN].failed_attempts is FailedAttempts.ESTIMATED
    exported = (await world.call("GET", "/config/export")).json()
    assert (exported["timezone"], exported["failed_attempts"]) == ("Europe/Berlin", "estimated")
    assert exported["budgets"] == [
        {**DOCUMENT["budgets"][0], "warn_at_percent": [50, 80, 90, 100]},
        {**DOCUMENT["budgets"][1], "mode": "clamp"},
    ]
    for document in (DOCUMENT, exported):
        again = (await apply(world, document)).json()
        assert (again["created"], again["updated"], again["deleted"]) == ([], [], [])


async def test_pruning_leaves_the_budgets_of_keys(world: World) -> None:
    await apply(world, DOCUMENT)
    key = await world.made("/api-keys", {"name": "Test"})
    await world.made("/budgets", {"scope": "key", "scope_id": key["id"], "window": "daily", "limit_usd": 1})
    pruned = (await apply(world, {"version": 1, "prune": True, "budgets": DOCUMENT["budgets"][:1]})).json()
    assert [it["noun"] for it in pruned["deleted"]] == ["budget"]
    assert sorted(row.scope for row in await world.rows(BudgetRow)) == ["key", "team"]


async def test_a_budget_of_nobody_and_two_in_one_place_are_refused_whole(world: World) -> None:
    budget = DOCUMENT["budgets"][0]
    for budgets in ([{**budget, "name": "Nobody"}], [{**budget, "name": None}], [budget, budget]):
        answer = await apply(world, {**DOCUMENT, "budgets": budgets})
        assert answer.status_code == 422
    assert await world.rows(BudgetRow) == []
