from typing import Any

import msgspec
import pytest

from ai_gateway.domain.config import (
    BaseUrl,
    Candidate,
    Course,
    Endpoint,
    EndpointId,
    Ownership,
    ProviderType,
    Strategy,
    TenantId,
    Tier,
)
from ai_gateway.store.courses import compile_courses, compile_models, member_model
from store.rows_for_tests import a_pool, a_route


def an_endpoint(name: str, *models: str, **changes: Any) -> Endpoint:
    endpoint = Endpoint(
        id=EndpointId(f"pc_{name}"),
        tenant_id=TenantId("t1"),
        name=name,
        provider=ProviderType.OPENAI,
        base_url=BaseUrl(scheme="http", host="h", port=80, path=""),
        models=models,
    )
    return msgspec.structs.replace(endpoint, **changes)


def names(course: Course) -> list[list[tuple[str, str, int]]]:
    return [[(one.endpoint.name, one.model, one.weight) for one in tier.candidates] for tier in course.tiers]


@pytest.mark.parametrize(
    ("asked", "models", "model"),
    [
        ("m9", ("m1", "fast"), "m9"),
        (None, ("m1", "fast"), "fast"),
        (None, ("m1",), "m1"),
        (None, ("m1", "m2"), None),
        (None, (), None),
    ],
)
def test_a_member_is_asked_for_its_model_the_groups_or_its_only_one(
    asked: str | None, models: tuple[str, ...], model: str | None
) -> None:
    assert member_model("fast", asked, models) == model


def test_a_pool_keeps_its_members_order_and_weights() -> None:
    endpoints = {"a": an_endpoint("a", "m1"), "b": an_endpoint("b", "fast", "m2", weight=9)}
    members = ({"name": "b", "weight": 70}, {"name": "a", "weight": 30, "model": "m7"}, {"name": "a"})
    course = compile_courses([a_pool(group_name="fast", members=members, strategy="random")], [], endpoints)["fast"]
    assert names(course) == [[("b", "fast", 70), ("a", "m7", 30), ("a", "m1", 1)]]
    assert (course.name, course.pool, course.route, course.tiers[0].strategy) == ("fast", "fast", None, Strategy.RANDOM)


def test_members_that_are_gone_or_unclear_are_left_out() -> None:
    members = ({"name": "gone"}, {"name": "a"}, {"name": "b"})
    endpoints = {"a": an_endpoint("a", "m1"), "b": an_endpoint("b", "m1", "m2")}
    course = compile_courses([a_pool(group_name="fast", members=members)], [], endpoints)["fast"]
    assert names(course) == [[("a", "m1", 1)]]


def test_a_pool_whose_members_are_all_gone_keeps_one_empty_tier() -> None:
    assert compile_courses([a_pool(group_name="fast")], [], {})["fast"].tiers == (
        Tier(candidates=(), pool="fast", strategy=Strategy.ROUND_ROBIN),
    )


def test_a_route_leads_where_its_pool_leads() -> None:
    endpoints = {"a": an_endpoint("a", "m1")}
    pools = [a_pool(group_name="fast", members=({"name": "a"},), strategy="least_latency")]
    routes = [a_route("r1", name="bot", pool="fast"), a_route("r2", name="lost", pool="gone")]
    courses = compile_courses(pools, routes, endpoints)
    assert courses["bot"].tiers == courses["fast"].tiers
    bot = courses["bot"]
    assert (bot.name, bot.route, bot.pool, bot.tiers[0].strategy) == ("bot", "bot", "fast", Strategy.LEAST_LATENCY)
    assert courses["lost"].tiers == (Tier(candidates=(), pool="gone"),)


def test_a_strategy_of_a_newer_version_falls_back_to_shares() -> None:
    course = compile_courses([a_pool(group_name="fast", strategy="psychic")], [], {})["fast"]
    assert course.tiers[0].strategy is Strategy.WEIGHTED_ROUND_ROBIN


def test_a_bare_model_leads_to_all_who_list_it_by_priority_and_name() -> None:
    endpoints = [an_endpoint("c", "m1", weight=5), an_endpoint("b", "m1", "m1"), an_endpoint("a", "m1", priority=1)]
    models = compile_models([*endpoints, an_endpoint("d", "m2")])
    assert names(models["m1"]) == [[("b", "m1", 1), ("c", "m1", 5), ("a", "m1", 1)]]
    assert models["m2"].tiers == (Tier(candidates=(Candidate(endpoint=an_endpoint("d", "m2"), model="m2"),)),)
    assert (models["m1"].route, models["m1"].pool) == (None, None)


def test_a_lent_endpoint_comes_behind_all_of_ones_own() -> None:
    lent = an_endpoint("openai", "m1", "m2", ownership=Ownership.SYSTEM, priority=-5)
    models = compile_models([lent, an_endpoint("z", "m1")])
    assert names(models["m1"]) == [[("z", "m1", 1)], [("openai", "m1", 1)]]
    assert names(models["m2"]) == [[("openai", "m2", 1)]]
