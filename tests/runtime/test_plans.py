import msgspec
import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import (
    BreakerSettings,
    Candidate,
    Course,
    OnContentFilter,
    ProviderType,
    QueueLimits,
    RateLimits,
    Retries,
    Tier,
)
from ai_gateway.policy.attempts import Limits
from support.builders import (
    CLAUDE,
    MODEL,
    a_book,
    a_candidate,
    a_claude_endpoint,
    a_course,
    a_price,
    a_tier,
    an_endpoint,
)
from support.clock import NOON
from support.known import Known

ONE, TWO = a_candidate(an_endpoint("one")), a_candidate(an_endpoint("two"))
CLAUDE_ONE = a_candidate(a_claude_endpoint(), CLAUDE)


def tiers_of(known: Known, course: Course, dialect: Dialect = Dialect.OPENAI) -> list[tuple[Candidate, ...]]:
    """For an operation that is not translated."""
    operation = Operation.EMBEDDINGS if dialect is Dialect.OPENAI else Operation.COUNT_TOKENS
    stages = known.plan(course, dialect, operation).stages
    return [tuple(member.candidate for member in stage.members) for stage in stages]


def test_a_course_keeps_its_plan_and_with_it_its_turn_and_its_budget() -> None:
    known = Known()
    course = a_course("fast", ONE, TWO)
    first = known.plan(course)
    assert known.plan(course) is first


def test_a_course_that_was_rebuilt_the_same_keeps_its_plan_too() -> None:
    known = Known()
    first = known.plan(a_course("fast", ONE, TWO))
    rebuilt = a_course("fast", ONE, TWO)
    assert known.plan(rebuilt) is first
    assert first.course is rebuilt


def test_a_course_that_changed_gets_a_new_one() -> None:
    known = Known()
    first = known.plan(a_course("fast", ONE))
    second = known.plan(a_course("fast", ONE, TWO))
    assert second is not first
    assert second.candidates == (ONE, TWO)
    heavier = msgspec.structs.replace(TWO, weight=5)
    assert known.plan(a_course("fast", ONE, heavier)).candidates == (ONE, heavier)


def test_what_is_known_of_an_endpoint_outlives_the_plan() -> None:
    known = Known()
    (before,) = known.plan(a_course("fast", ONE)).stages[0].members
    after = known.plan(a_course("fast", ONE, TWO)).stages[0].members[0]
    elsewhere = known.plan(a_course("slow", TWO, ONE)).stages[0].members[1]
    for member in (after, elsewhere):
        assert member.gate is before.gate
        assert member.standing is before.standing
        assert member.throttle is before.throttle


def test_pools_with_settings_of_their_own_have_breakers_of_their_own() -> None:
    known = Known()
    strict = a_course("strict", tiers=(a_tier(ONE, breaker=BreakerSettings(failure_threshold=1)),))
    (member,) = known.plan(strict).stages[0].members
    assert member.gate is not known.gate(ONE)
    assert member.gate.breaker.settings.failure_threshold == 1


def test_limits_that_are_configured_hold_from_the_next_plan_on() -> None:
    known = Known()
    known.plan(a_course("fast", ONE))
    limited = a_candidate(an_endpoint("one", rate_limits=RateLimits(max_concurrent=1)))
    stage = known.plan(a_course("fast", limited)).stages[0]
    assert stage.is_limited
    assert stage.members[0].throttle is known.throttles.of(limited.endpoint, known.clock.now())


def test_tenants_dialects_and_operations_do_not_share_a_turn() -> None:
    known = Known()
    course = a_course("fast", ONE)
    made = {
        id(known.plans.of(tenant, course, Dialect.OPENAI, operation))
        for tenant in ("t1", "t2")
        for operation in (Operation.CHAT, Operation.EMBEDDINGS)
    }
    assert len(made) == 4


def test_a_conversation_is_carried_by_members_of_any_dialect() -> None:
    plan = Known().plan(a_course("mixed", ONE, CLAUDE_ONE))
    assert plan.candidates == (ONE, CLAUDE_ONE)
    assert [it.codec.translates for it in plan.stages[0].members] == [False, True]


def test_only_members_that_have_the_operation_are_in_a_plan() -> None:
    known = Known()
    mock = a_candidate(an_endpoint("mock", provider=ProviderType.MOCK))
    course = a_course("mixed", ONE, CLAUDE_ONE, mock)
    assert tiers_of(known, course) == [(ONE, mock)]
    assert tiers_of(known, course, Dialect.ANTHROPIC) == [(CLAUDE_ONE, mock)]


def test_every_tier_that_can_serve_is_a_stage_in_its_order() -> None:
    known = Known()
    course = a_course(
        "fast", tiers=(a_tier(TWO, pool="fast"), a_tier(CLAUDE_ONE, pool="other"), a_tier(ONE, pool="spare"))
    )
    assert tiers_of(known, course) == [(TWO,), (ONE,)]
    assert known.plan(course).candidates == (TWO, CLAUDE_ONE, ONE)


def test_of_a_bare_name_the_first_tier_that_can_is_the_first_stage() -> None:
    course = a_course("bare", tiers=(a_tier(CLAUDE_ONE), a_tier(TWO), a_tier(ONE)), pool=None)
    assert tiers_of(Known(), course) == [(TWO,), (ONE,)]


def test_a_fallback_stands_in_for_members_that_are_off_but_not_for_a_dialect_that_was_never_offered() -> None:
    spare = a_tier(TWO, pool="spare")
    other_dialect = a_course("fast", tiers=(a_tier(CLAUDE_ONE, pool="fast"), spare))
    bare = a_course("m1", tiers=(a_tier(CLAUDE_ONE), spare), pool=None)
    all_off = a_course("off", tiers=(Tier(candidates=(), pool="off"), spare))
    known = Known()
    assert tiers_of(known, other_dialect) == []
    assert tiers_of(known, bare) == []
    assert tiers_of(known, all_off) == [(TWO,)]


def test_where_nobody_can_there_is_a_plan_without_stages() -> None:
    plan = Known().plan(a_course("empty", tiers=(Tier(candidates=()),)))
    assert (plan.stages, plan.candidates, plan.line) == ((), (), None)


def test_the_attempts_of_a_course_are_limited_as_it_says() -> None:
    retries = Retries(max_attempts=5, base_seconds=0.1)
    course = a_course(
        "fast",
        tiers=(a_tier(ONE, pool="fast"), a_tier(CLAUDE_ONE, pool="x"), a_tier(TWO, pool="y")),
        retries=retries,
        on_content_filter=OnContentFilter.FALLBACK,
    )
    assert Known().plan(course).limits == Limits(3, retries, OnContentFilter.FALLBACK)


def test_a_plan_has_a_retry_budget_of_its_own() -> None:
    """Without requests ten retries a second are free."""
    known = Known()
    one, two = known.plan(a_course("one", ONE)), known.plan(a_course("two", ONE))
    now = known.clock.now()
    assert [one.budget.withdraw(now) for _ in range(11)] == [True] * 10 + [False]
    assert two.budget.withdraw(now)


OWN, PROVIDERS = QueueLimits(max_waiting=5), QueueLimits(max_waiting=7)
QUEUED = a_candidate(an_endpoint("queued", queue=PROVIDERS))


@pytest.mark.parametrize(
    ("tiers", "line"),
    [
        ((a_tier(ONE, pool="fast"),), None),
        ((a_tier(ONE, pool="fast", queue=OWN),), ("pool fast", OWN)),
        ((a_tier(ONE, QUEUED, pool="fast"),), ("provider queued", PROVIDERS)),
        ((a_tier(QUEUED, pool="fast", queue=OWN),), ("pool fast", OWN)),
        ((a_tier(QUEUED, pool="fast"), a_tier(ONE, pool="spare", queue=OWN)), ("pool spare", OWN)),
        ((a_tier(ONE, pool="fast"), a_tier(QUEUED, pool="spare")), ("provider queued", PROVIDERS)),
    ],
)
def test_the_queue_is_the_pools_own_else_the_first_endpoints_that_has_one(
    tiers: tuple[Tier, ...], line: tuple[str, QueueLimits] | None
) -> None:
    assert Known().plan(a_course("fast", tiers=tiers)).line == line


def test_the_worst_price_is_the_dearest_of_all_tiers() -> None:
    dear = a_candidate(an_endpoint("dear"), "gpt-4o")
    plan = Known().plan(a_course("fast", tiers=(a_tier(ONE, pool="fast"), a_tier(dear, pool="spare"))))
    worst = plan.worst(a_book(a_price(), a_price("gpt-4o", output_pico=10_000_000)), a_book(), NOON)
    assert worst.output_pico == 10_000_000


def test_the_worst_price_is_worked_out_again_when_a_book_changes_or_a_price_comes_into_force() -> None:
    plan = Known().plan(a_course("fast", ONE))
    later = a_price(output_pico=900_000, effective_from=NOON + 60, version="later")
    own, book = a_book(a_price(), later), a_book()
    first = plan.worst(own, book, NOON)
    assert plan.worst(own, book, NOON + 59) is first
    assert plan.worst(own, book, NOON + 60).output_pico == 900_000
    assert plan.worst(a_book(a_price(MODEL, output_pico=1)), book, NOON + 60).output_pico == 1


def test_names_that_a_caller_invents_do_not_fill_the_memory() -> None:
    known = Known()
    first = a_course("open/0", ONE)
    kept = known.few_plans.of("t1", first, Dialect.OPENAI, Operation.CHAT)
    for number in range(1, 10):
        known.few_plans.of("t1", a_course(f"open/{number}", ONE), Dialect.OPENAI, Operation.CHAT)
    assert known.few_plans.of("t1", first, Dialect.OPENAI, Operation.CHAT) is kept
    known.few_plans.of("t1", a_course("open/10", ONE), Dialect.OPENAI, Operation.CHAT)
    assert known.few_plans.of("t1", first, Dialect.OPENAI, Operation.CHAT) is not kept


def test_an_endpoint_that_was_gone_comes_back_with_what_everybody_sees() -> None:
    """Taken out of the configuration and put back the same, with no request in between: the course compares equal,
    but its breaker and its numbers are no longer the ones that operators look at."""
    known = Known()
    course = a_course("fast", ONE)
    stale, other = known.plan(course), known.plan(a_course("slow", TWO))
    known.board.keep_only({TWO.endpoint.id})
    known.breakers.keep_only({TWO.endpoint.id})
    known.plans.keep_only({TWO.endpoint.id})
    assert known.plan(a_course("slow", TWO)) is other
    again = known.plan(course)
    assert again is not stale
    (member,) = again.stages[0].members
    assert member.gate is known.gate(ONE)
    assert member.standing is known.board.of(ONE.endpoint.id)


def test_a_fallback_that_is_gone_takes_its_plan_along_and_nothing_gone_takes_none() -> None:
    known = Known()
    course = a_course("fast", tiers=(a_tier(ONE, pool="fast"), a_tier(TWO, pool="spare")))
    plan = known.plan(course)
    known.plans.keep_only({ONE.endpoint.id, TWO.endpoint.id, "pc_new"})
    assert known.plan(course) is plan
    known.plans.keep_only({ONE.endpoint.id})
    assert known.plan(course) is not plan
