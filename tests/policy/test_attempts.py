"""Dialogues: what the generator asks for, what it is told, and what it says in the end."""

from collections.abc import Collection, Iterable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_gateway.domain.config import OnContentFilter, Retries
from ai_gateway.domain.faults import (
    BudgetExceeded,
    CircuitOpen,
    ContentFiltered,
    ContextTooLong,
    Fault,
    Forbidden,
    GatewayFault,
    InvalidRequest,
    NotFound,
    Origin,
    PaymentRequired,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOverloaded,
    ProviderTooSlow,
    QuotaExceeded,
    RateLimited,
    Unauthenticated,
    Untranslatable,
)
from ai_gateway.policy.attempts import ASKED_WRONGLY, Attempts, Limits, Line, Try, Wait, pursue

NO_PAUSE = Retries(max_attempts=3, base_seconds=0.0)
REFUSED = CircuitOpen("nobody may be asked")
TRANSIENT: list[Fault] = [ProviderFailed(), ProviderTooSlow(), ProviderOverloaded()]
OF_THE_ENDPOINT: list[Fault] = [
    RateLimited(origin=Origin.PROVIDER),
    QuotaExceeded(),
    PaymentRequired(),
    ProviderKeyRefused(),
]
FINAL: list[Fault] = [
    InvalidRequest(),
    Unauthenticated(),
    Forbidden(),
    NotFound(origin=Origin.PROVIDER),
    BudgetExceeded(),
    RateLimited(origin=Origin.POLICY),
    ContentFiltered(),
    ContextTooLong(),
    GatewayFault(),
]


class Town:
    """A world of tiers with so many places each, where a test says who admits, how long windows are, what is paid."""

    def __init__(self, *sizes: int) -> None:
        self.sizes = sizes
        self.closed: set[Try] = set()
        self.crowded: set[Try] = set()
        self.open: set[Try] = set()
        self.windows: dict[Try, int] = {}
        self.retries_left = 1_000
        self.queue = False
        self.time = 0.0
        self.asked = 0

    def pick(self, tier: int, tried: Collection[int]) -> int | None:
        self.asked += 1
        shut = self.closed | self.crowded | self.open
        free = [it for it in range(self.sizes[tier]) if it not in tried and Try(tier, it) not in shut]
        return free[0] if free else None

    def pick_crowded(self, tier: int) -> int | None:
        return self._first(tier, self.crowded)

    def pick_in_panic(self, tier: int) -> int | None:
        return self._first(tier, self.open)

    def takes_longer(self, place: Try, than: Try) -> bool:
        return self.windows.get(place, 0) > self.windows.get(than, 0)

    def may_retry(self) -> bool:
        self.retries_left -= 1
        return self.retries_left >= 0

    def has_line(self) -> bool:
        return self.queue

    def refusal(self) -> Fault:
        return REFUSED

    def now(self) -> float:
        return self.time

    def _first(self, tier: int, places: set[Try]) -> int | None:
        return min((it.place for it in places if it.tier == tier), default=None)


def begin(
    town: Town, *, retries: Retries = NO_PAUSE, deadline: float = 600.0, seed: int = 1, **limits: object
) -> Attempts:
    on_filter = limits.get("on_content_filter", OnContentFilter.ERROR)
    assert isinstance(on_filter, OnContentFilter)
    return pursue(town, Limits(len(town.sizes), retries, on_filter), deadline, Random(seed))


def drive(tries: Attempts, town: Town, endings: Iterable[Fault | None]) -> tuple[list[Try | Wait | Line], Fault | None]:
    """Everything that was asked for, and what came back in the end. A wait passes; each try, and each stay in the
    line, ends as the next of `endings` says."""
    said: list[Try | Wait | Line] = []
    left = iter(endings)
    try:
        step = next(tries)
        while True:
            said.append(step)
            if isinstance(step, Wait):
                town.time += step.seconds
                step = tries.send(None)
            else:
                step = tries.send(next(left))
    except StopIteration as end:
        return said, end.value


def tries_of(said: list[Try | Wait | Line]) -> list[Try]:
    return [it for it in said if isinstance(it, Try)]


def test_a_request_that_succeeds_asks_once() -> None:
    town = Town(2, 2)
    said, end = drive(begin(town), town, [None])
    assert said == [Try(0, 0)]
    assert end is None
    assert town.asked == 1
    assert town.retries_left == 1_000


@pytest.mark.parametrize("fault", [*TRANSIENT, *OF_THE_ENDPOINT], ids=lambda it: it.category)
def test_another_endpoint_of_the_tier_is_first_and_at_once_then_the_next_tier(fault: Fault) -> None:
    town = Town(2, 1)
    said, end = drive(begin(town), town, [fault, fault, None])
    assert said == [Try(0, 0), Try(0, 1), Try(1, 0)]
    assert end is None
    assert town.time == 0.0


@pytest.mark.parametrize("fault", FINAL, ids=lambda it: f"{it.category}-{it.origin}")
def test_what_is_deterministic_is_never_tried_again(fault: Fault) -> None:
    town = Town(3, 3)
    said, end = drive(begin(town), town, [fault])
    assert said == [Try(0, 0)]
    assert end is fault


@pytest.mark.parametrize("fault", TRANSIENT, ids=lambda it: it.category)
def test_who_is_alone_is_asked_again_after_a_pause(fault: Fault) -> None:
    town = Town(1)
    said, end = drive(begin(town, retries=Retries(max_attempts=3)), town, [fault, fault, None])
    assert [type(it) for it in said] == [Try, Wait, Try, Wait, Try]
    first, second = (it.seconds for it in said if isinstance(it, Wait))
    assert 0 <= first <= 0.25
    assert 0 <= second <= 0.5
    assert end is None


@pytest.mark.parametrize("fault", OF_THE_ENDPOINT, ids=lambda it: it.category)
def test_who_is_alone_and_has_no_room_no_money_or_no_key_is_not_asked_again(fault: Fault) -> None:
    town = Town(1)
    said, end = drive(begin(town), town, [fault])
    assert said == [Try(0, 0)]
    assert end is fault


def test_a_second_pass_leaves_out_who_refused_for_good() -> None:
    town = Town(2)
    said, _ = drive(begin(town, retries=Retries(max_attempts=4)), town, [QuotaExceeded(), *[ProviderFailed()] * 3])
    assert tries_of(said) == [Try(0, 0), Try(0, 1), Try(0, 1), Try(0, 1)]


def test_the_attempts_of_a_request_are_counted_over_everything() -> None:
    town = Town(5, 5)
    said, _ = drive(begin(town, retries=Retries(max_attempts=4)), town, [ProviderFailed()] * 4)
    assert len(tries_of(said)) == 4


def test_one_attempt_means_one() -> None:
    town = Town(5)
    said, end = drive(begin(town, retries=Retries(max_attempts=1)), town, [TRANSIENT[0]])
    assert said == [Try(0, 0)]
    assert end is TRANSIENT[0]


def test_the_error_that_is_told_is_the_first() -> None:
    town = Town(1, 1)
    first, second = ProviderTooSlow(), InvalidRequest()
    said, end = drive(begin(town), town, [first, second])
    assert said == [Try(0, 0), Try(1, 0)]
    assert end is first


def test_what_one_api_cannot_say_is_asked_of_another_and_told_only_where_nobody_can() -> None:
    unsaid, unsaid_too, broken = Untranslatable(), Untranslatable(), ProviderFailed()
    town = Town(2, 1)
    said, end = drive(begin(town), town, [unsaid, None])
    assert (said, end) == ([Try(0, 0), Try(0, 1)], None)
    town = Town(1, 1)
    assert drive(begin(town, retries=Retries(max_attempts=2)), town, [unsaid, broken])[1] is broken
    town = Town(2)
    assert drive(begin(town), town, [unsaid, unsaid_too])[1] is unsaid_too


def test_without_a_budget_for_retries_a_failure_is_final() -> None:
    town = Town(2, 1)
    town.retries_left = 1
    said, end = drive(begin(town), town, [TRANSIENT[0], TRANSIENT[1]])
    assert said == [Try(0, 0), Try(0, 1)]
    assert end is TRANSIENT[0]


def test_where_nobody_is_left_the_budget_is_not_asked() -> None:
    town = Town(1)
    drive(begin(town), town, [QuotaExceeded()])
    assert town.retries_left == 1_000


def test_an_open_breaker_is_passed_over_and_the_fallback_is_a_first_attempt() -> None:
    town = Town(2, 1)
    town.retries_left = 0
    town.open = {Try(0, 0), Try(0, 1)}
    said, end = drive(begin(town), town, [None])
    assert said == [Try(1, 0)]
    assert end is None


def test_a_crowded_endpoint_spills_to_the_next_tier() -> None:
    town = Town(1, 1)
    town.crowded = {Try(0, 0)}
    assert drive(begin(town), town, [None])[0] == [Try(1, 0)]


def test_where_only_crowded_ones_are_left_they_are_asked_before_open_ones() -> None:
    town = Town(1, 1)
    town.open, town.crowded = {Try(0, 0)}, {Try(1, 0)}
    assert drive(begin(town), town, [None])[0] == [Try(1, 0)]


def test_panic_asks_an_open_one_when_nobody_admits_and_finds_whichever_tier_has_healed() -> None:
    town = Town(1, 1, 1)
    town.open, town.closed = {Try(0, 0), Try(2, 0)}, {Try(1, 0)}
    firsts = [drive(begin(town, seed=seed), town, [None])[0] for seed in range(60)]
    assert {it.tier for said in firsts for it in tries_of(said)} == {0, 2}


def test_in_panic_a_request_costs_one_call() -> None:
    town = Town(2, 2)
    town.open = {Try(tier, place) for tier in (0, 1) for place in (0, 1)}
    fault = ProviderFailed()
    said, end = drive(begin(town), town, [fault])
    assert len(tries_of(said)) == 1
    assert end is fault


def test_where_panic_cannot_help_the_cause_is_told() -> None:
    town = Town(2, 1)
    town.closed = {Try(0, 0), Try(0, 1), Try(1, 0)}
    said, end = drive(begin(town), town, [])
    assert said == []
    assert end is REFUSED


def test_a_conversation_that_is_too_long_goes_only_where_the_window_is_larger() -> None:
    town = Town(3, 2)
    town.windows = {Try(0, 0): 8, Try(0, 1): 8, Try(0, 2): 4, Try(1, 0): 8, Try(1, 1): 32}
    said, end = drive(begin(town), town, [ContextTooLong(), None])
    assert said == [Try(0, 0), Try(1, 1)]
    assert end is None


def test_after_a_larger_window_failed_a_smaller_one_is_still_no_help() -> None:
    town = Town(2, 2)
    town.windows = {Try(0, 0): 8, Try(0, 1): 8, Try(1, 0): 32, Try(1, 1): 8}
    too_long = ContextTooLong()
    said, end = drive(begin(town), town, [too_long, ProviderFailed(), ProviderFailed()])
    assert tries_of(said) == [Try(0, 0), Try(1, 0), Try(1, 0)]
    assert end is too_long


def test_a_filtered_request_goes_to_the_next_tier_where_the_route_says_so() -> None:
    town = Town(2, 1)
    said, end = drive(begin(town, on_content_filter=OnContentFilter.FALLBACK), town, [ContentFiltered(), None])
    assert said == [Try(0, 0), Try(1, 0)]
    assert end is None


def test_a_filtered_request_with_nobody_behind_it_ends() -> None:
    town = Town(2)
    fault = ContentFiltered()
    assert drive(begin(town, on_content_filter=OnContentFilter.FALLBACK), town, [fault]) == ([Try(0, 0)], fault)


def test_nothing_is_sent_whose_time_is_over() -> None:
    town = Town(1)
    town.time = 10.0
    said, end = drive(begin(town, deadline=10.0), town, [])
    assert said == []
    assert isinstance(end, ProviderTooSlow)
    assert end.code == "deadline_exceeded"


def test_no_retry_begins_after_the_deadline() -> None:
    town = Town(2)
    tries = begin(town, deadline=10.0)
    next(tries)
    town.time = 10.0
    with pytest.raises(StopIteration) as end:
        tries.send(TRANSIENT[0])
    assert end.value.value is TRANSIENT[0]
    assert town.retries_left == 1_000


def test_a_pause_that_took_longer_than_it_should_is_followed_by_nothing() -> None:
    town = Town(1)
    tries = begin(town, deadline=10.0)
    next(tries)
    assert isinstance(tries.send(TRANSIENT[0]), Wait)
    town.time = 10.0
    with pytest.raises(StopIteration) as end:
        tries.send(None)
    assert end.value.value is TRANSIENT[0]


def test_an_announced_wait_is_kept() -> None:
    town = Town(1)
    said, _ = drive(begin(town), town, [ProviderOverloaded(retry_after_seconds=20.0), None])
    assert isinstance(said[1], Wait)
    assert 20.0 <= said[1].seconds <= 22.0


def test_an_announced_wait_past_the_deadline_is_not_waited_for() -> None:
    town = Town(1)
    fault = ProviderOverloaded(retry_after_seconds=20.0)
    said, end = drive(begin(town, deadline=19.0), town, [fault])
    assert said == [Try(0, 0)]
    assert end is fault
    assert town.retries_left == 1_000


def test_who_named_no_time_is_asked_again_before_who_did() -> None:
    town = Town(2)
    faults = [ProviderOverloaded(retry_after_seconds=20.0), ProviderFailed(), None]
    said, _ = drive(begin(town, retries=Retries(max_attempts=3)), town, faults)
    assert [it for it in said if isinstance(it, Wait) and it.seconds > 1.0] == []
    assert tries_of(said) == [Try(0, 0), Try(0, 1), Try(0, 1)]


def test_whoever_opened_during_the_pause_is_not_asked() -> None:
    town = Town(1)
    tries = begin(town)
    next(tries)
    assert isinstance(tries.send(TRANSIENT[0]), Wait)
    town.open = {Try(0, 0)}
    with pytest.raises(StopIteration) as end:
        tries.send(None)
    assert end.value.value is TRANSIENT[0]


def test_who_was_only_asked_in_the_wrong_way_is_asked_again_at_once_before_who_failed() -> None:
    town = Town(1, 1)
    wrongly = ProviderFailed(code=ASKED_WRONGLY)
    said, end = drive(begin(town), town, [ProviderFailed(), wrongly, None])
    assert said == [Try(0, 0), Try(1, 0), Try(1, 0)]
    assert end is None


def test_however_often_it_is_asked_wrongly_attempts_are_counted() -> None:
    town = Town(1)
    said, _ = drive(begin(town), town, [ProviderFailed(code=ASKED_WRONGLY)] * 3)
    assert said == [Try(0, 0)] * 3


BUSY = RateLimited(origin=Origin.PROVIDER, retry_after_seconds=7.0)


def test_who_is_only_busy_is_waited_for_in_the_line_where_there_is_one() -> None:
    town = Town(1, 1)
    town.queue = True
    said, end = drive(begin(town), town, [BUSY, QuotaExceeded(), None, None])
    assert said == [Try(0, 0), Try(1, 0), Line((frozenset(), frozenset({0}))), Try(0, 0)]
    assert end is None
    assert town.retries_left == 1_000 - 2


def test_who_failed_is_paused_for_before_anybody_stands_in_line() -> None:
    town = Town(2)
    town.queue = True
    said, _ = drive(begin(town), town, [BUSY, ProviderFailed(), None])
    assert [type(it) for it in said] == [Try, Try, Wait, Try]
    assert tries_of(said)[2] == Try(0, 1)


def test_the_line_does_not_add_attempts() -> None:
    town = Town(1)
    town.queue = True
    said, end = drive(begin(town, retries=Retries(max_attempts=3)), town, [BUSY, None, BUSY, None, BUSY])
    assert [type(it) for it in said] == [Try, Line, Try, Line, Try]
    assert end is BUSY


def test_who_is_turned_away_by_the_line_is_told_the_first_fault() -> None:
    town = Town(1)
    town.queue = True
    said, end = drive(begin(town), town, [BUSY, RateLimited(origin=Origin.POLICY, code="queue_full")])
    assert [type(it) for it in said] == [Try, Line]
    assert end is BUSY


def test_a_line_that_found_nobody_is_followed_by_nothing() -> None:
    town = Town(1)
    town.queue = True
    tries = begin(town)
    next(tries)
    assert isinstance(tries.send(BUSY), Line)
    town.open = {Try(0, 0)}
    with pytest.raises(StopIteration) as end:
        tries.send(None)
    assert end.value.value is BUSY


def test_nobody_stands_in_line_unpaid() -> None:
    town = Town(1)
    town.queue = True
    town.retries_left = 0
    assert drive(begin(town), town, [BUSY]) == ([Try(0, 0)], BUSY)


def test_nobody_stands_in_line_for_a_place_that_would_not_do() -> None:
    town = Town(1, 1)
    town.queue = True
    town.windows = {Try(0, 0): 8, Try(1, 0): 32}
    too_long = ContextTooLong()
    assert drive(begin(town), town, [too_long, BUSY]) == ([Try(0, 0), Try(1, 0)], too_long)


FAULTS: list[Fault | None] = [None, *TRANSIENT, *OF_THE_ENDPOINT, *FINAL, ProviderOverloaded(retry_after_seconds=3.0)]


@settings(max_examples=500, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    endings=st.lists(st.sampled_from(FAULTS), min_size=12, max_size=12),
    most=st.integers(1, 8),
    budget=st.integers(0, 8),
    seconds=st.floats(0.01, 5.0),
    shut=st.sets(st.builds(Try, st.integers(0, 2), st.integers(0, 2))),
    queue=st.booleans(),
)
def test_no_dialogue_breaks_the_law(
    sizes: list[int], endings: list[Fault | None], most: int, budget: int, seconds: float, shut: set[Try], queue: bool
) -> None:
    """At most the attempts that are allowed and paid for, none late, and each endpoint once a pass."""
    town = Town(*sizes)
    town.closed = shut
    town.retries_left = budget
    town.queue = queue
    tries = begin(town, retries=Retries(max_attempts=most, base_seconds=0.5, cap_seconds=2.0), deadline=20.0)
    left, made, this_pass = iter(endings), list[Try](), list[Try]()
    last: Fault | None = None
    try:
        step = next(tries)
        while True:
            assert town.time < 20.0
            if isinstance(step, Wait):
                town.time += step.seconds
                this_pass = []
                step = tries.send(None)
                continue
            if isinstance(step, Line):
                assert queue
                this_pass = []
                step = tries.send(None)
                continue
            assert step not in shut
            assert step not in this_pass
            this_pass.append(step)
            made.append(step)
            last = next(left)
            town.time += seconds
            step = tries.send(last)
    except StopIteration as end:
        told = end.value
    if not made:
        assert told is REFUSED
    else:
        assert told is (None if last is None else endings[0])
    assert len(made) <= min(most, 1 + budget)
