from random import Random

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType, Strategy, Tier
from ai_gateway.providers.kinds import KINDS
from ai_gateway.runtime.plans import Plans
from support.builders import CLAUDE, a_candidate, a_claude_endpoint, a_course, a_tier, an_endpoint

CHAT = (Dialect.OPENAI, Operation.CHAT)
ONE, TWO = a_candidate(an_endpoint("one")), a_candidate(an_endpoint("two"))


def test_a_course_keeps_its_plan_and_with_it_its_turn() -> None:
    plans, rng = Plans(KINDS), Random(1)
    course = a_course("fast", tiers=(a_tier(ONE, TWO, strategy=Strategy.ROUND_ROBIN),))
    first = plans.of("t1", course, *CHAT)
    assert first.pick(rng) == 0
    assert plans.of("t1", course, *CHAT) is first
    assert plans.of("t1", course, *CHAT).pick(rng) == 1


def test_a_course_that_was_rebuilt_the_same_keeps_its_plan_too() -> None:
    plans = Plans(KINDS)
    first = plans.of("t1", a_course("fast", ONE, TWO), *CHAT)
    assert plans.of("t1", a_course("fast", ONE, TWO), *CHAT) is first


def test_a_course_that_changed_gets_a_new_one() -> None:
    plans = Plans(KINDS)
    first = plans.of("t1", a_course("fast", ONE), *CHAT)
    second = plans.of("t1", a_course("fast", ONE, TWO), *CHAT)
    assert second is not first
    assert second.candidates == (ONE, TWO)
    heavier = msgspec.structs.replace(TWO, weight=5)
    assert plans.of("t1", a_course("fast", ONE, heavier), *CHAT).candidates == (ONE, heavier)


def test_tenants_dialects_and_operations_do_not_share_a_turn() -> None:
    plans = Plans(KINDS)
    course = a_course("fast", ONE)
    made = {
        id(plans.of(tenant, course, Dialect.OPENAI, operation))
        for tenant in ("t1", "t2")
        for operation in (Operation.CHAT, Operation.EMBEDDINGS)
    }
    assert len(made) == 4


def test_only_members_that_speak_the_dialect_are_in_a_plan() -> None:
    claude = a_candidate(a_claude_endpoint(), CLAUDE)
    mock = a_candidate(an_endpoint("mock", provider=ProviderType.MOCK))
    course = a_course("mixed", ONE, claude, mock)
    plans = Plans(KINDS)
    assert plans.of("t1", course, *CHAT).candidates == (ONE, mock)
    assert plans.of("t1", course, Dialect.ANTHROPIC, Operation.MESSAGES).candidates == (claude, mock)


def test_the_first_tier_that_can_is_taken() -> None:
    claude = a_candidate(a_claude_endpoint(), CLAUDE)
    course = a_course("bare", tiers=(a_tier(claude), a_tier(TWO), a_tier(ONE)), pool=None)
    assert Plans(KINDS).of("t1", course, *CHAT).candidates == (TWO,)


def test_a_fallback_stands_in_for_members_that_are_off_but_not_for_a_dialect_that_was_never_offered() -> None:
    claude = a_candidate(a_claude_endpoint(), CLAUDE)
    spare = a_tier(TWO, pool="spare")
    other_dialect = a_course("fast", tiers=(a_tier(claude, pool="fast"), spare))
    bare = a_course("m1", tiers=(a_tier(claude), spare), pool=None)
    all_off = a_course("off", tiers=(Tier(candidates=(), pool="off"), spare))
    plans = Plans(KINDS)
    assert plans.of("t1", other_dialect, *CHAT).candidates == ()
    assert plans.of("t1", bare, *CHAT).candidates == ()
    assert plans.of("t1", all_off, *CHAT).candidates == (TWO,)


def test_where_nobody_can_there_is_a_plan_without_candidates() -> None:
    assert Plans(KINDS).of("t1", a_course("empty", tiers=(Tier(candidates=()),)), *CHAT).candidates == ()


def test_names_that_a_caller_invents_do_not_fill_the_memory() -> None:
    plans = Plans(KINDS, most=10)
    for number in range(35):
        plans.of("t1", a_course(f"open/{number}", ONE), *CHAT)
    assert len(plans._plans) <= 10


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("sticky_by", [None, "user"])
def test_a_plan_picks_one_of_its_candidates_by_any_strategy(strategy: Strategy, sticky_by: str | None) -> None:
    course = a_course("fast", tiers=(a_tier(ONE, TWO, strategy=strategy, sticky_by=sticky_by),))
    plan, rng = Plans(KINDS).of("t1", course, *CHAT), Random(1)
    assert {plan.pick(rng) for _ in range(100)} <= {0, 1}


def test_priorities_decide_where_the_strategy_goes_by_them() -> None:
    first = msgspec.structs.replace(TWO, priority=0)
    second = msgspec.structs.replace(ONE, priority=1)
    course = a_course("fast", tiers=(a_tier(second, first, strategy=Strategy.PRIORITY),))
    plan, rng = Plans(KINDS).of("t1", course, *CHAT), Random(1)
    assert {plan.pick(rng) for _ in range(20)} == {1}
