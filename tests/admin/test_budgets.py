from typing import Any

import pytest

from admin.world import NOW, OWN, World
from ai_gateway.domain.budgets import Limit
from ai_gateway.domain.events import BudgetCrossed
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.store.rows import BudgetRow

DOLLAR = 1_000_000_000
BODY = {"scope": "team", "window": "daily", "limit_usd": "1.00", "mode": "clamp", "warn_at_percent": [50, 80, 90]}


async def a_team(world: World, **more: Any) -> str:
    return (await world.made("/teams", {"name": "Search"} | more))["id"]


def spend(world: World, leg: tuple[str, str], nano: int, *limits: Limit, held: int = 0) -> None:
    for number, (cost, settles) in enumerate(((nano, True), (held, False))):
        charge = Charge((leg,), held, at=NOW, limits=limits)
        hold = world.meters.take(f"r{number}", charge)
        assert isinstance(hold, Hold)
        if settles:
            world.meters.book(hold, cost, 10)
            world.meters.settle(hold)


async def test_a_budget_lives_its_life(world: World) -> None:
    team = await a_team(world)
    made = await world.made("/budgets", {**BODY, "scope_id": team})
    assert made == {
        "id": made["id"],
        "source": "budget",
        "scope": "team",
        "scope_id": team,
        "scope_name": "Search",
        "window": "daily",
        "window_id": "D:2027-01-15",
        "resets_at": "2027-01-16T00:00:00Z",
        "limit_usd": "1.00",
        "limit_nano_usd": DOLLAR,
        "spent_nano_usd": 0,
        "held_nano_usd": 0,
        "leased_nano_usd": 0,
        "percent_used": 0.0,
        "mode": "clamp",
        "warn_at_percent": [50, 80, 90],
    }
    path = f"/budgets/{made['id']}"
    assert (await world.call("GET", path)).json() == made
    tokens = {**BODY, "scope_id": team, "limit_usd": None, "limit_tokens": 500, "mode": "strict"}
    replaced = (await world.call("PUT", path, tokens)).json()
    assert (replaced["limit_usd"], replaced["limit_tokens"], replaced["mode"]) == (None, 500, "strict")
    assert "limit_nano_usd" not in replaced
    assert (await world.call("DELETE", path)).json() == {"id": made["id"], "deleted": True}
    assert (await world.call("GET", path)).status_code == 404
    assert [change.noun for change in world.published][-3:] == ["budgets"] * 3
    audit = (await world.call("GET", "/audit")).json()["data"]
    assert sorted(row["action"] for row in audit if row["target_noun"] == "budgets") == ["create", "delete", "update"]


async def test_b20_what_is_shown_is_what_is_enforced(world: World) -> None:
    """One source: the cell that a request meets is the one that is shown, whoever asked first."""
    team = await a_team(world)
    made = await world.made("/budgets", {**BODY, "scope_id": team})
    limits = world.snapshot.tenants[OWN].limits["team", team]
    spend(world, ("team", team), DOLLAR // 2, *limits, held=DOLLAR // 4)
    shown = (await world.call("GET", f"/budgets/{made['id']}")).json()
    assert (shown["spent_nano_usd"], shown["held_nano_usd"], shown["percent_used"]) == (DOLLAR // 2, DOLLAR // 4, 50.0)
    standing = world.meters.standing(limits[0], NOW)
    assert (standing.spent, standing.held) == (shown["spent_nano_usd"], shown["held_nano_usd"])
    (listed,) = (await world.call("GET", "/budgets")).json()["data"]
    assert listed == shown


async def test_the_list_has_what_cost_limits_made_with_its_source(world: World) -> None:
    team = await a_team(world, cost_limit_monthly=5)
    key = await world.made("/api-keys", {"name": "Test", "cost_limit_daily": 0.10, "team_id": team})
    await world.made("/budgets", {**BODY, "scope": "key", "scope_id": key["id"], "window": "total"})
    await world.call("PATCH", f"/tenants/{OWN}", {"cost_limit_total": 9}, role="platform")
    listed = (await world.call("GET", "/budgets")).json()["data"]
    told = {(it["scope"], it["scope_name"], it["window"], it["source"], it["limit_usd"]) for it in listed}
    assert told == {
        ("team", "Search", "monthly", "cost_limit_monthly", "5.00"),
        ("key", "Test", "daily", "cost_limit_daily", "0.10"),
        ("key", "Test", "total", "budget", "1.00"),
        ("tenant", "Own", "total", "cost_limit_total", "9.00"),
    }
    assert next(it["resets_at"] for it in listed if it["window"] == "total") is None
    walked: list[str] = []
    cursor = ""
    while True:
        page = (await world.call("GET", f"/budgets?limit=1{cursor}")).json()
        walked += [it["id"] for it in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert walked == [it["id"] for it in listed] == sorted(walked)


async def test_a_second_budget_in_one_place_and_a_move_to_another_are_refused(world: World) -> None:
    team = await a_team(world)
    made = await world.made("/budgets", {**BODY, "scope_id": team})
    again = await world.call("POST", "/budgets", {**BODY, "scope_id": team})
    assert again.status_code == 409
    assert made["id"] in again.json()["error"]["message"]
    assert (await world.call("POST", "/budgets", {**BODY, "scope_id": team, "window": "total"})).status_code == 201
    moved = await world.call("PUT", f"/budgets/{made['id']}", {**BODY, "scope_id": team, "window": "monthly"})
    assert moved.status_code == 422


async def test_a_tenants_own_budget_needs_no_id_and_counts_in_the_tenants_zone(world: World) -> None:
    zone = await world.call("PATCH", f"/tenants/{OWN}", {"timezone": "Asia/Tokyo"}, role="platform")
    assert zone.json()["timezone"] == "Asia/Tokyo"
    made = await world.made("/budgets", {**BODY, "scope": "tenant"})
    assert (made["scope_id"], made["scope_name"]) == (OWN, "Own")
    assert (made["window_id"], made["resets_at"]) == ("D:2027-01-15", "2027-01-15T15:00:00Z")
    wrong = await world.call("PATCH", f"/tenants/{OWN}", {"timezone": "Mars/Olympus"}, role="platform")
    assert wrong.status_code == 422
    assert "time zone" in wrong.json()["error"]["message"]


async def test_a_level_takes_its_budgets_along(world: World) -> None:
    team = await a_team(world)
    await world.made("/budgets", {**BODY, "scope_id": team})
    assert (await world.call("DELETE", f"/teams/{team}")).status_code == 200
    assert await world.rows(BudgetRow) == []


@pytest.mark.parametrize(
    "body",
    [
        {"limit_usd": None},
        {"limit_usd": -1},
        {"limit_usd": "0.0000000001"},
        {"limit_tokens": 0},
        {"limit_requests": 1.5},
        {"scope": "planet"},
        {"scope_id": None},
        {"scope_id": "team_foreign"},
        {"window": "weekly"},
        {"mode": "loose"},
        {"warn_at_percent": [0]},
        {"warn_at_percent": [50, 50]},
        {"warn_at_percent": ["50"]},
        {"scope": "tenant", "scope_id": "ten_foreign"},
        {"id": "bud_mine"},
    ],
)
async def test_a_wrong_field_is_refused(world: World, body: dict[str, Any]) -> None:
    team = await a_team(world)
    answer = await world.call("POST", "/budgets", {**BODY, "scope_id": team} | body)
    assert answer.status_code == 422, answer.text
    assert await world.rows(BudgetRow) == []


async def test_numbers_that_cannot_be_read_are_no_numbers(world: World) -> None:
    class Away:
        async def of(self, *_: object) -> Any:
            raise ConnectionError("the database is away")

        def near(self, *_: object) -> list[Any]:
            return []

    team = await a_team(world)
    await world.made("/budgets", {**BODY, "scope_id": team})
    import msgspec

    from ai_gateway.admin.app import build

    world.app = build(msgspec.structs.replace(world.doors, budgets=Away()))
    assert (await world.call("GET", "/budgets")).status_code == 503
    assert (await world.call("GET", "/router/health-dashboard")).json()["budgets_near_limit"] == []


async def test_warnings_are_listed_newest_first(world: World) -> None:
    event = BudgetCrossed(OWN, "key", "k", "Test", "D:2027-01-15", "usd", 50, 100, 51, NOW)
    theirs = BudgetCrossed("ten_foreign", "key", "o", "Other", "D:2027-01-15", "usd", 50, 100, 51, NOW)
    await world.warnings.write([event, theirs])
    answer = (await world.call("GET", "/budgets/warnings", role="viewer")).json()
    (told,) = answer["data"]
    assert (told["name"], told["percent"], told["spent_amount"], told["at"]) == ("Test", 50, 51, "2027-01-15T08:00:00Z")
    assert answer["has_more"] is False
