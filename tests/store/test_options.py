from ai_gateway.domain.config import BreakerSettings, OnStreamCut, QueueLimits, Retries, Timeouts
from ai_gateway.store.options import breaker_of, choice_of, queue_of, settings_of, timeouts_over


def test_what_is_stored_stands_over_the_defaults_and_the_unknown_is_passed_over() -> None:
    assert settings_of(Retries, None) == settings_of(Retries, {}) == Retries()
    assert settings_of(Retries, {"max_attempts": 7, "hedge": True}) == Retries(max_attempts=7)


def test_a_word_of_a_newer_version_is_the_default() -> None:
    assert choice_of(OnStreamCut.CONTINUE, "error") is OnStreamCut.ERROR
    assert choice_of(OnStreamCut.CONTINUE, None) is OnStreamCut.CONTINUE
    assert choice_of(OnStreamCut.ERROR, "rewind") is OnStreamCut.ERROR


def test_a_breaker_is_never_open_shorter_than_it_begins() -> None:
    assert breaker_of(None) == BreakerSettings()
    assert breaker_of({"recovery_timeout_seconds": 60.0}).longest_open_seconds == 300.0
    assert breaker_of({"recovery_timeout_seconds": 900.0}).longest_open_seconds == 900.0
    assert breaker_of({"recovery_timeout_seconds": 2.0, "longest_open_seconds": 5.0}).longest_open_seconds == 5.0


def test_there_is_a_queue_only_where_one_was_given() -> None:
    assert queue_of(None) is None
    assert queue_of({}) == QueueLimits()
    assert queue_of({"max_waiting": 3}) == QueueLimits(max_waiting=3)


def test_times_of_a_pool_stand_over_the_endpoints_one_by_one() -> None:
    own = Timeouts(connect=1.0, first_token=9.0)
    assert timeouts_over(own, None) is own
    assert timeouts_over(own, {}) is own
    assert timeouts_over(own, {"first_token": 3.0, "response": None}) == Timeouts(connect=1.0, first_token=3.0)
