import gc

from ai_gateway.domain.config import RateLimits
from ai_gateway.runtime.throttles import Listening, Throttle, Throttles
from support.builders import an_endpoint

NONE = RateLimits()
TEN = RateLimits(requests_per_minute=10)


def left(throttle: Throttle, now: float = 0.0) -> int | None:
    assert throttle.limits is not None
    return throttle.limits.standing(now).requests_left


def test_an_endpoint_without_limits_has_none_and_one_with_has_them() -> None:
    assert Throttle(NONE).limits is None
    assert left(Throttle(TEN)) == 10


def test_the_first_429_makes_limits_that_rest_as_long_as_it_said() -> None:
    throttle = Throttle(NONE)
    throttle.refused({}, 100.0, 7.0)
    assert throttle.limits is not None
    assert throttle.limits.free_in(100.0, 0) == 7.0
    assert throttle.limits.admits(107.0, 0)


def test_a_429_without_a_wait_makes_limits_too_so_that_later_headers_are_read() -> None:
    throttle = Throttle(NONE)
    throttle.refused({}, 100.0, None)
    assert throttle.limits is not None
    assert throttle.limits.admits(100.0, 0)
    throttle.limits.hear({"x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "0"}, 101.0)
    assert not throttle.limits.admits(101.0, 0)


def test_a_429_of_an_endpoint_with_limits_leaves_them_and_is_heard() -> None:
    throttle = Throttle(TEN)
    before = throttle.limits
    throttle.refused({"x-ratelimit-limit-requests": "10", "x-ratelimit-remaining-requests": "4"}, 0.0, None)
    assert throttle.limits is before
    assert left(throttle) == 4


def test_limits_that_change_keep_what_is_used_of_the_minute() -> None:
    throttle = Throttle(TEN)
    assert throttle.limits is not None
    for _ in range(4):
        throttle.limits.take(0.0, 0)
    throttle.configure(RateLimits(requests_per_minute=20), 0.0)
    assert left(throttle) == 16  # 20 - 4


def test_the_same_configuration_again_changes_nothing() -> None:
    throttle = Throttle(TEN)
    before = throttle.limits
    throttle.configure(RateLimits(requests_per_minute=10), 0.0)
    assert throttle.limits is before
    assert left(throttle) == 10


def test_limits_that_are_taken_away_limit_nobody() -> None:
    throttle = Throttle(RateLimits(requests_per_minute=1))
    assert throttle.limits is not None
    throttle.limits.take(0.0, 0)
    throttle.configure(NONE, 0.0)
    assert throttle.limits.admits(0.0, 0)


def test_who_watches_hears_once_that_there_are_limits_now() -> None:
    heard: list[str] = []
    one, two = Listening(lambda: heard.append("one")), Listening(lambda: heard.append("two"))
    throttle = Throttle(NONE)
    throttle.watch(one)
    throttle.watch(two)
    throttle.configure(RateLimits(), 0.0)
    assert heard == []
    throttle.refused({}, 0.0, 1.0)
    throttle.refused({}, 0.5, 1.0)
    throttle.configure(TEN, 1.0)
    assert sorted(heard) == ["one", "two"]


def test_who_watches_hears_of_limits_that_are_configured_later() -> None:
    heard: list[str] = []
    listening = Listening(lambda: heard.append("limited"))
    throttle = Throttle(NONE)
    throttle.watch(listening)
    throttle.configure(TEN, 0.0)
    assert heard == ["limited"]
    assert left(throttle) == 10


def test_who_is_gone_is_not_told() -> None:
    heard: list[str] = []
    throttle = Throttle(NONE)
    throttle.watch(Listening(lambda: heard.append("a ghost")))
    gc.collect()
    throttle.refused({}, 0.0, 1.0)
    assert heard == []


def test_an_endpoint_has_one_throttle_whoever_asks_and_is_configured_by_the_last() -> None:
    throttles = Throttles()
    first = throttles.of(an_endpoint("one"), 0.0)
    assert first.limits is None
    assert throttles.of(an_endpoint("one", rate_limits=TEN), 0.0) is first
    assert left(first) == 10
    assert throttles.of(an_endpoint("two"), 0.0) is not first


def test_endpoints_that_are_gone_are_forgotten_and_named() -> None:
    throttles = Throttles()
    kept, gone = throttles.of(an_endpoint("kept"), 0.0), throttles.of(an_endpoint("gone"), 0.0)
    assert throttles.keep_only({"pc_kept", "pc_never_asked"}) == {"pc_gone"}
    assert throttles.keep_only({"pc_kept"}) == set()
    assert throttles.of(an_endpoint("kept"), 0.0) is kept
    assert throttles.of(an_endpoint("gone"), 0.0) is not gone


def test_an_operator_may_forgive_what_a_provider_said_and_nothing_else() -> None:
    throttles = Throttles()
    endpoint = an_endpoint("limited", rate_limits=TEN)
    throttle = throttles.of(endpoint, 0.0)
    assert throttle.limits is not None
    throttle.limits.take(0.0, 0)
    throttle.refused({}, 0.0, 60.0)
    assert not throttle.limits.admits(1.0, 0)

    throttles.forgive("unknown")
    throttles.forgive(endpoint.id)

    assert throttle.limits.admits(1.0, 0)
    assert left(throttle) == 9
