from typing import Any, get_args

import pytest

from admin.world import FOREIGN, OWN, World
from ai_gateway.admin.preview import PreviewBody
from ai_gateway.providers.shaping.requests import FORMS

SYSTEM = {"on": "request", "do": "system_prompt", "mode": "force", "text": "You work for ${tenant_id}."}
CAP = {"on": "request", "do": "cap", "field": "temperature", "max": 0.8, "name": "stay calm"}
PIN = {"on": "request", "do": "set", "field": "model", "value": "spare", "when": "budget.used_percent >= 80"}
TRIAL = {"on": "request", "do": "set", "field": "user", "value": "trial", "when": "caller.key_name == 'laptop'"}
REDACT = {"on": "both", "do": "redact", "detect": ["email"], "with": "[redacted]"}
BLOCK = {"on": "request", "do": "block", "words": ["dragon"], "message": "No dragons."}
HIDE = {"on": "response", "do": "drop", "fields": ["system_fingerprint"]}
REQUEST = {"messages": [{"role": "user", "content": "Hello"}], "temperature": 1.5}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "system_fingerprint": "fp_1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Ask bob@acme.com"}, "finish_reason": "stop"}],
}


@pytest.fixture
async def ruled(world: World) -> World:
    for name in ("first", "second"):
        body = {"name": name, "provider": "openai", "models": ["m"], "api_key": "sk-0123456789abcdef"}
        await world.made("/providers", body)
    await world.made("/router/load-balancer/pools", {"group_name": "fast", "providers": [{"name": "first"}]})
    await world.made("/router/load-balancer/pools", {"group_name": "spare", "providers": [{"name": "second"}]})
    await world.made("/routes", {"name": "assistant", "pool": "fast", "rules": [SYSTEM, CAP, PIN]})
    return world


async def show(world: World, name: str = "assistant", **body: Any) -> dict[str, Any]:
    answer = await world.call("POST", f"/routes/{name}/preview", {"request": REQUEST, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(world: World, name: str = "assistant", **body: Any) -> dict[str, Any]:
    answer = await world.call("POST", f"/routes/{name}/preview", {"request": REQUEST, **body})
    assert answer.status_code == 422, answer.text
    return answer.json()["error"]


async def test_a_request_is_shown_before_and_after_rule_by_rule(ruled: World) -> None:
    shown = await show(ruled)
    prompt = {"role": "system", "content": f"You work for {OWN}."}
    assert shown["before"] == {**REQUEST, "model": "assistant"}
    assert shown["after"] == {
        "messages": [prompt, {"role": "user", "content": "Hello"}],
        "temperature": 0.8,
        "model": "assistant",
    }
    assert [(it["number"], it["do"], it["on"], it["name"], it["applied"]) for it in shown["rules"]] == [
        (1, "system_prompt", "request", None, True),
        (2, "cap", "request", "stay calm", True),
        (3, "set", "request", None, False),
    ]
    assert shown["rules"][0]["changes"] == [{"path": "messages[0]", "after": prompt}]
    assert shown["rules"][1]["changes"] == [{"path": "temperature", "before": 1.5, "after": 0.8}]
    assert shown["rules"][2]["why"] == "Its condition is false for this request."
    assert (shown["model"], shown["ends"], shown["response"]) == ("assistant", None, None)
    assert shown["goes_to"] == {
        "name": "assistant",
        "route": "assistant",
        "pool": "fast",
        "candidates": [{"endpoint": "first", "provider": "openai", "model": "m"}],
    }


async def test_nothing_is_called_and_nothing_moves(ruled: World) -> None:
    before = len(ruled.published)
    assert await show(ruled) == await show(ruled)
    assert (ruled.probed, len(ruled.published)) == ([], before)


async def test_a_model_that_a_rule_pins_leads_elsewhere(ruled: World) -> None:
    shown = await show(ruled, budget_used_percent=80)
    assert shown["model"] == "spare"
    assert shown["goes_to"]["candidates"] == [{"endpoint": "second", "provider": "openai", "model": "m"}]
    lost = await show(ruled, rules=[{"on": "request", "do": "set", "field": "model", "value": "nowhere"}])
    assert lost["goes_to"] is None
    assert lost["ends"]["how"] == "failed"
    assert "'nowhere' does not exist" in lost["ends"]["why"]


async def test_rules_can_be_tried_before_they_are_saved(ruled: World) -> None:
    shown = await show(ruled, rules=[CAP])
    assert [it["do"] for it in shown["rules"]] == ["cap"]
    assert shown["after"]["messages"] == REQUEST["messages"]


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ([{"on": "request", "do": "conjure"}], "rules[0].do"),
        ([CAP, {**CAP, "when": "caller.team_id =="}], "rules[1].when"),
        ([{**SYSTEM, "text": "${nobody}"}], "rules[0].text"),
    ],
)
async def test_what_cannot_be_compiled_is_refused_with_its_place(
    ruled: World, rules: list[dict[str, Any]], place: str
) -> None:
    assert (await refused(ruled, rules=rules))["param"].startswith(place)


async def test_conditions_see_the_caller_whose_key_is_named(ruled: World) -> None:
    key = await ruled.made("/api-keys", {"name": "laptop"})
    assert (await show(ruled, rules=[TRIAL]))["rules"][0]["applied"] is False
    for named in (key["id"], "laptop"):
        assert (await show(ruled, rules=[TRIAL], key=named))["after"]["user"] == "trial"
    assert (await refused(ruled, key="nobody"))["param"] == "key"
    await ruled.call("PATCH", f"/api-keys/{key['id']}", {"enabled": False})
    assert "disabled" in (await refused(ruled, key="laptop"))["message"]


async def test_what_a_caller_has_used_is_known_where_nobody_assumes_another_number(ruled: World) -> None:
    await ruled.made("/api-keys", {"name": "spent", "cost_limit_daily": 0})
    assert (await show(ruled, key="spent"))["model"] == "spare"
    assert (await show(ruled, key="spent", budget_used_percent=1))["model"] == "assistant"


async def test_a_rule_that_blocks_says_so_and_stops(ruled: World) -> None:
    request = {"messages": [{"role": "user", "content": "Draw a dragon"}]}
    shown = await show(ruled, request=request, rules=[BLOCK, CAP, REDACT], response=ANSWER)
    first, *others = shown["rules"]
    assert (first["applied"], first["ends"], first["why"]) == (True, "blocked", "No dragons.")
    assert first["found"] == ["rule 1: blocked word, once"]
    assert {it["why"] for it in others} == {"A rule before it ends the request."}
    assert shown["ends"] == {"rule": 1, "how": "blocked", "why": "No dragons."}
    assert (shown["goes_to"], shown["response"]) == (None, None)


async def test_an_answer_is_shown_before_and_after(ruled: World) -> None:
    shown = await show(ruled, rules=[REDACT, HIDE], response=ANSWER)
    asked, redacted, hidden = shown["rules"]
    assert (asked["on"], asked["why"]) == ("request", "Nothing here had to change.")
    assert redacted["changes"] == [
        {
            "path": "choices[0].message.content",
            "before": "Ask bob@acme.com",
            "after": "Ask [redacted]",
        }
    ]
    assert hidden["changes"] == [{"path": "system_fingerprint", "before": "fp_1"}]
    assert shown["response"]["before"] == ANSWER
    assert "system_fingerprint" not in shown["response"]["after"]


@pytest.mark.parametrize(
    ("operation", "request_body"),
    [
        ("messages", {"max_tokens": 5, "messages": [{"role": "user", "content": "Hello"}]}),
        ("responses", {"input": "Hello"}),
        ("embeddings", {"input": "Hello"}),
        ("completions", {"prompt": "Hello"}),
    ],
)
async def test_rules_are_shown_on_every_api(ruled: World, operation: str, request_body: dict[str, Any]) -> None:
    shown = await show(ruled, request=request_body, operation=operation, rules=[SYSTEM])
    text = f"You work for {OWN}."
    expected = {"messages": {"system": text}, "responses": {"instructions": text}}.get(operation, {})
    assert shown["after"] == {**request_body, "model": "assistant", **expected}
    if not expected:
        assert shown["rules"][0]["why"] == "This operation has no such thing."


def test_every_operation_that_asks_a_model_can_be_shown() -> None:
    words = get_args(PreviewBody.model_fields["operation"].annotation)
    assert set(words) == {operation.value for operation in FORMS}


async def test_pools_and_models_have_the_rules_of_the_tenant(ruled: World) -> None:
    assert (await show(ruled, "fast"))["rules"] == []
    assert (await show(ruled, "m"))["after"]["model"] == "m"


@pytest.mark.parametrize("request_body", [{"model": 3}, {"model": "m", "stream": "yes"}])
async def test_what_a_caller_could_not_send_is_refused(ruled: World, request_body: dict[str, Any]) -> None:
    assert (await refused(ruled, request=request_body))["param"].startswith("request.")


async def test_routes_of_others_are_not_there(ruled: World) -> None:
    body = {"request": REQUEST}
    answer = await ruled.call("POST", "/routes/assistant/preview", body, role="platform", tenant=FOREIGN)
    assert answer.status_code == 404
