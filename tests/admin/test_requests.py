from typing import Any

import pytest

from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.domain.decisions import Chosen, Decision, Step, What, Why
from ai_gateway.domain.faults import ProviderFailed
from ai_gateway.domain.traffic import Outcome
from ai_gateway.runtime.entries import Held, Progress
from ai_gateway.runtime.telemetry import Ended
from ai_gateway.store.decisions import row_of
from ai_gateway.store.receipts import row_of as ledger_row_of
from support.builders import a_receipt


def end(world: World, request_id: str, tenant_id: str = OWN, **changes: Any) -> None:
    receipt = a_receipt(f"att_{request_id}", request_id=request_id, tenant_id=tenant_id, started_at=NOW)
    fields: dict[str, Any] = {"operation": "chat", "status": 200, "started_wall": NOW, "seconds": 0.5, "fault": None}
    fields |= {"request_id": request_id, "receipts": (receipt,), "tenant_id": tenant_id, "model": "fast"}
    world.oncall.decisions.note(Ended(**fields | changes))


def begin(world: World, request_id: str, tenant_id: str = OWN, started_at: float = NOW - 2) -> None:
    orphan = a_receipt(
        f"att_{request_id}", request_id=request_id, tenant_id=tenant_id, started_at=started_at, route="bot"
    )
    progress = Progress(request_id, orphan.attempt_id, 12, 34, 5, 2_000.0)
    world.running.append((Held(orphan, started_at - 0.5, 1_000), progress))


async def listed(world: World, query: str = "", **options: Any) -> list[dict[str, Any]]:
    answer = await world.call("GET", f"/requests{query}", **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_the_last_requests_of_the_tenant_are_listed_newest_first(world: World) -> None:
    for number in range(3):
        end(world, f"req_{number}")
        end(world, f"req_foreign_{number}", FOREIGN)
    end(world, "req_failed", status=502, fault=ProviderFailed())
    found = await listed(world, "?limit=3")
    assert [it["request_id"] for it in found] == ["req_failed", "req_2", "req_1"]
    assert [it["why"] for it in found] == ["error", None, None]
    assert found[1]["chosen"] == {"endpoint": "up-1", "model": "gpt-4o-mini"}


async def test_what_is_under_way_is_listed_with_how_far_it_has_come(world: World) -> None:
    begin(world, "req_old", started_at=NOW - 9)
    begin(world, "req_new")
    begin(world, "req_foreign", FOREIGN)
    found = await listed(world, "?state=running")
    assert [it["request_id"] for it in found] == ["req_new", "req_old"]
    assert found[0] == {
        "request_id": "req_new",
        "attempt_id": "att_req_new",
        "state": "running",
        "model": "fast",
        "sent_as": "gpt-4o-mini",
        "route": "bot",
        "endpoint": "up-1",
        "provider": "openai",
        "key_id": "key_1",
        "came_at": "2027-01-15T07:59:57.500Z",
        "started_at": "2027-01-15T07:59:58Z",
        "running_seconds": 2.0,
        "output_tokens": 34,
    }


async def test_kept_records_are_walked_page_by_page(world: World) -> None:
    for number in range(3):
        await world.oncall.kept_decisions.append([row_of(a_decision(f"req_{number}"))])
    await world.oncall.kept_decisions.append([row_of(a_decision("req_foreign", FOREIGN))])
    first = (await world.call("GET", "/requests?state=kept&limit=2")).json()
    second = (await world.call("GET", f"/requests?state=kept&limit=2&cursor={first['next_cursor']}")).json()
    names = [it["request_id"] for it in first["data"] + second["data"]]
    assert (names, first["has_more"], second["has_more"]) == (["req_2", "req_1", "req_0"], True, False)


async def test_an_unknown_state_is_a_400(world: World) -> None:
    assert (await world.call("GET", "/requests?state=lost")).status_code == 400


def a_decision(request_id: str, tenant_id: str = OWN) -> Decision:
    return Decision(
        request_id=request_id,
        tenant_id=tenant_id,
        at=NOW,
        seconds=0.25,
        status=200,
        why=Why.DETOUR,
        chosen=Chosen("up-1", "m"),
        steps=(Step(at_ms=0.5, what=What.PASSED_OVER, reason="Its breaker is open.", endpoint="up-2"),),
    )


async def test_one_request_is_its_decision_its_attempts_and_their_cost(world: World) -> None:
    first = a_receipt("att_1", tenant_id=OWN, outcome=Outcome.PROVIDER_ERROR, cost_nano_usd=0)
    second = a_receipt("att_2", tenant_id=OWN, endpoint="up-2", cost_nano_usd=3_600)
    await world.store.append_ledger([ledger_row_of(first), ledger_row_of(second)])
    await world.oncall.kept_decisions.append([row_of(a_decision("req_1"))])
    answer = (await world.call("GET", "/requests/req_1")).json()
    assert (answer["state"], answer["cost_nano_usd"], answer["cost_usd"]) == ("finished", 3_600, "0.0000036")
    assert [it["endpoint"] for it in answer["attempts"]] == ["up-1", "up-2"]
    assert answer["decision"]["why"] == "detour"
    assert answer["decision"]["steps"][0]["reason"] == "Its breaker is open."
    assert "tenant_id" not in answer["decision"]


async def test_what_is_on_its_way_to_the_ledger_counts_as_there_and_is_not_shown_twice(world: World) -> None:
    receipts = [a_receipt("att_1", tenant_id=OWN), a_receipt("att_2", tenant_id=OWN)]
    await world.store.append_ledger([ledger_row_of(receipts[0])])
    world.unsettled = receipts
    answer = (await world.call("GET", "/requests/req_1")).json()
    assert [it["attempt_id"] for it in answer["attempts"]] == ["att_1", "att_2"]
    assert answer["cost_nano_usd"] == 7_200


async def test_a_request_under_way_is_running_though_an_attempt_of_it_has_ended(world: World) -> None:
    begin(world, "req_1")
    world.unsettled = [a_receipt("att_0", tenant_id=OWN)]
    answer = (await world.call("GET", "/requests/req_1")).json()
    assert (answer["state"], len(answer["running"]), len(answer["attempts"])) == ("running", 1, 1)
    assert answer["decision"] is None


@pytest.mark.parametrize("where", ["memory", "sql", "ledger", "running"])
async def test_a_foreign_request_is_a_missing_one_wherever_it_is(world: World, where: str) -> None:
    if where == "memory":
        end(world, "req_1", FOREIGN)
    elif where == "sql":
        await world.oncall.kept_decisions.append([row_of(a_decision("req_1", FOREIGN))])
    elif where == "ledger":
        await world.store.append_ledger([ledger_row_of(a_receipt(tenant_id=FOREIGN))])
    else:
        begin(world, "req_1", FOREIGN)
    assert (await world.call("GET", "/requests/req_1")).status_code == 404
    theirs = await world.call("GET", "/requests/req_1", role="platform", tenant=FOREIGN)
    assert theirs.status_code == 200
