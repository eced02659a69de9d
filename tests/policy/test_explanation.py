import pytest

from ai_gateway.domain.config import Candidate, Course, Strategy, Tier
from ai_gateway.policy.explanation import Explanation, Facts, explain
from support.builders import a_candidate, an_endpoint

OPEN = Facts(obstacles=("its breaker is open",), waits_only=True)
FORCED = Facts(obstacles=("an operator took it out",))


def member(name: str, weight: int = 1, priority: int = 0) -> Candidate:
    plain = a_candidate(an_endpoint(name), weight=weight)
    return Candidate(endpoint=plain.endpoint, model=plain.model, weight=weight, priority=priority)


def a_tier(*members: Candidate, strategy: Strategy = Strategy.WEIGHTED_ROUND_ROBIN, sticky: str | None = None) -> Tier:
    return Tier(candidates=members, strategy=strategy, sticky_by=sticky)


def ask(*tiers: Tier, affinity: str | None = None, **facts: Facts) -> Explanation:
    """`facts` by the name of the endpoint; who is not named is well."""
    return explain(Course("fast", tiers), lambda it: facts.get(it.endpoint.name, Facts()), 5.0, affinity)


def chances(explanation: Explanation, tier: int = 0) -> dict[str, float]:
    return {it.candidate.endpoint.name: it.chance for it in explanation.tiers[tier].members}


def picked(explanation: Explanation) -> str | None:
    return None if explanation.picked is None else explanation.picked.endpoint.name


def test_weights_are_chances() -> None:
    found = ask(a_tier(member("a", 70), member("b", 30)))
    assert chances(found) == {"a": 0.7, "b": 0.3}
    assert (picked(found), found.is_panic) == ("a", False)


def test_who_has_an_obstacle_has_no_chance_and_the_obstacle_is_said() -> None:
    found = ask(a_tier(member("a", 70), member("b", 30)), a=OPEN)
    assert chances(found) == {"a": 0.0, "b": 1.0}
    assert found.tiers[0].members[0].facts.obstacles == ("its breaker is open",)
    assert picked(found) == "b"


@pytest.mark.parametrize("strategy", list(Strategy))
def test_every_strategy_explains_itself_and_leaves_out_who_is_not_well(strategy: Strategy) -> None:
    found = ask(a_tier(member("a"), member("b"), member("c"), strategy=strategy), b=OPEN)
    assert chances(found)["b"] == 0.0
    assert sum(chances(found).values()) == pytest.approx(1.0)


def test_the_fallback_is_picked_when_nobody_of_the_first_tier_is_well() -> None:
    found = ask(a_tier(member("a")), a_tier(member("b")), a=OPEN)
    assert (picked(found), found.is_panic) == ("b", False)
    assert chances(found, 1) == {"b": 1.0}


def test_when_nobody_is_well_panic_asks_whom_only_a_breaker_keeps_away() -> None:
    found = ask(a_tier(member("a"), member("b")), a_tier(member("c")), a=FORCED, b=OPEN, c=OPEN)
    assert (picked(found), found.is_panic) == ("b", True)
    assert chances(found) == {"a": 0.0, "b": 1.0}


def test_an_operators_word_holds_in_panic_too() -> None:
    found = ask(a_tier(member("a")), a=FORCED)
    assert (picked(found), found.is_panic) == (None, False)


def test_a_course_that_leads_nowhere_picks_nobody() -> None:
    assert picked(ask(a_tier())) is None


def test_the_idle_one_is_picked_where_connections_count_and_the_fast_one_where_latency_does() -> None:
    busy, idle = Facts(active=9, first_token_ms=10.0), Facts(active=0, first_token_ms=900.0)
    by_load = ask(a_tier(member("a"), member("b"), strategy=Strategy.LEAST_CONNECTIONS), a=busy, b=idle)
    by_speed = ask(a_tier(member("a"), member("b"), strategy=Strategy.LEAST_LATENCY), a=busy, b=idle)
    assert (picked(by_load), picked(by_speed)) == ("b", "a")


def test_the_first_in_order_is_picked_where_priority_counts() -> None:
    members = (member("a", priority=2), member("b", priority=1))
    assert picked(ask(a_tier(*members, strategy=Strategy.PRIORITY))) == "b"
    assert picked(ask(a_tier(*members, strategy=Strategy.PRIORITY), b=OPEN)) == "a"


def test_a_sticky_pool_always_picks_the_same_for_one_caller() -> None:
    tier = a_tier(*(member(name) for name in "abcdef"), sticky="user")
    found = [chances(ask(tier, affinity=user)) for user in ("ann", "ann", "bob", "cid", "dan", "eve")]
    assert all(max(one.values()) == 1.0 for one in found)
    assert found[0] == found[1]
    assert len({max(one, key=one.__getitem__) for one in found}) > 1


def test_the_same_question_has_the_same_answer() -> None:
    tier = a_tier(member("a"), member("b"), strategy=Strategy.RANDOM)
    assert chances(ask(tier)) == chances(ask(tier))
