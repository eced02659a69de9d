"""Who of a tier may be picked, by each of the three questions. That a strategy picks well is its own tests' word."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.config import RateLimits, Strategy
from ai_gateway.runtime.stages import NOBODY, Stage
from support.builders import a_candidate, a_course, a_tier, an_endpoint
from support.known import Known

ONE, TWO = a_candidate(an_endpoint("one")), a_candidate(an_endpoint("two"))
LIMITED = a_candidate(an_endpoint("limited", rate_limits=RateLimits(requests_per_minute=1)))
STICKY = {"strategy": Strategy.ROUND_ROBIN, "sticky_by": "user"}


def picked(known: Known, stage: Stage, *tried: int, tokens: int = 0) -> set[int | None]:
    """Whoever is picked in a hundred picks of one instant."""
    rng = Random(1)
    return {stage.pick(rng, known.clock.now(), tokens, tried) for _ in range(100)}


def crowded(known: Known, stage: Stage) -> int | None:
    return stage.pick_crowded(Random(1), known.clock.now(), 0)


def panicked(known: Known, stage: Stage) -> int | None:
    return stage.pick_in_panic(Random(1), known.clock.now(), 0)


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("sticky_by", [None, "user"])
def test_every_strategy_picks_whoever_is_well_and_nobody_else(strategy: Strategy, sticky_by: str | None) -> None:
    known = Known()
    stage = known.stage(ONE, TWO, strategy=strategy, sticky_by=sticky_by)
    assert picked(known, stage) <= {0, 1}
    known.open(ONE)
    assert picked(known, stage) == {1}
    known.open(TWO)
    assert picked(known, stage) == {None}


def test_while_all_is_well_a_pick_asks_nobody() -> None:
    known = Known()
    stage = known.stage(ONE, TWO)
    assert picked(known, stage) == {0, 1}
    assert stage.is_calm


def calm(known: Known, stage: Stage) -> int | None:
    return stage.pick_calmly(Random(1), known.clock.now(), None)


def test_a_calm_pick_is_the_turn_that_a_pick_would_give() -> None:
    known, other = Known(), Known()
    one, two = known.stage(ONE, TWO), other.stage(ONE, TWO)
    turns = [two.pick(Random(1), other.clock.now(), 0) for _ in range(10)]
    assert [calm(known, one) for _ in range(10)] == turns


@pytest.mark.parametrize("trouble", ["open", "cool", "quarantine", "crowd", "take_out"])
def test_nobody_is_picked_calmly_while_anybody_has_a_trouble(trouble: str) -> None:
    known = Known()
    stage = known.stage(ONE, TWO)
    if trouble == "take_out":
        known.take_out(ONE.endpoint)
    else:
        getattr(known, trouble)(ONE)
    assert calm(known, stage) is None


def test_nobody_is_picked_calmly_where_a_rate_limit_has_to_be_asked() -> None:
    known = Known()
    assert calm(known, known.stage(ONE, LIMITED)) is None


@pytest.mark.parametrize("trouble", ["open", "cool", "quarantine", "crowd", "take_out"])
def test_who_has_a_trouble_is_passed_over(trouble: str) -> None:
    known = Known()
    stage = known.stage(ONE, TWO)
    if trouble == "take_out":
        known.take_out(ONE.endpoint)
    else:
        getattr(known, trouble)(ONE)
    assert picked(known, stage) == {1}
    assert not stage.is_calm


def test_who_was_tried_is_not_picked_again_by_this_request_and_is_by_the_next() -> None:
    known = Known()
    stage = known.stage(ONE, TWO)
    assert picked(known, stage, 0) == {1}
    assert picked(known, stage, 0, 1) == {None}
    assert picked(known, stage) == {0, 1}
    assert stage.is_calm


def test_who_is_tried_is_not_excluded_from_the_questions_of_the_desperate() -> None:
    known = Known()
    stage = known.stage(ONE)
    assert picked(known, stage, 0) == {None}
    assert crowded(known, stage) == 0
    assert panicked(known, stage) == 0


def test_who_is_well_again_is_picked_again() -> None:
    known = Known()
    stage = known.stage(ONE, TWO)
    known.cool(ONE)
    known.take_out(TWO.endpoint)
    assert picked(known, stage) == {None}
    known.clock.advance(5.0)
    known.healths.override(TWO.endpoint.id, None, known.clock.wall())
    assert picked(known, stage) == {0, 1}
    assert stage.is_calm


def test_a_member_whose_rate_limit_is_used_up_is_passed_over() -> None:
    known = Known()
    stage = known.stage(LIMITED, TWO)
    assert stage.is_limited
    assert picked(known, stage) == {0, 1}
    limits = stage.members[0].throttle.limits
    assert limits is not None
    limits.take(known.clock.now(), 0)
    assert picked(known, stage) == {1}
    known.clock.advance(60.0)
    assert picked(known, stage) == {0, 1}


def test_a_request_that_is_too_big_for_the_minute_is_sent_elsewhere() -> None:
    known = Known()
    small = a_candidate(an_endpoint("small", rate_limits=RateLimits(tokens_per_minute=100)))
    stage = known.stage(small, TWO)
    limits = stage.members[0].throttle.limits
    assert limits is not None
    limits.take(known.clock.now(), 60)
    assert picked(known, stage, tokens=41) == {1}
    assert picked(known, stage, tokens=40) == {0, 1}


def test_the_first_429_makes_every_stage_of_the_endpoint_ask_from_then_on() -> None:
    known = Known()
    one, both = known.stage(ONE), known.plan(a_course("both", tiers=(a_tier(ONE, TWO),))).stages[0]
    assert not one.is_limited
    known.throttles.of(ONE.endpoint, known.clock.now()).refused({}, known.clock.now(), 3.0)
    assert one.is_limited
    assert picked(known, one) == {None}
    assert picked(known, both) == {1}


def test_only_a_crowd_is_overlooked_by_who_has_nowhere_else_to_go() -> None:
    known = Known()
    stage = known.stage(ONE)
    known.crowd(ONE)
    assert picked(known, stage) == {None}
    assert crowded(known, stage) == 0
    known.take_out(ONE.endpoint)
    assert crowded(known, stage) is None


@pytest.mark.parametrize("trouble", ["open", "cool", "quarantine"])
def test_nothing_but_a_crowd_is_overlooked_there(trouble: str) -> None:
    known = Known()
    stage = known.stage(ONE)
    getattr(known, trouble)(ONE)
    assert crowded(known, stage) is None


def test_a_rule_that_was_bent_for_one_request_holds_for_the_next() -> None:
    known = Known()
    stage = known.stage(ONE)
    known.open(ONE)
    assert panicked(known, stage) == 0
    assert picked(known, stage) == {None}


@pytest.mark.parametrize(("trouble", "place"), [("open", 0), ("crowd", 0), ("cool", None), ("quarantine", None)])
def test_panic_overlooks_an_open_breaker_and_no_word_of_the_provider(trouble: str, place: int | None) -> None:
    known = Known()
    stage = known.stage(ONE)
    getattr(known, trouble)(ONE)
    assert panicked(known, stage) == place


def test_panic_overlooks_the_health_checks_and_no_operator() -> None:
    known = Known()
    stage = known.stage(ONE, TWO)
    known.healths.out.update({ONE.endpoint.id, TWO.endpoint.id})
    assert picked(known, stage) == {None}
    assert panicked(known, stage) is not None
    known.take_out(ONE.endpoint)
    assert panicked(known, stage) == 1
    known.breakers.force_open([TWO.endpoint], None, "drill")
    assert panicked(known, stage) is None


def test_no_question_overlooks_a_rate_limit() -> None:
    known = Known()
    stage = known.stage(LIMITED)
    limits = stage.members[0].throttle.limits
    assert limits is not None
    limits.take(known.clock.now(), 0)
    assert (crowded(known, stage), panicked(known, stage)) == (None, None)


def test_in_trouble_the_weights_still_decide() -> None:
    """Of four picks in panic a weight of three gets three."""
    known = Known()
    heavy = msgspec.structs.replace(ONE, weight=3)
    stage = known.stage(heavy, TWO)
    known.open(heavy)
    known.open(TWO)
    rng = Random(1)
    assert sorted(stage.pick_in_panic(rng, known.clock.now(), 0) or 0 for _ in range(4)) == [0, 0, 0, 1]


def test_priorities_decide_where_the_strategy_goes_by_them() -> None:
    known = Known()
    second = msgspec.structs.replace(ONE, priority=1)
    stage = known.stage(second, TWO, strategy=Strategy.PRIORITY)
    assert picked(known, stage) == {1}
    known.open(TWO)
    assert picked(known, stage) == {0}


def test_a_priority_that_is_full_spills_over() -> None:
    known = Known()
    second = msgspec.structs.replace(TWO, priority=1)
    stage = known.stage(LIMITED, second, strategy=Strategy.PRIORITY)
    assert picked(known, stage) == {0}
    limits = stage.members[0].throttle.limits
    assert limits is not None
    limits.take(known.clock.now(), 0)
    assert picked(known, stage) == {1}


@given(st.text(max_size=20))
def test_a_caller_stays_with_his_endpoint_and_finds_the_same_other_one(affinity: str) -> None:
    known = Known()
    three = a_candidate(an_endpoint("three"))
    stage, rng = known.stage(ONE, TWO, three, **STICKY), Random(1)
    mine = {stage.pick(rng, known.clock.now(), 0, NOBODY, affinity) for _ in range(5)}
    assert len(mine) == 1
    (own,) = mine
    assert own is not None
    others = {stage.pick(rng, known.clock.now(), 0, (own,), affinity) for _ in range(5)}
    assert len(others) == 1
    assert others != mine


def test_without_stickiness_an_affinity_means_nothing() -> None:
    known = Known()
    stage, rng = known.stage(ONE, TWO, strategy=Strategy.ROUND_ROBIN), Random(1)
    assert {stage.pick(rng, known.clock.now(), 0, NOBODY, "ada") for _ in range(4)} == {0, 1}


def test_a_strategy_sees_what_the_board_and_the_breaker_say() -> None:
    known = Known()
    stage = known.stage(ONE, TWO)
    standing = known.board.of(ONE.endpoint.id)
    for _ in range(3):
        standing.start()
    standing.succeed(100.0, None, known.clock.now())
    assert (stage.active(0), stage.active(1)) == (2, 0)
    assert (stage.first_token_ms(0), stage.peak_first_token_ms(0)) == (100.0, 100.0)
    standing.succeed(400.0, 20.0, known.clock.now())
    assert (stage.first_token_ms(0), stage.peak_first_token_ms(0)) == (20.0, 20.0)
    assert (stage.first_token_ms(1), stage.peak_first_token_ms(1)) == (None, None)


def test_the_worst_is_seen_apart_from_the_usual() -> None:
    known = Known()
    stage, standing = known.stage(ONE), known.board.of(ONE.endpoint.id)
    for at, ttft_ms in enumerate((10.0, 500.0, 10.0)):
        standing.succeed(900.0, ttft_ms, known.clock.now() + at)
    usual, peak = stage.first_token_ms(0), stage.peak_first_token_ms(0)
    assert usual is not None
    assert peak is not None
    assert 10.0 < usual < peak < 500.0


def test_who_returns_has_a_part_of_his_share() -> None:
    known = Known()
    stage = known.stage(ONE, TWO)
    known.open(ONE)
    known.clock.advance(33.0)
    gate = known.gate(ONE)
    for _ in range(2):
        assert picked(known, stage, 1) == {0}
        gate.succeed(gate.send(known.clock.now()), known.clock.now())
    assert not stage.is_calm
    rng = Random(1)
    shares = [stage.pick(rng, known.clock.now(), 0) for _ in range(200)]
    assert stage.ramp(0) == pytest.approx(0.1)
    assert 0 < shares.count(0) < 40  # a tenth against a whole: 18 of 200
    known.clock.advance(30.0)
    shares = [stage.pick(rng, known.clock.now(), 0) for _ in range(200)]
    assert 80 <= shares.count(0) <= 120
    assert stage.ramp(0) == 1.0


def test_whether_somebody_would_be_admitted_can_be_asked_of_one() -> None:
    known = Known()
    stage, now = known.stage(LIMITED, TWO), known.clock.now()
    limited, two = stage.members
    assert stage.would_admit(limited, now, 0)
    assert limited.throttle.limits is not None
    limited.throttle.limits.take(now, 0)
    assert not stage.would_admit(limited, now, 0)
    assert not stage.has_room(limited, now, 0)
    known.take_out(TWO.endpoint)
    assert stage.is_out(two)
    assert not stage.would_admit(two, now, 0)
    assert stage.has_room(two, now, 0)
