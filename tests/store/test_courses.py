from typing import Any

import msgspec
import pytest

from ai_gateway.domain.config import (
    BaseUrl,
    BreakerSettings,
    Candidate,
    Course,
    Endpoint,
    EndpointId,
    OnContentFilter,
    OnStreamCut,
    Ownership,
    ProviderType,
    QueueLimits,
    Retries,
    Strategy,
    TenantId,
    Tier,
    Timeouts,
)
from ai_gateway.store.courses import compile_courses, compile_models, default_tiers, member_model
from ai_gateway.store.rows import PoolRow
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


ENDPOINTS = {name: an_endpoint(name, "m1") for name in "abcd"}


def group(name: str, *members: str | dict[str, Any], **options: Any) -> PoolRow:
    named = tuple({"name": one} if isinstance(one, str) else one for one in members)
    return a_pool(f"pool_{name}", group_name=name, members=named, strategy="weighted_round_robin", options=options)


def tiers(course: Course) -> list[tuple[str | None, str]]:
    """Each tier as its pool and the names of its endpoints."""
    return [(tier.pool, "".join(one.endpoint.name for one in tier.candidates)) for tier in course.tiers]


def test_behind_a_pool_stand_its_fallbacks_and_behind_each_its_own() -> None:
    pools = [group("one", "a", fallbacks=["two", "three"]), group("two", "b", fallbacks=["four"])]
    pools += [group("three", "c"), group("four", "d")]
    courses = compile_courses(pools, [], ENDPOINTS)
    assert tiers(courses["one"]) == [("one", "a"), ("two", "b"), ("four", "d"), ("three", "c")]
    assert tiers(courses["two"]) == [("two", "b"), ("four", "d")]
    assert courses["one"].tiers[1] is courses["two"].tiers[0], "a tier is compiled once"


def test_the_tenants_default_fallbacks_stand_behind_who_names_none() -> None:
    pools = [group("silent", "a"), group("alone", "b", fallbacks=[]), group("own", "c", fallbacks=["alone"])]
    courses = compile_courses([*pools, group("spare", "d")], [], ENDPOINTS, ("gone", "spare"))
    assert tiers(courses["silent"]) == [("silent", "a"), ("spare", "d")]
    assert tiers(courses["alone"]) == [("alone", "b")]
    assert tiers(courses["own"]) == [("own", "c"), ("alone", "b")]
    assert tiers(courses["spare"]) == [("spare", "d")]


def test_an_empty_fallback_is_no_tier_and_an_empty_pool_still_has_its_fallbacks() -> None:
    pools = [group("one", "gone", fallbacks=["hollow", "two"]), group("hollow", "gone"), group("two", "b")]
    assert tiers(compile_courses(pools, [], ENDPOINTS)["one"]) == [("one", ""), ("two", "b")]


def test_an_account_and_model_that_stand_in_two_groups_are_met_once() -> None:
    pools = [group("one", "a", "b", fallbacks=["two"]), group("two", "a", "c", {"name": "b", "model": "m2"})]
    (_, second) = compile_courses(pools, [], ENDPOINTS)["one"].tiers
    assert [(one.endpoint.name, one.model) for one in second.candidates] == [("c", "m1"), ("b", "m2")]
    all_met = [group("one", "a", "b", fallbacks=["two"]), group("two", "b")]
    assert tiers(compile_courses(all_met, [], ENDPOINTS)["one"]) == [("one", "ab")]


def test_a_member_without_weight_is_not_met_by_being_named() -> None:
    pools = [group("one", "a", {"name": "b", "weight": 0}, fallbacks=["two"]), group("two", "b")]
    assert tiers(compile_courses(pools, [], ENDPOINTS)["one"]) == [("one", "ab"), ("two", "b")]


def test_a_groups_breaker_queue_stickiness_and_times_go_with_it() -> None:
    told: dict[str, Any] = {
        "circuit_breaker": {"failure_threshold": 2},
        "queue": {"max_waiting": 4},
        "sticky_by": "header:X-Session-Id",
        "timeouts": {"first_token": 3.0},
    }
    endpoints = {**ENDPOINTS, "b": an_endpoint("b", "m1", timeouts=Timeouts(connect=1.0, first_token=9.0))}
    courses = compile_courses([group("one", "a", fallbacks=["two"]), group("two", "b", **told)], [], endpoints)
    first, second = courses["one"].tiers
    assert (first.breaker, first.queue, first.sticky_by) == (BreakerSettings(), None, None)
    assert (second.breaker, second.queue) == (BreakerSettings(failure_threshold=2), QueueLimits(max_waiting=4))
    assert second.sticky_by == "header:x-session-id"
    assert first.candidates[0].timeouts is None
    assert second.candidates[0].timeouts == Timeouts(connect=1.0, first_token=3.0)


def test_how_long_and_how_often_is_what_the_name_that_was_asked_for_says() -> None:
    one = group("one", "a", fallbacks=["two"], retries={"max_attempts": 5}, timeouts={"total": 30.0})
    two = group("two", "b", on_stream_cut="error", timeouts={"total": 90.0})
    courses = compile_courses([one, two], [], ENDPOINTS)
    assert (courses["one"].retries, courses["one"].total_seconds) == (Retries(max_attempts=5), 30.0)
    assert courses["one"].on_stream_cut is OnStreamCut.CONTINUE
    assert (courses["two"].retries, courses["two"].total_seconds) == (Retries(), 90.0)
    assert courses["two"].on_stream_cut is OnStreamCut.ERROR


def test_without_a_total_the_longest_of_the_first_endpoints_that_there_are_holds() -> None:
    endpoints = {
        "a": an_endpoint("a", "m1", timeouts=Timeouts(total=10.0)),
        "b": an_endpoint("b", "m1", timeouts=Timeouts(total=20.0)),
        "c": an_endpoint("c", "m1", timeouts=Timeouts(total=99.0)),
    }
    pools = [group("one", "a", "b", fallbacks=["two"]), group("two", "c"), group("off", "x", fallbacks=["two"])]
    pools += [group("nothing", "x", fallbacks=[])]
    courses = compile_courses(pools, [], endpoints)
    assert [courses[name].total_seconds for name in ("one", "two", "off", "nothing")] == [20.0, 99.0, 99.0, 600.0]
    assert compile_models(endpoints.values())["m1"].total_seconds == 99.0


def test_a_route_goes_over_its_pool_and_its_times_hold_in_every_tier() -> None:
    pools = [group("one", "a", fallbacks=["two"], timeouts={"connect": 1.0}, retries={"max_attempts": 5})]
    pools += [group("two", "b")]
    told: dict[str, Any] = {"timeouts": {"first_token": 2.0, "total": 7.0}, "on_content_filter": "fallback"}
    routes = [a_route("r1", name="bot", pool="one", options=told), a_route("r2", name="plain", pool="one")]
    courses = compile_courses(pools, routes, ENDPOINTS)
    bot, plain = courses["bot"], courses["plain"]
    assert bot.tiers[0].candidates[0].timeouts == Timeouts(connect=1.0, first_token=2.0, total=7.0)
    assert bot.tiers[1].candidates[0].timeouts == Timeouts(first_token=2.0, total=7.0)
    assert (bot.total_seconds, bot.retries) == (7.0, Retries(max_attempts=5))
    assert bot.on_content_filter is OnContentFilter.FALLBACK
    assert plain.tiers is courses["one"].tiers
    assert (plain.total_seconds, plain.on_content_filter) == (600.0, OnContentFilter.ERROR)


def test_a_route_may_retry_and_end_otherwise_than_its_pool() -> None:
    pools = [group("one", "a", on_stream_cut="error", retries={"max_attempts": 5})]
    routes = [a_route(name="bot", pool="one", options={"retries": {"max_attempts": 1}, "on_stream_cut": "continue"})]
    bot = compile_courses(pools, routes, ENDPOINTS)["bot"]
    assert (bot.retries, bot.on_stream_cut) == (Retries(max_attempts=1), OnStreamCut.CONTINUE)


def test_behind_bare_models_stand_the_default_fallbacks_behind_what_is_lent() -> None:
    pools = [group("spare", "d", fallbacks=["last"]), group("last", "c"), group("other", "b")]
    courses = compile_courses(pools, [], ENDPOINTS, ("spare",))
    lent = an_endpoint("openai", "m9", ownership=Ownership.SYSTEM)
    models = compile_models([an_endpoint("a", "m9"), lent], default_tiers(pools, courses, ("spare", "gone")))
    assert tiers(models["m9"]) == [(None, "a"), (None, "openai"), ("spare", "d"), ("last", "c")]


def test_a_members_priority_is_its_own_else_its_configs() -> None:
    endpoints = {"a": an_endpoint("a", "m1", priority=7), "b": an_endpoint("b", "m1", priority=7)}
    pools = [group("one", {"name": "a", "priority": 0}, "b")]
    (tier,) = compile_courses(pools, [], endpoints)["one"].tiers
    assert [one.priority for one in tier.candidates] == [0, 7]
    assert [one.priority for one in compile_models(endpoints.values())["m1"].tiers[0].candidates] == [7, 7]


def test_stickiness_of_a_newer_version_is_passed_over() -> None:
    assert compile_courses([group("one", "a", sticky_by="ip")], [], ENDPOINTS)["one"].tiers[0].sticky_by is None
