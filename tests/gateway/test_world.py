"""What the attempts of one request may ask, and what they leave behind: every place that is taken ends in one word."""

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.domain.chat import Dialect
from ai_gateway.domain.config import BreakerSettings, Candidate, RateLimits, Strategy, Tier
from ai_gateway.domain.decisions import What
from ai_gateway.domain.faults import CircuitOpen, ProviderFailed, ProviderKeyRefused, RateLimited
from ai_gateway.domain.traffic import Call
from ai_gateway.gateway.world import LOOK_AGAIN_SECONDS, MOST_STEPS, UNHEALTHY, Taken, World, affinity_of
from ai_gateway.policy.attempts import Try
from ai_gateway.policy.circuit_breaker import State
from ai_gateway.policy.provider_limits import LimitsStanding
from ai_gateway.runtime.board import Standing
from support.builders import a_call, a_candidate, a_course, a_head, a_tier, an_endpoint
from support.known import Known

ONE, TWO = a_candidate(an_endpoint("one")), a_candidate(an_endpoint("two"))
FOUR = RateLimits(requests_per_minute=4, tokens_per_minute=24_000, max_concurrent=2)
LIMITED = a_candidate(an_endpoint("limited", rate_limits=FOUR))
SINGLE = a_candidate(an_endpoint("single", rate_limits=RateLimits(max_concurrent=1)))

# The call of the builders: 100 bytes / 4, and the endpoint's default of 4,096 tokens of output
WORST_TOKENS = 25 + 4_096


def a_world(known: Known, *candidates: Candidate, call: Call | None = None, **changes: Any) -> World:
    return a_world_of(known, a_tier(*candidates, pool="fast", **changes), call=call)


def a_world_of(known: Known, *tiers: Tier, call: Call | None = None) -> World:
    plan = known.plan(a_course("fast", tiers=tiers))
    return World(plan, call or a_call(a_head(received=known.clock.now())), known.clock, Random(1))


def taken(world: World, tier: int = 0) -> Taken:
    assert world.pick(tier, ()) is not None
    return world.use()


def standing(known: Known, candidate: Candidate) -> Standing:
    return known.board.of(candidate.endpoint.id)


def left(known: Known, candidate: Candidate = LIMITED) -> LimitsStanding:
    limits = known.throttles.of(candidate.endpoint, known.clock.now()).limits
    assert limits is not None
    return limits.standing(known.clock.now())


def numbers(known: Known, candidate: Candidate) -> tuple[int, int, int]:
    it = standing(known, candidate)
    return it.requests, it.active, it.errors


# A place that was taken


def test_a_place_is_counted_everywhere_in_the_step_in_which_it_is_picked() -> None:
    known = Known()
    world = a_world(known, LIMITED)
    assert world.pick(0, ()) == 0
    assert numbers(known, LIMITED) == (1, 1, 0)
    assert known.gate(LIMITED).breaker.waiting == 1
    assert left(known) == LimitsStanding(3, 24_000 - 100 - WORST_TOKENS, 1, 0.0)  # 24,000 / 240 stay unused


def test_a_success_leaves_what_it_took_and_what_it_used() -> None:
    known = Known()
    place = taken(a_world(known, LIMITED))
    known.clock.advance(0.5)
    place.answered(known.clock.now())
    place.succeed(known.clock.now(), 500.0, 100.0, used_tokens=900)
    assert numbers(known, LIMITED) == (1, 0, 0)
    assert standing(known, LIMITED).ttft.usual == 100.0
    breaker = known.gate(LIMITED).breaker
    assert (breaker.waiting, breaker.failures) == (0, 0)
    # 3 requests, and half a second's share of a fourth; 900 tokens used, 200 of them back by now
    assert left(known) == LimitsStanding(3, 24_000 - 100 - 900 + 200, 0, 0.0)


def test_the_time_to_the_first_answer_is_measured_from_the_pick() -> None:
    known = Known()
    place = taken(a_world(known, ONE))
    known.clock.advance(2.0)
    place.answered(known.clock.now())
    assert place.at == 1_000.0
    assert known.gate(ONE).breaker.waiting == 0


def test_a_failure_is_the_breakers_to_judge_and_the_boards_to_show() -> None:
    known = Known()
    for number in range(5):
        place = taken(a_world(known, ONE))
        place.fail(ProviderFailed("It broke."), known.clock.now(), 0, blames=True)
        assert numbers(known, ONE) == (number + 1, 0, number + 1)
    assert known.gate(ONE).breaker.state is State.OPEN


def test_a_failure_that_blames_nobody_is_no_error_where_people_look() -> None:
    known = Known()
    taken(a_world(known, ONE)).fail(ProviderKeyRefused("No."), known.clock.now(), 0, blames=False)
    assert numbers(known, ONE) == (1, 0, 0)
    assert known.gate(ONE).cooldown.quarantined


def test_who_leaves_says_nothing_of_the_endpoint() -> None:
    known = Known()
    taken(a_world(known, LIMITED)).leave(known.clock.now(), used_tokens=500)
    assert numbers(known, LIMITED) == (1, 0, 0)
    assert known.gate(LIMITED).calm
    assert known.gate(LIMITED).breaker.waiting == 0
    assert left(known) == LimitsStanding(3, 24_000 - 100 - 500, 0, 0.0)


def test_what_was_never_sent_was_never_taken() -> None:
    known = Known()
    known.stage(LIMITED)
    before = left(known)
    taken(a_world(known, LIMITED)).withdraw(known.clock.now())
    assert numbers(known, LIMITED) == (0, 0, 0)
    assert known.gate(LIMITED).breaker.waiting == 0
    assert left(known) == before


def test_limits_that_come_up_meanwhile_have_nothing_of_a_request_that_took_nothing_of_them() -> None:
    """Else the end of an old request would make room for one more than may be there at once."""
    known = Known()
    old = taken(a_world(known, ONE))
    limited = msgspec.structs.replace(ONE, endpoint=an_endpoint("one", rate_limits=RateLimits(max_concurrent=1)))
    new = taken(a_world(known, limited))
    old.leave(known.clock.now(), 0)
    assert a_world(known, limited).pick(0, ()) is None
    new.leave(known.clock.now(), 0)
    assert a_world(known, limited).pick(0, ()) == 0


ENDS = st.sampled_from(["succeed", "fail", "blameless", "leave", "withdraw", "close"])


@given(st.lists(ENDS, max_size=30), st.integers(0, 20_000))
def test_however_it_ends_nothing_stays_behind(ends: list[str], used: int) -> None:
    known = Known()
    for end in ends:
        world = a_world(known, LIMITED, TWO)
        place = world.pick(0, ())
        if place is None or end == "close":
            world.close()
            continue
        it, now = world.use(), known.clock.now()
        if end == "succeed":
            it.answered(now)
            it.succeed(now, 10.0, None, used)
        elif end in ("fail", "blameless"):
            it.fail(ProviderFailed(), now, used, blames=end == "fail")
        elif end == "leave":
            it.leave(now, used)
        else:
            it.withdraw(now)
        world.close()
        known.clock.advance(0.5)
    for candidate in (LIMITED, TWO):
        assert standing(known, candidate).active == 0
        assert known.gate(candidate).breaker.waiting == 0
        assert not known.gate(candidate).breaker.probing
    assert known.throttles.of(LIMITED.endpoint, known.clock.now()).limits is None or left(known).active == 0


STEPS = st.sampled_from(["whole", "whole", "broken", "refused", "hang", "late"])


@settings(max_examples=200)
@given(st.lists(st.tuples(STEPS, st.sampled_from([0.0, 1.0, 33.0, 300.0])), max_size=30), st.integers(0, 20_000))
def test_a_whole_answer_is_an_answer_and_a_success_in_one(steps: list[tuple[str, float]], used: int) -> None:
    """Of somebody who is well, limited, cooling, crowded, tested or returning, and after whatever came before."""
    worlds = Known(), Known()
    hanging: list[tuple[Taken, ...]] = []
    for step, seconds in steps:
        for known in worlds:
            known.clock.advance(seconds)
        places = tuple(place for known in worlds if (place := any_place(known)) is not None)
        if len(places) < len(worlds):
            continue
        now = worlds[0].clock.now()
        if step == "hang":
            hanging.append(places)
        elif step == "late" and hanging:
            end_whole(hanging.pop(0), now, used)
            hanging.append(places)
        elif step in ("broken", "refused"):
            for known, it in zip(worlds, places, strict=True):
                (known.open if step == "broken" else known.quarantine)(it.member.candidate)
                it.leave(now, used)
        else:
            end_whole(places, now, used)
    assert known_of(worlds[0]) == known_of(worlds[1])


def any_place(known: Known) -> Taken | None:
    """By admission, and else in panic."""
    world = a_world(known, LIMITED, TWO)
    place = world.pick(0, ())
    return None if place is None and world.pick_in_panic(0) is None else world.use()


def end_whole(places: tuple[Taken, ...], now: float, used: int) -> None:
    one, other = places
    one.succeed_whole(now, 10.0, used)
    other.answered(now)
    other.succeed(now, 10.0, None, used)


def known_of(known: Known) -> list[object]:
    """All that an end writes, of both."""
    limits = known.throttles.of(LIMITED.endpoint, known.clock.now()).limits
    said: list[object] = [None if limits is None else limits.standing(known.clock.now())]
    for candidate in (LIMITED, TWO):
        gate, board = known.gate(candidate), standing(known, candidate)
        breaker, cooldown = gate.breaker, gate.cooldown
        known_of_breaker = {name: getattr(breaker, name) for name in type(breaker).__slots__ if name != "_listener"}
        window = known_of_breaker.pop("_window")
        said += [*known_of_breaker.values(), *(getattr(window, name) for name in type(window).__slots__)]
        said += [gate.calm, cooldown.calm, cooldown.quarantined, cooldown.until]
        said += [board.requests, board.active, board.errors, board.latency.usual, board.latency.peak]
        said += [list(board.latencies), list(board.ttfts), board.ttft.usual]
    return said


# Picks


def test_a_place_that_was_not_used_is_given_back_by_the_next_pick() -> None:
    known = Known()
    world = a_world(known, ONE, TWO)
    first = world.pick(0, ())
    assert first is not None
    assert world.pick(0, (first,)) == 1 - first
    assert [numbers(known, it)[1] for it in (ONE, TWO)] == ([0, 1] if first == 0 else [1, 0])
    assert world.pick(0, (0, 1)) is None
    assert (numbers(known, ONE), numbers(known, TWO)) == ((0, 0, 0), (0, 0, 0))


def test_it_is_given_back_before_the_next_is_looked_for() -> None:
    """A member of the same endpoint, for another model: its one place is the one that this request holds."""
    known = Known()
    larger = msgspec.structs.replace(SINGLE, model="gpt-4.1")
    world = a_world(known, SINGLE, larger)
    first = world.pick(0, ())
    assert first is not None
    assert world.pick(0, (first,)) == 1 - first


def test_a_place_that_is_used_is_the_attempts_and_stays_when_the_request_is_over() -> None:
    known = Known()
    world = a_world(known, ONE)
    it = taken(world)
    world.close()
    assert numbers(known, ONE) == (1, 1, 0)
    it.leave(known.clock.now(), 0)


def test_what_is_not_used_goes_back_when_the_request_is_over() -> None:
    known = Known()
    world = a_world(known, ONE)
    world.pick(0, ())
    world.close()
    world.close()
    assert numbers(known, ONE) == (0, 0, 0)


def test_a_half_open_endpoint_has_one_probe_however_many_pick() -> None:
    known = Known()
    known.open(ONE)
    known.clock.advance(33.0)
    first = a_world(known, ONE)
    probe = taken(first)
    assert a_world(known, ONE).pick(0, ()) is None
    probe.withdraw(known.clock.now())
    assert a_world(known, ONE).pick(0, ()) == 0


def test_a_crowded_endpoint_and_one_in_panic_are_picked_when_asked_for() -> None:
    known = Known()
    known.crowd(ONE)
    world = a_world(known, ONE)
    assert (world.pick(0, ()), world.pick_crowded(0)) == (None, 0)
    world.close()
    known.open(TWO)
    world = a_world(known, TWO)
    assert (world.pick(0, ()), world.pick_crowded(0), world.steps) == (None, None, [])
    assert world.pick_in_panic(0) == 0
    assert numbers(known, TWO)[1] == 1
    assert [(it.what, it.endpoint) for it in world.steps] == [(What.PANICKED, "two")]


def test_panic_that_finds_nobody_is_no_step() -> None:
    known = Known()
    known.quarantine(ONE)
    world = a_world(known, ONE)
    assert world.pick_in_panic(0) is None
    assert world.steps == []


def test_rate_limits_are_asked_for_the_worst_that_the_call_may_use() -> None:
    known = Known()
    call = a_call(body_bytes=401, max_output=1_000, choices=3)
    a_world(known, LIMITED, call=call).pick(0, ())
    assert left(known).tokens_left == 24_000 - 100 - (101 + 3 * 1_000)  # 401 / 4, rounded up


def test_a_call_that_does_not_fit_the_minute_goes_elsewhere() -> None:
    known = Known()
    small = a_candidate(an_endpoint("small", rate_limits=RateLimits(tokens_per_minute=6_000)))
    first = a_world(known, small, TWO, call=a_call(max_output=4_000), strategy=Strategy.PRIORITY)
    picks = {a_world(known, small, TWO, call=a_call(max_output=10)).pick(0, ()) for _ in range(4)}
    assert picks == {0, 1}
    assert first.pick(0, (1,)) == 0
    assert a_world(known, small, TWO, call=a_call(max_output=4_000)).pick(0, (1,)) is None


# Promises of a queue


def test_a_promise_is_the_first_place_that_is_admitted_in_the_order_of_the_tiers() -> None:
    known = Known()
    world = a_world_of(known, a_tier(ONE, pool="fast"), a_tier(TWO, pool="spare"))
    known.open(ONE)
    promised = world.take_any(known.clock.now())
    assert promised is not None
    assert promised[0] == Try(1, 0)
    assert numbers(known, TWO) == (1, 1, 0)


def test_nothing_is_promised_where_nobody_is_admitted() -> None:
    known = Known()
    world = a_world(known, ONE)
    known.cool(ONE)
    assert world.take_any(known.clock.now()) is None
    assert numbers(known, ONE) == (0, 0, 0)


def test_the_first_pick_of_its_tier_gets_the_promise_and_no_other_tier_is_picked_from_before() -> None:
    known = Known()
    world = a_world_of(known, a_tier(ONE, pool="fast"), a_tier(TWO, pool="spare"))
    known.open(ONE)
    promised = world.take_any(known.clock.now())
    assert promised is not None
    world.promise(promised)
    known.breakers.reset([ONE.endpoint.id], "fixed")
    assert world.pick(0, ()) is None
    assert world.pick(1, ()) == 0
    assert world.use() is promised[1]
    assert world.pick(0, ()) == 0


def test_a_promise_that_is_not_redeemed_goes_back() -> None:
    known = Known()
    world = a_world(known, SINGLE)
    promised = world.take_any(known.clock.now())
    assert promised is not None
    world.promise(promised)
    assert a_world(known, SINGLE).pick(0, ()) is None
    world.close()
    assert a_world(known, SINGLE).pick(0, ()) == 0


def test_the_wait_is_that_of_whoever_is_free_first() -> None:
    known = Known()
    world = a_world_of(known, a_tier(LIMITED, pool="fast"), a_tier(ONE, pool="spare"))
    known.cool(ONE)
    for _ in range(2):
        taken(a_world(known, LIMITED))
    assert world.take_any(known.clock.now()) is None
    assert world.free_in(known.clock.now()) == 5.0  # the other is full until somebody ends
    known.clock.advance(4.0)
    assert world.free_in(known.clock.now()) == pytest.approx(1.0)


def test_full_places_are_free_when_somebody_ends_who_says_so() -> None:
    known = Known()
    world = a_world(known, SINGLE)
    taken(a_world(known, SINGLE))
    assert world.free_in(known.clock.now()) == float("inf")


def test_whoever_is_limited_and_rests_is_free_when_both_are_over() -> None:
    known = Known()
    minute = a_candidate(an_endpoint("minute", rate_limits=RateLimits(requests_per_minute=20)))
    for _ in range(20):
        taken(a_world(known, minute)).leave(known.clock.now(), 0)
    world = a_world(known, minute)
    assert world.free_in(known.clock.now()) == pytest.approx(3.0)  # 60 s / 20
    known.cool(minute)
    assert world.free_in(known.clock.now()) == pytest.approx(5.0)


def test_nobody_is_asked_again_and_again_about_a_breaker_or_a_refused_key() -> None:
    known = Known()
    world = a_world(known, ONE)
    known.open(ONE)
    assert 30.0 <= world.free_in(known.clock.now()) <= 33.0
    known.breakers.reset([ONE.endpoint.id], "fixed")
    known.quarantine(ONE)
    assert world.free_in(known.clock.now()) == 300.0


@pytest.mark.parametrize("trouble", ["probing", "out", "crowd"])
def test_what_ends_without_a_word_is_looked_at_again_after_a_while(trouble: str) -> None:
    known = Known()
    world = a_world(known, ONE)
    if trouble == "probing":
        known.open(ONE)
        known.clock.advance(33.0)
        taken(a_world(known, ONE))
    elif trouble == "out":
        known.take_out(ONE.endpoint)
    else:
        known.crowd(ONE)
    assert world.take_any(known.clock.now()) is None
    assert world.free_in(known.clock.now()) == LOOK_AGAIN_SECONDS


def test_an_operators_breaker_without_an_end_is_waited_for_by_nobody() -> None:
    known = Known()
    world = a_world(known, ONE)
    known.breakers.force_open([ONE.endpoint], None, "drill")
    assert world.free_in(known.clock.now()) == float("inf")
    assert not world.waits_for_a_place


@pytest.mark.parametrize(
    ("trouble", "waits"),
    [("none", False), ("full", True), ("cool", True), ("open", False), ("quarantine", False), ("take_out", False)],
)
def test_only_who_is_full_or_at_rest_is_worth_a_place_in_the_queue(trouble: str, waits: bool) -> None:
    known = Known()
    world = a_world(known, SINGLE)
    if trouble == "full":
        taken(a_world(known, SINGLE))
    elif trouble == "take_out":
        known.take_out(SINGLE.endpoint)
    elif trouble != "none":
        getattr(known, trouble)(SINGLE)
    assert world.waits_for_a_place is waits


@pytest.mark.parametrize("trouble", ["open", "quarantine", "take_out"])
def test_who_is_full_and_not_well_is_not_worth_it_either(trouble: str) -> None:
    known = Known()
    world = a_world(known, SINGLE)
    taken(a_world(known, SINGLE))
    if trouble == "take_out":
        known.take_out(SINGLE.endpoint)
    else:
        getattr(known, trouble)(SINGLE)
    assert not world.waits_for_a_place


def test_one_who_is_full_among_others_who_are_not_well_is() -> None:
    known = Known()
    world = a_world_of(known, a_tier(ONE, pool="fast"), a_tier(SINGLE, pool="spare"))
    known.open(ONE)
    taken(a_world(known, SINGLE))
    assert world.waits_for_a_place


def test_who_is_admitted_is_so_on_any_tier_and_not_while_it_is_full() -> None:
    known = Known()
    world = a_world_of(known, a_tier(ONE, pool="fast"), a_tier(SINGLE, pool="spare"))
    known.open(ONE)
    assert world.is_admitted
    taken(a_world(known, SINGLE))
    assert not world.is_admitted


# What the generator asks beside


def test_a_model_takes_longer_than_another_where_both_are_known() -> None:
    known = Known()
    names = ("gpt-4", "gpt-4o", "gpt-4.1", "llama", "gpt-4o-mini")
    world = a_world(known, *(a_candidate(an_endpoint(f"e{number}"), name) for number, name in enumerate(names)))
    small, middle, large, unknown, same = (Try(0, place) for place in range(5))
    assert world.takes_longer(middle, small)
    assert world.takes_longer(large, middle)
    assert not world.takes_longer(small, middle)
    assert not world.takes_longer(same, middle)
    assert not world.takes_longer(unknown, small)
    assert not world.takes_longer(large, unknown)


def test_requests_of_a_course_share_its_retry_budget() -> None:
    """Ten a second are free."""
    known = Known()
    one, two = a_world(known, ONE), a_world(known, ONE)
    assert [(one if number % 2 else two).may_retry() for number in range(11)] == [True] * 10 + [False]
    known.clock.advance(1.0)
    assert one.may_retry()


def test_of_all_refusals_the_caller_is_told_the_one_that_ends_first() -> None:
    known = Known()
    world = a_world_of(known, a_tier(ONE, pool="fast"), a_tier(TWO, pool="spare"))
    known.open(ONE)
    known.cool(TWO)
    refusal = world.refusal()
    assert isinstance(refusal, RateLimited)
    assert refusal.retry_after_seconds == 5.0


def test_a_used_up_rate_limit_is_a_refusal_of_ours_that_says_how_long() -> None:
    known = Known()
    minute = a_candidate(an_endpoint("minute", rate_limits=RateLimits(requests_per_minute=20)))
    for _ in range(20):
        taken(a_world(known, minute)).leave(known.clock.now(), 0)
    refusal = a_world(known, minute).refusal()
    assert (refusal.status, refusal.code) == (429, "endpoint_rate_limited")
    assert refusal.retry_after_seconds == pytest.approx(3.0)


def test_of_places_that_are_full_nobody_knows_how_long_so_a_minute_is_said() -> None:
    known = Known()
    taken(a_world(known, SINGLE))
    assert a_world(known, SINGLE).refusal().retry_after_seconds == 60.0


def test_where_every_endpoint_is_out_it_says_so() -> None:
    known = Known()
    world = a_world(known, ONE)
    known.take_out(ONE.endpoint)
    assert isinstance(world.refusal(), CircuitOpen)


# What is told of the way


def test_a_step_says_when_it_was() -> None:
    known = Known()
    world = a_world(known, ONE)
    known.clock.advance(0.25)
    world.note(What.WAITED, "a while", "one", 0.2)
    (step,) = world.steps
    assert (step.at_ms, step.what, step.reason, step.endpoint, step.seconds) == (
        250.0,
        What.WAITED,
        "a while",
        "one",
        0.2,
    )


def test_steps_do_not_grow_without_an_end() -> None:
    world = a_world(Known(), ONE)
    for _ in range(MOST_STEPS + 5):
        world.note(What.WAITED, "again")
    assert len(world.steps) == MOST_STEPS


def test_who_was_passed_over_is_told_once_with_the_reason() -> None:
    known = Known()
    three = a_candidate(an_endpoint("three"))
    out = a_candidate(an_endpoint("out"))
    world = a_world_of(known, a_tier(ONE, TWO, out, pool="fast"), a_tier(three, pool="spare"))
    known.open(ONE)
    known.cool(TWO)
    known.take_out(out.endpoint)
    taken(world, tier=1)
    for _ in range(2):
        world.note_passed_over(Try(1, 0))
    assert [(it.what, it.endpoint, it.reason) for it in world.steps] == [
        (What.PASSED_OVER, "one", "It broke."),
        (What.PASSED_OVER, "two", "Slower, please."),
        (What.PASSED_OVER, "out", UNHEALTHY),
    ]


def test_tiers_behind_the_one_that_is_asked_were_not_passed_over() -> None:
    known = Known()
    world = a_world_of(known, a_tier(ONE, pool="fast"), a_tier(TWO, pool="spare"))
    known.open(TWO)
    taken(world)
    world.note_passed_over(Try(0, 0))
    assert world.steps == []


def test_whoever_was_asked_was_not_passed_over() -> None:
    """Its one probe, or its one place, is this request's own. What it then did wrong its receipt says."""
    known = Known()
    known.open(ONE)
    known.clock.advance(33.0)
    world = a_world(known, ONE, SINGLE)
    for place in (0, 1):
        assert world.pick(0, (1 - place,)) == place
        it = world.use()
        world.note_passed_over(Try(0, place))
        it.fail(ProviderFailed(), known.clock.now(), 0, blames=True)
    world.note_passed_over(Try(0, 1))
    assert world.steps == []


def test_a_rate_limit_that_was_used_up_is_named() -> None:
    known = Known()
    taken(a_world(known, SINGLE))
    world = a_world(known, SINGLE, TWO)
    taken(world)
    world.note_passed_over(Try(0, 1))
    assert [(it.endpoint, "rate limit" in it.reason) for it in world.steps] == [("single", True)]


# What a caller's requests stay together by


def with_fields(dialect: Dialect = Dialect.OPENAI, **fields: Any) -> Call:
    raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in fields.items()}
    return a_call(a_head(dialect=dialect), fields=raw)


@pytest.mark.parametrize(
    ("call", "user"),
    [
        (with_fields(user="ada"), "ada"),
        (with_fields(user="ada \u00e9"), "ada \u00e9"),
        (with_fields(), None),
        (with_fields(user=7), None),
        (with_fields(user=None), None),
        (with_fields(user={"a": 1}), None),
        (with_fields(metadata={"user_id": "ada"}), None),
        (with_fields(Dialect.ANTHROPIC, metadata={"user_id": "ada"}), "ada"),
        (with_fields(Dialect.ANTHROPIC, metadata={}), None),
        (with_fields(Dialect.ANTHROPIC, user="ada"), None),
    ],
)
def test_a_user_is_who_the_dialect_says(call: Call, user: str | None) -> None:
    assert affinity_of(call, "user") == user


def test_a_user_that_cannot_be_read_is_none() -> None:
    assert affinity_of(a_call(fields={"user": msgspec.Raw(b'"\\ud8')}), "user") is None
    assert affinity_of(a_call(fields={"user": msgspec.Raw(b"[" * 5_000 + b"]" * 5_000)}), "user") is None


def test_a_header_is_the_first_of_its_name() -> None:
    headers = ((b"x-other", b"o"), (b"x-session-id", b"s\xe9ance"), (b"x-session-id", b"second"))
    call = a_call(a_head(raw_headers=headers))
    assert affinity_of(call, "header:x-session-id") == "s\u00e9ance"
    assert affinity_of(call, "header:x-nobody") is None


def test_a_pool_that_is_sticky_keeps_a_user_together_and_another_pool_does_not() -> None:
    known = Known()
    three = a_candidate(an_endpoint("three"))

    def places(**changes: Any) -> set[str]:
        world = a_world(known, ONE, TWO, three, call=with_fields(user="ada"), strategy=Strategy.ROUND_ROBIN, **changes)
        found: set[str] = set()
        for _ in range(6):
            it = taken(world)
            found.add(it.member.candidate.endpoint.name)
            it.leave(known.clock.now(), 0)
        return found

    assert len(places(sticky_by="user")) == 1
    assert len(places()) == 3


def test_pools_of_other_settings_pick_by_their_own_breakers() -> None:
    known = Known()
    strict = a_world(known, ONE, breaker=BreakerSettings(failure_threshold=1))
    taken(strict).fail(ProviderFailed(), known.clock.now(), 0, blames=True)
    assert strict.pick(0, ()) is None
    assert a_world(known, ONE).pick(0, ()) == 0
