import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.config import RateLimits
from ai_gateway.policy.rate_limits import Allowance, LegRate


def a_leg(**rates: int) -> LegRate:
    return LegRate(RateLimits(**rates))


def taken(leg: LegRate, times: int, now: float = 0.0, tokens: int = 0) -> int:
    done = 0
    for _ in range(times):
        if not leg.wait(now, tokens):
            leg.take(now, tokens)
            done += 1
    return done


@pytest.mark.parametrize("limit", [1, 7, 60, 600, 100_000])
def test_a_whole_minute_may_be_asked_for_at_once_and_not_one_more(limit: int) -> None:
    leg = a_leg(requests_per_minute=limit)
    assert taken(leg, min(limit, 2_000)) == min(limit, 2_000)
    if limit <= 2_000:
        assert taken(leg, 1) == 0
        assert leg.wait(0.0, 0) == pytest.approx(60 / limit)
        assert taken(leg, 5, now=60 / limit) == 1
        assert taken(leg, limit + 5, now=300.0) == limit


def test_tokens_are_settled_by_what_was_used() -> None:
    leg = a_leg(tokens_per_minute=1000)
    leg.take(0.0, 900)
    assert leg.wait(0.0, 200) > 0
    leg.give_back(0.0, 900, 100)
    assert taken(leg, 1, tokens=900) == 1
    assert leg.wait(0.0, 1) > 0


def test_what_needs_more_than_a_minute_waits_for_a_full_one() -> None:
    leg = a_leg(tokens_per_minute=1000)
    assert leg.wait(0.0, 5_000) == 0
    leg.take(0.0, 5_000)
    assert leg.wait(0.0, 5_000) == pytest.approx(60.0)


def test_requests_at_a_time_wait_for_one_that_ends() -> None:
    leg = a_leg(max_concurrent=2)
    assert taken(leg, 3) == 2
    assert leg.wait(1e9, 0) == float("inf")
    assert leg.what_lacks(0.0, 0) == "2 requests at a time"
    leg.give_back(0.0, 0, 0)
    assert leg.wait(0.0, 0) == 0


def test_what_was_never_sent_leaves_no_trace() -> None:
    leg = a_leg(requests_per_minute=1, tokens_per_minute=10, max_concurrent=1)
    leg.take(0.0, 10)
    leg.put_back(0.0, 10)
    assert taken(leg, 1, tokens=10) == 1


def test_other_limits_keep_what_is_used() -> None:
    leg = a_leg(requests_per_minute=10)
    assert taken(leg, 10) == 10
    leg.configure(RateLimits(requests_per_minute=20), 0.0)
    assert taken(leg, 20) == 10
    leg.configure(RateLimits(), 0.0)
    assert leg.wait(0.0, 10**9) == 0
    assert leg.requests(0.0) is leg.tokens(0.0) is None


@given(
    st.lists(st.tuples(st.floats(0, 20), st.integers(1, 300), st.integers(0, 400)), max_size=60), st.integers(100, 500)
)
def test_over_any_stretch_no_more_than_a_minute_and_its_return_is_used(
    asked: list[tuple[float, int, int]], limit: int
) -> None:
    """From the first to the last request: at most a whole allowance, and what came back in the meantime."""
    leg, now, used = a_leg(tokens_per_minute=limit), 0.0, 0
    for pause, tokens, truth in asked:
        now += pause
        if not leg.wait(now, tokens):
            leg.take(now, tokens)
            leg.give_back(now, tokens, min(truth, tokens, limit))
            used += min(truth, tokens, limit)
        assert used <= limit + now * limit / 60 + 1
        standing = leg.tokens(now)
        assert standing is not None
        assert 0 <= standing.remaining <= limit


@given(st.integers(1, 200), st.integers(1, 9), st.lists(st.floats(0, 5), min_size=1, max_size=400))
def test_processes_that_share_a_limit_pass_it_together_by_what_everybody_is_left_with(
    limit: int, processes: int, pauses: list[float]
) -> None:
    """Each takes whatever it may: within any minute the sum is the limit's burst and rate, and one more for each at
    the most, where there are more processes than requests."""
    legs = [LegRate(RateLimits(requests_per_minute=limit), processes) for _ in range(processes)]
    now, taken = 0.0, 0
    for leg in legs:
        leg.configure(leg.rates, now, processes)
    for pause in pauses:
        now += pause
        for leg in legs:
            while not leg.wait(now, 1):
                leg.take(now, 1)
                taken += 1
    most = max(limit, processes)
    assert taken <= most * (1 + now / 60.0) + processes


def test_callers_of_one_of_several_processes_hear_of_the_whole_limit() -> None:
    leg = LegRate(RateLimits(requests_per_minute=60), 3)
    leg.configure(leg.rates, 0.0, 3)
    assert leg.requests(0.0) == Allowance(60, 60, 0.0)
    leg.take(0.0, 1)
    told = leg.requests(0.0)
    assert told is not None
    assert (told.limit, told.remaining) == (60, 57)


def test_a_share_grows_when_a_process_goes_and_what_was_used_stays_used() -> None:
    leg = LegRate(RateLimits(requests_per_minute=4, max_concurrent=2), 2)
    leg.configure(leg.rates, 0.0, 2)
    leg.take(0.0, 1)
    assert leg.wait(0.0, 1) > 0  # one at a time
    leg.configure(leg.rates, 0.0, 1)
    assert leg.wait(0.0, 1) == 0
    leg.take(0.0, 1)
    leg.give_back(0.0, 1, 1)
    leg.take(0.0, 1)
    leg.give_back(0.0, 1, 1)
    leg.take(0.0, 1)
    leg.give_back(0.0, 1, 1)
    assert leg.wait(0.0, 1) > 0  # four in the minute
