from typing import Any

import pytest

from admin.belongings import a_lost_lease
from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.domain.leases import Pot, Surrender, Want

POT = Pot(OWN, "team", "team_1", "D:2027-01-15", "usd")
TOKENS = Pot(OWN, "team", "team_1", "D:2027-01-15", "tokens")


async def a_lease(world: World, pot: Pot = POT, granted: int = 250_000_000) -> str:
    """Of a process that lives."""
    await world.leases.open("prc_1", "here")
    await world.leases.grant("prc_1", [Want(pot, 1_000_000_000, asked=granted)])
    [lease] = [it for it in await world.leases.page(None) if it.pot == pot]
    return lease.id


async def resolve(world: World, lease_id: str, **body: Any) -> Any:
    return await world.call("POST", f"/leases/{lease_id}/resolve", body, role="platform", tenant=None)


async def test_a_lease_is_shown_as_the_books_have_it(world: World) -> None:
    lease_id = await a_lease(world)
    world.leases.book("prc_1", [(POT, 50_000_000)])
    [shown] = (await world.call("GET", "/leases", role="viewer")).json()["data"]
    assert shown == {
        "id": lease_id,
        "process_id": "prc_1",
        "tenant_id": OWN,
        "scope": "team",
        "scope_id": "team_1",
        "window_id": "D:2027-01-15",
        "unit": "nano_usd",
        "granted": 250_000_000,
        "used": 50_000_000,
        "charged": 200_000_000,
        "state": "live",
        "granted_at": "2027-01-15T08:00:00Z",
        "seen_at": "2027-01-15T08:00:00Z",
        "resolved_at": None,
    }


async def test_a_list_can_be_asked_for_what_is_in_suspense(world: World) -> None:
    world.leases.know(a_lost_lease(OWN, "own"))
    world.leases.know(a_lost_lease(FOREIGN, "foreign"))
    await a_lease(world)
    answer = await world.call("GET", "/leases?state=suspense", role="platform", tenant=None)
    assert [it["id"] for it in answer.json()["data"]] == ["leases_foreign", "leases_own"]
    assert [it["seen_at"] for it in answer.json()["data"]] == [None, None]
    page = (await world.call("GET", "/leases?limit=2", role="platform", tenant=None)).json()
    assert page["has_more"]
    rest = (
        await world.call("GET", f"/leases?limit=2&cursor={page['next_cursor']}", role="platform", tenant=None)
    ).json()
    assert len({it["id"] for it in page["data"] + rest["data"]}) == 3


@pytest.mark.parametrize(
    ("body", "charged"),
    [
        ({"outcome": "released"}, 0),
        ({"outcome": "spent"}, 250_000_000),
        ({"outcome": "spent", "amount": "0.10"}, 100_000_000),
        ({"outcome": "spent", "amount": 0}, 0),
    ],
)
async def test_a_lease_in_suspense_is_resolved_and_the_audit_log_says_by_whom(
    world: World, body: dict[str, Any], charged: int
) -> None:
    lease_id = await a_lease(world)
    world.now = NOW + 3_600
    answer = await resolve(world, lease_id, **body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["charged"]) == ("resolved", charged)
    [audit] = world.leases.audits
    assert (audit.action, audit.target_noun, audit.target_id, audit.tenant_id) == ("resolve", "leases", lease_id, OWN)
    assert audit.detail == {"process_id": "prc_1", "charged": 250_000_000, "spent": charged, "unit": "usd"}


async def test_tokens_are_counted_not_priced(world: World) -> None:
    lease_id = await a_lease(world, TOKENS, 500)
    world.now = NOW + 3_600
    assert (await resolve(world, lease_id, outcome="spent", amount="0.10")).status_code == 422
    assert (await resolve(world, lease_id, outcome="spent", amount=-1)).status_code == 422
    answer = await resolve(world, lease_id, outcome="spent", amount=20)
    assert (answer.json()["unit"], answer.json()["charged"]) == ("tokens", 20)


@pytest.mark.parametrize(
    "body",
    [
        {"outcome": "spent", "amount": "0.26"},
        {"outcome": "spent", "amount": "much"},
        {"outcome": "released", "amount": "0.10"},
        {"outcome": "forgotten"},
        {},
    ],
)
async def test_what_cannot_be_is_refused_and_changes_nothing(world: World, body: dict[str, Any]) -> None:
    lease_id = await a_lease(world)
    world.now = NOW + 3_600
    assert (await resolve(world, lease_id, **body)).status_code in (400, 422)
    assert world.leases.audits == []


async def test_a_process_that_lives_speaks_for_itself(world: World) -> None:
    lease_id = await a_lease(world)
    assert (await resolve(world, lease_id, outcome="released")).status_code == 409
    await world.leases.give_back("prc_1", [Surrender(POT, 0)])
    await world.leases.close("prc_1")
    world.now = NOW + 3_600
    assert (await resolve(world, lease_id, outcome="released")).status_code == 409


async def test_where_one_process_owns_everything_there_are_no_leases(world: World) -> None:
    assert (await world.call("GET", "/leases")).json() == {"data": [], "has_more": False, "next_cursor": None}
    assert (await resolve(world, "lse_1", outcome="released")).status_code == 404
