from typing import Any

import pytest

from admin.world import FOREIGN, World
from ai_gateway.admin.operations import NOT_WRITTEN
from ai_gateway.store.rows import AuditRow

BREAKERS = "/router/circuit-breakers"


@pytest.fixture
async def configured(world: World) -> World:
    for name, kind in (("openai-1", "openai"), ("openai-2", "openai"), ("anthropic-1", "anthropic")):
        await world.made("/providers", {"name": name, "provider": kind, "endpoint_url": f"mock://{kind}"})
    return world


async def states(world: World, **options: Any) -> dict[str, str]:
    data = (await world.call("GET", BREAKERS, **options)).json()["data"]
    return {it["provider"]: it["state"] for it in data}


async def test_every_known_endpoint_has_a_breaker_from_the_start(configured: World) -> None:
    answer = (await configured.call("GET", BREAKERS)).json()
    assert answer["data"][0] == {
        "provider": "anthropic-1",
        "type": "anthropic",
        "model": None,
        "state": "CLOSED",
        "failures": 0,
        "successes": 0,
        "opened_at": None,
        "next_probe_at": None,
        "forced": False,
        "reason": None,
    }
    assert [it["provider"] for it in answer["data"]] == ["anthropic-1", "openai-1", "openai-2"]
    assert (answer["has_more"], answer["next_cursor"]) == (False, None)
    foreign = await configured.call("GET", BREAKERS, role="platform", tenant=FOREIGN)
    assert foreign.json()["data"] == []


async def test_a_provider_type_moves_all_of_its_configs_and_the_answer_lists_them(configured: World) -> None:
    answer = (await configured.call("POST", f"{BREAKERS}/openai/force-open")).json()
    assert answer["moved"] == ["openai-1", "openai-2"]
    first = answer["data"][0]
    assert (first["state"], first["forced"], first["next_probe_at"]) == ("OPEN", True, None)
    assert first["reason"] == "forced open by tenant_admin (adm_tenant_admin)"
    assert await states(configured) == {"anthropic-1": "CLOSED", "openai-1": "OPEN", "openai-2": "OPEN"}


async def test_a_config_is_moved_by_its_name_and_by_its_id(configured: World) -> None:
    by_name = await configured.call("POST", f"{BREAKERS}/openai-1/force-open")
    by_id = await configured.call("POST", f"{BREAKERS}/{configured.endpoint('openai-2').id}/force-open")
    assert (by_name.json()["moved"], by_id.json()["moved"]) == (["openai-1"], ["openai-2"])


async def test_a_config_that_is_called_like_a_type_is_moved_with_the_type(configured: World) -> None:
    await configured.made("/providers", {"name": "openai", "provider": "mock"})
    answer = await configured.call("POST", f"{BREAKERS}/openai/force-open")
    assert answer.json()["moved"] == ["openai", "openai-1", "openai-2"]


async def test_it_can_be_forced_for_some_time_and_with_a_reason(configured: World) -> None:
    body = {"for_seconds": 30, "reason": "maintenance"}
    (moved,) = (await configured.call("POST", f"{BREAKERS}/openai-1/force-open", body)).json()["data"]
    assert (moved["reason"], moved["next_probe_at"]) == ("maintenance", "2027-01-15T08:00:30Z")
    configured.now += 31
    assert (await states(configured))["openai-1"] == "HALF_OPEN"


async def test_a_reset_closes_it_whoever_opened_it(configured: World) -> None:
    await configured.call("POST", f"{BREAKERS}/openai/force-open")
    answer = (await configured.call("POST", f"{BREAKERS}/openai/reset")).json()
    assert answer["moved"] == ["openai-1", "openai-2"]
    assert {it["state"] for it in answer["data"]} == {"CLOSED"}
    assert set((await states(configured)).values()) == {"CLOSED"}


async def test_an_unknown_provider_is_a_404_that_lists_what_there_is(configured: World) -> None:
    answer = await configured.call("POST", f"{BREAKERS}/gemini/force-open")
    assert answer.status_code == 404
    action = answer.json()["error"]["gateway"]["suggested_action"]
    assert action == "Use one of: anthropic, anthropic-1, openai, openai-1, openai-2."
    assert (await configured.call("POST", f"{BREAKERS}/gemini/reset")).status_code == 404


async def test_a_tenant_without_a_config_is_told_what_to_do(world: World) -> None:
    answer = await world.call("POST", f"{BREAKERS}/openai/reset")
    assert "POST .../providers" in answer.json()["error"]["gateway"]["suggested_action"]


@pytest.mark.parametrize("body", [{"for_seconds": 0}, {"for_seconds": "30"}, {"reason": ""}, {"healthy": False}])
async def test_a_body_that_is_wrong_moves_nothing(configured: World, body: dict[str, Any]) -> None:
    assert (await configured.call("POST", f"{BREAKERS}/openai-1/force-open", body)).status_code == 422
    assert (await states(configured))["openai-1"] == "CLOSED"


async def test_another_tenants_breakers_do_not_move(configured: World) -> None:
    body = {"name": "openai-1", "provider": "openai", "endpoint_url": "mock://openai"}
    await configured.made("/providers", body, role="platform", tenant=FOREIGN)
    await configured.call("POST", f"{BREAKERS}/openai/force-open")
    assert await states(configured, role="platform", tenant=FOREIGN) == {"openai-1": "CLOSED"}


async def test_what_was_done_is_saved_and_in_the_audit_log(configured: World) -> None:
    await configured.call("POST", f"{BREAKERS}/openai-1/force-open", {"reason": "maintenance"})
    configured.now += 1
    await configured.call("POST", f"{BREAKERS}/openai-1/reset")
    assert configured.saved == 2
    rows = await configured.rows(AuditRow)
    deeds = [(row.action, row.detail) for row in rows if row.action in ("force_open", "reset_breaker")]
    assert deeds == [
        ("force_open", {"name": "openai-1", "for_seconds": None, "reason": "maintenance"}),
        ("reset_breaker", {"name": "openai-1"}),
    ]


async def test_it_moves_though_the_database_is_away_and_says_what_that_means(configured: World) -> None:
    configured.is_away = True
    answer = await configured.call("POST", f"{BREAKERS}/openai-1/force-open")
    assert (answer.status_code, answer.json()["warnings"]) == (200, [NOT_WRITTEN])
    assert (await states(configured))["openai-1"] == "OPEN"
