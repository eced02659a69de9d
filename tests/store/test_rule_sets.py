from typing import Any

import pytest

from ai_gateway.domain.config import Course
from ai_gateway.domain.rules import RuleSet
from ai_gateway.store.rows import RouteRow, SecretRow, TenantRow
from ai_gateway.store.rule_sets import NO_RULES, RuleBook, TenantRules
from ai_gateway.store.snapshots import TenantParts
from store.rows_for_tests import a_compiler, a_config, a_pool, a_route, a_secret, a_tenant, open_as_text

CAP: dict[str, Any] = {"on": "request", "do": "cap", "field": "temperature", "max": 0.8}
DROP: dict[str, Any] = {"on": "response", "do": "drop", "field": "system_fingerprint"}
NAMES: dict[str, Any] = {"on": "response", "do": "replace_text", "from": "OpenAI", "to": "Us", "in": ["headers"]}
HOOK: dict[str, Any] = {"on": "both", "do": "guardrail", "url": "https://guard.example", "secret_name": "guard"}
NEWER: dict[str, Any] = {"on": "request", "do": "dance"}


def compiled(book: RuleBook, tenant: TenantRow, *routes: RouteRow, secrets: tuple[SecretRow, ...] = ()) -> TenantRules:
    return book.compile(tenant, routes, {one.name: one for one in secrets}, open_as_text)


def numbers(rules: RuleSet | None) -> list[tuple[int, str]]:
    assert rules is not None
    return [(rule.number, rule.do) for rule in (*rules.request, *rules.response)]


def a_ruled_route(*rules: dict[str, Any], **options: Any) -> RouteRow:
    return a_route(name="bot", pool="fast", rules=rules, options=options)


def test_without_rules_there_is_nothing() -> None:
    assert compiled(RuleBook(), a_tenant(), a_ruled_route()) == TenantRules(None, {"bot": None})
    assert TenantRules() == NO_RULES


def test_the_tenants_rules_come_before_the_routes() -> None:
    rules = compiled(RuleBook(), a_tenant(rules=(CAP,)), a_ruled_route(DROP, CAP))
    assert numbers(rules.tenant) == [(1, "cap")]
    assert numbers(rules.routes["bot"]) == [(1, "cap"), (3, "cap"), (2, "drop")]


def test_a_route_without_rules_has_the_tenants_own() -> None:
    rules = compiled(RuleBook(), a_tenant(rules=(CAP,)), a_ruled_route())
    assert rules.routes["bot"] is rules.tenant


@pytest.mark.parametrize(("said", "inherits"), [(None, True), (True, True), (False, False)])
def test_a_route_can_leave_them_out(said: bool | None, inherits: bool) -> None:
    rules = compiled(RuleBook(), a_tenant(rules=(CAP,)), a_ruled_route(DROP, inherit_rules=said))
    assert numbers(rules.routes["bot"]) == ([(1, "cap"), (2, "drop")] if inherits else [(1, "drop")])
    bare = compiled(RuleBook(), a_tenant(rules=(CAP,)), a_ruled_route(inherit_rules=said))
    assert (bare.routes["bot"] is None) is not inherits


def test_what_says_the_same_stays_the_same_object() -> None:
    book = RuleBook()
    first = compiled(book, a_tenant(rules=(CAP,)), a_ruled_route(DROP))
    again = compiled(book, a_tenant(rules=(dict(CAP),), name="renamed"), a_ruled_route(dict(DROP)))
    assert again.tenant is first.tenant
    assert again.routes["bot"] is first.routes["bot"]
    changed = compiled(book, a_tenant(rules=(CAP,)), a_ruled_route(CAP))
    assert changed.tenant is first.tenant
    assert changed.routes["bot"] is not first.routes["bot"]


def test_a_secret_that_was_rotated_is_the_new_one() -> None:
    book = RuleBook()
    keys = []
    for text in (b"one", b"one", b"two"):
        secrets = (a_secret(name="guard", ciphertext=text), a_secret("sec_2", name="other", ciphertext=text))
        rules = compiled(book, a_tenant(rules=(HOOK,)), secrets=secrets).tenant
        assert rules is not None
        hook = rules.request[0].hook
        assert hook is not None
        assert hook.key is not None
        keys.append((id(rules), hook.key.reveal()))
    assert [key for _, key in keys] == ["t1/guard/one", "t1/guard/one", "t1/guard/two"]
    assert keys[0] == keys[1]


@pytest.mark.parametrize("secrets", [(), (a_secret(name="guard", ciphertext=b"broken"),)])
def test_a_guardrail_whose_secret_is_lost_is_broken_and_not_left_out(secrets: tuple[SecretRow, ...]) -> None:
    rules = compiled(RuleBook(), a_tenant(), a_ruled_route(HOOK), secrets=secrets).routes["bot"]
    assert rules is not None
    assert rules.broken == "rules[0].secret_name: there is no such secret"


def test_rules_that_this_version_does_not_know_are_broken_and_say_whose_they_are() -> None:
    book = RuleBook()
    of_route = compiled(book, a_tenant(rules=(CAP,)), a_ruled_route(DROP, NEWER))
    assert of_route.tenant is not None
    assert of_route.tenant.broken is None
    route = of_route.routes["bot"]
    assert route is not None
    assert (route.broken or "").startswith("rules[1].do: must be 'system_prompt'")
    of_tenant = compiled(book, a_tenant(rules=(NEWER,)), a_ruled_route(DROP))
    for rules in (of_tenant.tenant, of_tenant.routes["bot"]):
        assert rules is not None
        assert (rules.broken or "").startswith("the tenant's rules[0].do: must be")
    without = compiled(book, a_tenant(rules=(NEWER,)), a_ruled_route(DROP, inherit_rules=False))
    assert numbers(without.routes["bot"]) == [(1, "drop")]


@pytest.mark.parametrize("rule", [{"a": float("nan")}, {"a": 2**200}, {"a": "\ud800"}, {}, {"do": None}])
def test_whatever_was_stored_once_is_at_most_broken(rule: dict[str, Any]) -> None:
    rules = compiled(RuleBook(), a_tenant(), a_ruled_route(rule)).routes["bot"]
    assert rules is not None
    assert rules.broken


def courses(tenant: TenantRow, *routes: RouteRow) -> dict[str, Course]:
    parts = TenantParts(tenant=tenant, configs=(a_config(),), pools=(a_pool(group_name="fast"),), routes=tuple(routes))
    compiled = a_compiler().compile_tenant(parts)
    assert compiled.rules is compiled.courses["fast"].rules
    return {**compiled.models, **compiled.courses}


def test_rules_sit_on_every_course_of_the_tenant() -> None:
    found = courses(a_tenant(rules=(CAP,)), a_ruled_route(DROP))
    assert numbers(found["m1"].rules) == numbers(found["fast"].rules) == [(1, "cap")]
    assert numbers(found["bot"].rules) == [(1, "cap"), (2, "drop")]
    bare = courses(a_tenant(), a_ruled_route())
    assert [course.rules for course in bare.values()] == [None, None, None]


def test_a_route_that_leaves_the_tenants_rules_out_has_none_of_its_pools() -> None:
    found = courses(a_tenant(rules=(NAMES,)), a_ruled_route(inherit_rules=False))
    assert (found["bot"].rules, found["bot"].hides_providers) == (None, False)
    assert found["fast"].hides_providers


def test_a_name_that_is_replaced_in_headers_hides_the_providers() -> None:
    found = courses(a_tenant(), a_ruled_route(NAMES))
    assert {name: course.hides_providers for name, course in found.items()} == {"m1": False, "fast": False, "bot": True}
    for rules, said, hides in (((CAP,), True, True), ((CAP,), False, False), ((NAMES,), False, True)):
        assert courses(a_tenant(), a_ruled_route(*rules, hide_providers=said))["bot"].hides_providers is hides
