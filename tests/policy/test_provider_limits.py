import heapq
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.config import RateLimits
from ai_gateway.policy.provider_limits import BELIEVED_SECONDS, LimitsStanding, ProviderLimits, limits_of
from ai_gateway.policy.rate_headers import Quota, RateReport
from recorded.corpus import load, needs_corpus

NOW = 1_000_000.0


def requests(limit: int) -> ProviderLimits:
    return ProviderLimits(RateLimits(requests_per_minute=limit))


def tokens(limit: int) -> ProviderLimits:
    return ProviderLimits(RateLimits(tokens_per_minute=limit))


def send(limits: ProviderLimits, now: float, amount: int = 0, most: int = 10_000) -> int:
    """How many go at this instant."""
    sent = 0
    while sent < most and limits.admits(now, amount):
        limits.take(now, amount)
        sent += 1
    return sent


def test_what_is_not_limited_has_no_limits() -> None:
    assert limits_of(RateLimits()) is None
    assert limits_of(RateLimits(max_concurrent=1)) is not None


@pytest.mark.parametrize(("limit", "at_once"), [(1, 1), (7, 7), (60, 60), (239, 239), (240, 239), (6000, 5975)])
def test_a_whole_minute_goes_at_once_but_250_ms_of_a_large_one(limit: int, at_once: int) -> None:
    assert send(requests(limit), NOW) == at_once


def test_after_a_burst_one_goes_each_sixtieth_of_the_minute() -> None:
    limits = requests(60)
    send(limits, NOW)
    assert limits.free_in(NOW, 0) == pytest.approx(1.0)
    assert send(limits, NOW + 0.999) == 0
    assert send(limits, NOW + 1.001) == 1
    assert send(limits, NOW + 31.001) == 30
    assert send(limits, NOW + 200) == 60  # what was not used is not saved up beyond a minute


def test_tokens_are_held_at_worst_and_given_back_as_they_were() -> None:
    limits = tokens(200)
    limits.take(NOW, 150)
    assert not limits.admits(NOW, 100)
    assert limits.free_in(NOW, 100) == pytest.approx(15.0)  # 50 are missing, 200 come in 60 s
    limits.give_back(NOW, 150, 60)
    assert limits.admits(NOW, 140)
    assert not limits.admits(NOW, 141)


def test_more_used_than_taken_is_a_debt_of_a_minute_at_most() -> None:
    limits = tokens(200)
    for _ in range(50):
        limits.take(NOW, 1)
        limits.give_back(NOW, 1, 10**9)
    assert limits.free_in(NOW, 1) == pytest.approx(60.3)  # two minutes' worth is used, and one token more than one fits
    assert limits.admits(NOW + 60.31, 1)


def test_what_needs_more_than_a_minutes_tokens_waits_for_a_full_minute() -> None:
    limits = tokens(200)
    limits.take(NOW, 20)
    assert limits.free_in(NOW, 5000) == pytest.approx(6.0)
    assert send(limits, NOW + 6.01, 5000) == 1
    assert not limits.admits(NOW + 60, 5000)


def test_no_more_run_at_once_than_allowed_and_only_an_end_helps() -> None:
    limits = ProviderLimits(RateLimits(max_concurrent=2))
    assert send(limits, NOW) == 2
    assert limits.free_in(NOW, 0) == inf
    limits.give_back(NOW, 0, 0)
    assert limits.free_in(NOW, 0) == 0
    assert send(limits, NOW) == 1


def test_what_was_never_sent_counts_nowhere() -> None:
    limits = ProviderLimits(RateLimits(requests_per_minute=1, tokens_per_minute=100, max_concurrent=1))
    limits.take(NOW, 100)
    limits.put_back(NOW, 100)
    assert limits.admits(NOW, 100)


def test_other_limits_keep_what_is_used_of_the_minute() -> None:
    limits = requests(60)
    assert send(limits, NOW, most=50) == 50
    limits.configure(RateLimits(requests_per_minute=100), NOW)
    assert send(limits, NOW) == 50
    limits.configure(RateLimits(), NOW)
    assert send(limits, NOW, most=500) == 500


@given(
    st.builds(
        RateLimits,
        requests_per_minute=st.none() | st.integers(1, 10_000),
        tokens_per_minute=st.none() | st.integers(1, 10**9),
    ),
    st.lists(st.tuples(st.floats(0, 30), st.integers(0, 10**6)), max_size=40),
    st.integers(0, 10**7),
)
def test_free_in_is_when_it_goes_and_not_before(
    configured: RateLimits, steps: list[tuple[float, int]], wanted: int
) -> None:
    limits, now = ProviderLimits(configured), NOW
    for pause, amount in steps:
        now += pause
        if limits.admits(now, amount):
            limits.take(now, amount)
    wait = limits.free_in(now, wanted)
    assert limits.admits(now + wait, wanted)
    assert (wait <= 1e-5) or not limits.admits(now + wait - 1e-5, wanted)


@given(st.integers(1, 2000), st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_stretch_of_time_has_more_than_a_burst_and_its_rate(limit: int, pauses: list[float]) -> None:
    """The law of a bucket: at most limit + elapsed * limit / 60 in any stretch, here in every one from the start."""
    limits, now, sent = requests(limit), NOW, 0
    for pause in pauses:
        now += pause
        sent += send(limits, now, most=50)
        assert sent <= limit + (now - NOW) * limit / 60 + 1e-3


def test_a_providers_own_bucket_never_says_no_however_requests_overtake_each_other() -> None:
    """A provider's 600 a minute, of which each request learns up to 200 ms later: nothing is refused, and the rate is
    used up to a hundredth."""
    rng, limits = Random(4), requests(600)
    full_at, refused, sent, now = 0.0, 0, 0, 0.0
    on_the_way: list[float] = []
    while now < 300:
        now += limits.free_in(now, 0) or 0.001
        if limits.admits(now, 0):
            limits.take(now, 0)
            heapq.heappush(on_the_way, now + rng.uniform(0, 0.2))
            sent += 1
        while on_the_way and on_the_way[0] <= now:
            at = heapq.heappop(on_the_way)
            if max(full_at, at) + 0.1 - at > 60 + 1e-6:
                refused += 1
            full_at = max(full_at, at) + 0.1
    assert refused == 0
    assert sent >= 0.99 * (600 + 300 * 10)


def test_the_tighter_of_what_is_configured_and_what_is_heard_rules() -> None:
    limits = requests(100)
    limits.learn(RateReport(requests=Quota(10, 4, 36.0)), NOW)
    assert limits.standing(NOW).requests_left == 4
    assert send(limits, NOW) == 4
    assert limits.free_in(NOW, 0) == pytest.approx(6.0)  # 10 a minute

    generous = requests(3)
    generous.learn(RateReport(requests=Quota(10_000, 10_000, 0.0)), NOW)
    assert send(generous, NOW) == 3


def test_an_older_count_does_not_give_back_what_is_on_its_way() -> None:
    limits = requests(1000)
    limits.learn(RateReport(requests=Quota(100, 100, 0.0)), NOW)
    assert send(limits, NOW, most=100) == 100
    limits.learn(RateReport(requests=Quota(100, 99, 0.6)), NOW)  # the provider had seen one of them by then
    assert not limits.admits(NOW, 0)


def test_others_who_use_the_same_account_are_seen() -> None:
    limits = tokens(10_000)
    limits.learn(RateReport(tokens=Quota(10_000, 500, 57.0)), NOW)
    assert limits.admits(NOW, 459)  # 500 less the reserve of 10,000 // 240
    assert not limits.admits(NOW, 460)


def test_a_reset_beyond_a_minute_tells_a_slower_allowance() -> None:
    """100 a day: 2 used are back in 2 * 864 s; a hundred an hour: all used, one is back in 36 s."""
    limits = requests(1000)
    limits.learn(RateReport(requests=Quota(100, 98, 1728.0)), NOW)
    assert send(limits, NOW) == 98
    assert send(limits, NOW + 60) == 0
    limits = requests(1000)
    limits.learn(RateReport(requests=Quota(100, 0, 3600.0)), NOW)
    assert limits.free_in(NOW, 0) == pytest.approx(36.0)


def test_what_was_heard_is_believed_for_five_minutes() -> None:
    limits = ProviderLimits(RateLimits())
    limits.learn(RateReport(requests=Quota(1, 0, 86_400.0), tokens=Quota(1, 0, 86_400.0)), NOW)
    assert limits.free_in(NOW, 10) == pytest.approx(BELIEVED_SECONDS)
    assert not limits.admits(NOW + BELIEVED_SECONDS - 1, 10)
    assert limits.admits(NOW + BELIEVED_SECONDS, 10)
    assert limits.standing(NOW + BELIEVED_SECONDS) == LimitsStanding(None, None, 0, 0.0)


def test_a_wrong_limit_is_gone_with_the_next_right_one() -> None:
    limits = requests(1000)
    limits.learn(RateReport(requests=Quota(1, 0, 86_400.0)), NOW)
    limits.learn(RateReport(requests=Quota(1000, 999, 0.06)), NOW + 1)
    assert send(limits, NOW + 1) > 900


def test_what_was_used_of_a_larger_limit_is_no_more_than_all_of_a_smaller_one() -> None:
    limits = ProviderLimits(RateLimits())
    limits.learn(RateReport(requests=Quota(1000, 100, 54.0)), NOW)
    limits.learn(RateReport(requests=Quota(10, 5, 30.0)), NOW)
    assert limits.free_in(NOW, 0) == pytest.approx(6.0)  # all 10 are used, one is back in 60 s / 10


def test_what_is_left_counts_without_a_limit_beside_it() -> None:
    limits = requests(10)
    limits.learn(RateReport(requests=Quota(None, 2, None)), NOW)
    assert send(limits, NOW) == 2
    limits.learn(RateReport(tokens=Quota(None, 0, None)), NOW)  # nothing to compare it with
    assert send(limits, NOW + 60) == 10


def test_a_refusal_rests_the_endpoint_and_never_longer_than_five_minutes() -> None:
    limits = ProviderLimits(RateLimits())
    limits.hear_refusal({"retry-after": "43"}, NOW)
    assert limits.free_in(NOW, 0) == pytest.approx(43)
    assert not limits.admits(NOW + 42.9, 0)
    limits.hear_refusal({}, NOW, retry_after_seconds=50_000)
    assert limits.free_in(NOW, 0) == pytest.approx(BELIEVED_SECONDS)
    assert limits.admits(NOW + BELIEVED_SECONDS, 0)


def test_headers_are_read_ten_times_a_second_and_a_refusals_always() -> None:
    def left(remaining: int) -> dict[str, str]:
        return {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": str(remaining)}

    limits = requests(100)
    for at, remaining in ((0.0, 90), (0.05, 50)):
        limits.hear(left(remaining), NOW + at)
    assert limits.standing(NOW + 0.05).requests_left == 90
    limits.hear_refusal(left(50), NOW + 0.06)
    assert limits.standing(NOW + 0.06).requests_left == 50
    limits.hear(left(20), NOW + 0.1)
    assert limits.standing(NOW + 0.1).requests_left == 20
    limits.hear({"content-type": "x"}, NOW + 0.3)
    assert limits.standing(NOW + 0.3).requests_left == 20


QUOTAS = st.builds(
    lambda limit, share, reset: Quota(limit, None if share is None else int(limit * share), reset),
    st.integers(1, 10**12),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 86_400),
)


@given(
    st.lists(
        st.tuples(st.floats(0, 60), st.none() | QUOTAS, st.none() | QUOTAS, st.floats(0, 86_400)),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 10**12),
)
def test_whatever_is_heard_an_endpoint_is_back_within_five_minutes(
    reports: list[tuple[float, Quota | None, Quota | None, float]], wanted: int
) -> None:
    limits, now = ProviderLimits(RateLimits()), NOW
    for pause, of_requests, of_tokens, rest in reports:
        now += pause
        limits.learn(RateReport(of_requests, of_tokens, rest), now)
        if limits.admits(now, wanted):
            limits.take(now, wanted)
    assert 0 <= limits.free_in(now, wanted) <= BELIEVED_SECONDS
    assert limits.admits(now + limits.free_in(now, wanted), wanted)


@needs_corpus
def test_no_recorded_success_stops_an_endpoint_that_has_something_left() -> None:
    """Each answer heard by a fresh endpoint: the next request waits only where the headers say that nothing is left."""
    heard = 0
    for exchange in load():
        if exchange.status != 200:
            continue
        limits = ProviderLimits(RateLimits())
        limits.hear(exchange.headers, NOW)
        standing = limits.standing(NOW)
        if standing.requests_left is not None:
            heard += 1
            assert limits.admits(NOW, 1), exchange.id
    assert heard > 200
