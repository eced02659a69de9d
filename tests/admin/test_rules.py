from collections.abc import Iterator
from typing import Any

import pytest

from admin.world import FOREIGN, NOW, OWN, World
from ai_gateway.admin.rules import rule_schemas
from ai_gateway.domain.rules import RuleSet
from ai_gateway.policy.rules import MOST_RULES
from ai_gateway.policy.rules.kinds import KINDS
from ai_gateway.store.rows import PoolRow, RouteRow, TenantRow

CAP: dict[str, Any] = {"on": "request", "do": "cap", "field": "temperature", "max": 0.8}
TRIAL = CAP | {"max": 0.5, "when": "caller.team_id == 'trial'"}
HOOK: dict[str, Any] = {"on": "both", "do": "guardrail", "url": "https://guard.example/check"}
TENANT = f"/tenants/{OWN}"


@pytest.fixture
async def pooled(world: World) -> World:
    await world.made("/router/load-balancer/pools", {"group_name": "fast", "providers": [{"name": "ghost"}]})
    return world


def a_route(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "bot", "pool": "fast", "rules": list(rules), **more}


def in_force(world: World, name: str = "bot") -> RuleSet | None:
    return world.snapshot.tenants[OWN].courses[name].rules


async def refusal(world: World, method: str, path: str, body: Any, **options: Any) -> tuple[str, str]:
    answer = await world.call(method, path, body, **options)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["code"] == "invalid_field"
    return error["param"], error["message"]


async def test_rules_are_shown_as_written_and_in_force_at_once(pooled: World) -> None:
    made = await pooled.made("/routes", a_route(CAP, TRIAL))
    assert made["rules"] == [CAP, TRIAL]
    assert "enforced" not in made
    rules = in_force(pooled)
    assert rules is not None
    assert [rule.number for rule in rules.request] == [1, 2]
    assert rules.revision == made["rules_revision"]
    assert (await pooled.call("GET", "/routes/bot")).json() == made


async def test_a_route_without_rules_has_no_revision(pooled: World) -> None:
    made = await pooled.made("/routes", a_route())
    assert (made["rules"], made["rules_revision"]) == ([], None)
    assert in_force(pooled) is None


@pytest.mark.parametrize(
    ("rules", "place", "words"),
    [
        ([CAP, TRIAL | {"when": "caller.team_id = 'trial'"}], "rules[1].when", "equality is '==' (at character 16)."),
        ([{"on": "request"}], "rules[0].do", "is missing"),
        ([CAP | {"max": "0.8"}], "rules[0].max", "must be a number, not text."),
        ([CAP | {"most": 1}], "rules[0].most", "is no member of 'cap'"),
        ([HOOK | {"url": "http://169.254.1.1/"}], "rules[0].url", "link-local"),
        ([CAP, HOOK | {"secret_name": "guard"}], "rules[1].secret_name", "there is no such secret."),
    ],
)
async def test_a_fault_is_refused_by_its_place_and_nothing_is_saved(
    pooled: World, rules: list[Any], place: str, words: str
) -> None:
    for method, path in (("POST", "/routes"), ("PUT", "/routes/there"), ("PATCH", "/routes/there")):
        if path != "/routes":
            await pooled.call("POST", "/routes", a_route(CAP) | {"name": "there"})
        before = await pooled.everything()
        found = await refusal(pooled, method, path, a_route(*rules))
        assert found[0] == place
        assert found[1].startswith(f"'{place}': ")
        assert words in found[1]
        assert await pooled.everything() == before
    assert (await refusal(pooled, "PATCH", TENANT, {"rules": rules}, role="platform"))[0] == place
    assert (await refusal(pooled, "POST", "/tenants", {"name": "New", "rules": rules}, role="platform"))[0] == place


async def test_a_list_is_bounded(pooled: World) -> None:
    assert (await refusal(pooled, "POST", "/routes", a_route(*[CAP] * (MOST_RULES + 1))))[0] == "rules"


async def test_the_tenants_rules_come_first_unless_the_route_leaves_them_out(pooled: World) -> None:
    await pooled.made("/routes", a_route(TRIAL))
    patched = (await pooled.call("PATCH", TENANT, {"rules": [CAP]}, role="platform")).json()
    assert patched["rules"] == [CAP]
    rules = in_force(pooled)
    assert rules is not None
    assert [(rule.number, rule.when is None) for rule in rules.request] == [(1, True), (2, False)]
    assert in_force(pooled, "fast") == pooled.snapshot.tenants[OWN].rules
    assert (await pooled.call("PATCH", "/routes/bot", {"inherit_rules": False})).json()["inherit_rules"] is False
    alone = in_force(pooled)
    assert alone is not None
    assert len(alone.request) == 1
    await pooled.call("PATCH", "/routes/bot", {"inherit_rules": None})
    assert in_force(pooled) == rules


async def test_a_change_of_something_else_leaves_the_rules_the_same_object(pooled: World) -> None:
    await pooled.call("PATCH", TENANT, {"rules": [CAP]}, role="platform")
    await pooled.made("/routes", a_route(TRIAL))
    before = in_force(pooled)
    assert before is not None
    await pooled.call("PATCH", "/routes/bot", {"timeouts": {"total": 9}})
    await pooled.made("/teams", {"name": "new"})
    assert in_force(pooled) is before


async def test_every_version_stays_readable_with_who_made_it(pooled: World) -> None:
    first = await pooled.made("/routes", a_route(CAP))
    await pooled.call("PATCH", "/routes/bot", {"timeouts": {"total": 9}})
    pooled.now = NOW + 1
    second = (await pooled.call("PATCH", "/routes/bot", {"rules": [CAP, TRIAL]})).json()
    pooled.now = NOW + 2
    await pooled.call("PATCH", "/routes/bot", {"rules": []})
    versions = (await pooled.call("GET", "/routes/bot/rules/history", role="viewer")).json()
    assert [(one["rules_revision"], one["rules"]) for one in versions["data"]] == [
        (None, []),
        (second["rules_revision"], [CAP, TRIAL]),
        (first["rules_revision"], [CAP]),
    ]
    assert {one["actor"] for one in versions["data"]} == {"tenant_admin (adm_tenant_admin)"}
    assert versions["has_more"] is False
    audit = (await pooled.call("GET", "/audit")).json()["data"]
    told = [row["detail"] for row in audit if "rules" in row["detail"]]
    assert [one["rules_revision_before"] for one in told] == [
        second["rules_revision"],
        first["rules_revision"],
        None,
    ]


async def test_the_history_is_a_list_with_a_cursor(pooled: World) -> None:
    await pooled.made("/routes", a_route(CAP))
    for number in range(4):
        pooled.now = NOW + 1 + number
        await pooled.call("PATCH", "/routes/bot", {"rules": [CAP | {"max": number}]})
        await pooled.call("PATCH", "/routes/bot", {"retries": {"max_attempts": 1 + number}})
    seen: list[Any] = []
    path = "/routes/bot/rules/history?limit=2"
    cursor = ""
    while True:
        page = (await pooled.call("GET", path + cursor)).json()
        seen += [one["rules"][0]["max"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [3, 2, 1, 0, 0.8]


async def test_a_tenants_rules_have_their_history_and_are_nobody_elses(pooled: World) -> None:
    await pooled.call("PATCH", TENANT, {"rules": [CAP]}, role="platform")
    versions = (await pooled.call("GET", f"{TENANT}/rules/history")).json()["data"]
    assert [one["rules"] for one in versions] == [[CAP]]
    assert (await pooled.call("GET", f"/tenants/{FOREIGN}/rules/history")).status_code == 404
    assert (await pooled.call("GET", "/routes/bot/rules/history")).status_code == 404


async def test_a_secret_that_a_rule_sends_is_kept_while_it_does(pooled: World) -> None:
    await pooled.made("/secrets", {"name": "guard", "value": "sk-guard-0123456789"})
    await pooled.made("/routes", a_route(HOOK | {"secret_name": "guard"}))
    rules = in_force(pooled)
    assert rules is not None
    hook = rules.request[0].hook
    assert hook is not None
    assert hook.key is not None
    assert hook.key.reveal() == "sk-guard-0123456789"
    assert (await pooled.call("GET", "/secrets/guard")).json()["used_by"] == ["the rules of bot"]
    refused = await pooled.call("DELETE", "/secrets/guard")
    assert refused.status_code == 409
    assert "the rules of bot" in refused.json()["error"]["message"]
    await pooled.call("POST", "/secrets/guard/rotate", {"value": "sk-guard-9876543210"})
    again = in_force(pooled)
    assert again is not None
    assert again.request[0].hook is not None
    assert again.request[0].hook.key is not None
    assert again.request[0].hook.key.reveal() == "sk-guard-9876543210"
    await pooled.call("PATCH", "/routes/bot", {"rules": []})
    assert (await pooled.call("DELETE", "/secrets/guard")).status_code == 200


async def test_rules_of_another_version_are_shown_as_broken_and_can_be_replaced(world: World) -> None:
    dance = {"on": "request", "do": "dance"}
    pool = PoolRow(id="pool_1", tenant_id=OWN, created_at=NOW, group_name="fast", strategy="random")
    old = RouteRow(id="rt_1", tenant_id=OWN, created_at=NOW, name="bot", pool="fast", rules=(dance,))
    await world.insert(pool, old)
    shown = (await world.call("GET", "/routes/bot")).json()
    assert shown["rules"] == [dance]
    assert shown["rules_broken"].startswith("rules[0].do: must be")
    assert (await world.call("GET", "/routes")).json()["data"] == [shown]
    assert "rules_broken" in (await world.call("PATCH", "/routes/bot", {"timeouts": {"total": 9}})).json()
    assert "rules_broken" not in (await world.call("PATCH", "/routes/bot", {"rules": [CAP]})).json()


async def test_a_tenants_broken_rules_break_its_routes_and_both_say_so(pooled: World) -> None:
    await pooled.made("/routes", a_route(CAP))
    async with pooled.store.begin() as unit:
        await unit.replace(TenantRow(id=OWN, tenant_id=OWN, created_at=NOW, name="Own", rules=({"do": "dance"},)))
    pooled.snapshot = await pooled.store.load_snapshot()
    for path in (TENANT, "/routes/bot"):
        assert (await pooled.call("GET", path)).json()["rules_broken"].startswith("the tenant's rules[0].do")


@pytest.mark.parametrize("verb", ["validate", "diff", "apply"])
async def test_a_document_is_refused_by_the_place_in_it(pooled: World, verb: str) -> None:
    wrong = CAP | {"when": "request.stream = true"}
    document = {"version": 1, "routes": [a_route(CAP), a_route(CAP, wrong, name="other")]}
    found = await refusal(pooled, "POST", f"/config/{verb}", document)
    assert found[0] == "routes[1].rules[1].when"
    assert (await refusal(pooled, "POST", f"/config/{verb}", {"version": 1, "rules": [wrong]}))[0] == "rules[0].when"
    no_secret = {"version": 1, "routes": [a_route(HOOK | {"secret_name": "guard"})]}
    assert (await refusal(pooled, "POST", f"/config/{verb}", no_secret))[0] == "routes[0].rules[0].secret_name"


async def test_a_document_rules_a_tenant_and_leaves_it_alone_where_it_says_nothing(pooled: World) -> None:
    await pooled.made("/config/apply", {"version": 1, "rules": [CAP]})
    assert (await pooled.call("GET", TENANT)).json()["rules"] == [CAP]
    assert (await pooled.call("GET", "/config/export")).json()["rules"] == [CAP]
    await pooled.made("/config/apply", {"version": 1, "prune": True})
    assert (await pooled.call("GET", TENANT)).json()["rules"] == [CAP]
    outcome = await pooled.made("/config/apply", {"version": 1, "rules": []})
    assert [it["path"] for it in outcome["updated"][0]["changes"]] == ["rules[0]"]
    assert (await pooled.call("GET", TENANT)).json()["rules"] == []
    assert len((await pooled.call("GET", f"{TENANT}/rules/history")).json()["data"]) == 2


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from [member] if name == "$ref" else references(member)
    elif isinstance(value, list):
        for member in value:
            yield from references(member)


async def test_the_description_has_every_kind_and_every_reference_leads_somewhere(world: World) -> None:
    document = (await world.call("GET", "/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert set(schemas["Rule"]["discriminator"]["mapping"]) == set(KINDS)
    there = {f"#/components/{part}/{name}" for part, named in document["components"].items() for name in named}
    assert set(references(document)) <= there
    for body in ("RouteBody", "RoutePatch", "TenantBody", "TenantPatch"):
        assert schemas[body]["properties"]["rules"]["items"] == {"$ref": "#/components/schemas/Rule"}
    assert set(schemas["RuleReplaceText"]["properties"]) >= {"on", "do", "from", "to", "in", "when"}


@pytest.mark.parametrize("example", rule_schemas()["Rule"]["examples"])
async def test_the_examples_of_the_description_work(pooled: World, example: dict[str, Any]) -> None:
    assert (await pooled.made("/routes", a_route(example)))["rules"] == [example]
