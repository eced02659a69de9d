from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.faults import (
    ALL_FAULTS,
    Fault,
    GatewayFault,
    InvalidRequest,
    NotFound,
    PaymentRequired,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOverloaded,
    ProviderTooSlow,
    QuotaExceeded,
    RateLimited,
)
from ai_gateway.policy.health import Condition, Finding, Override, Source, Thresholds, Verdict, finding_of

GOOD, BAD, UNCLEAR = Finding.GOOD, Finding.BAD, Finding.UNCLEAR


def a_condition(*findings: Finding, thresholds: Thresholds = Thresholds()) -> Condition:
    """One check a second, from 0 on."""
    condition = Condition(thresholds)
    for at, finding in enumerate(findings):
        condition.checked(finding, at, "no answer")
    return condition


def said(condition: Condition, at: float = 100.0) -> tuple[bool, str]:
    verdict = condition.verdict(at)
    return verdict.healthy, verdict.source.value


def test_an_endpoint_that_nobody_looked_at_is_healthy() -> None:
    assert Condition(Thresholds()).verdict(5) == Verdict(healthy=True, source=Source.TRAFFIC)


@pytest.mark.parametrize(
    ("findings", "healthy"),
    [
        ((BAD, BAD), True),
        ((BAD, BAD, BAD), False),
        ((BAD, BAD, GOOD, BAD), True),
        ((BAD, UNCLEAR, BAD, UNCLEAR, BAD), False),
        ((BAD, BAD, BAD, GOOD), False),
        ((BAD, BAD, BAD, GOOD, GOOD), True),
        ((BAD, BAD, BAD, GOOD, BAD, GOOD), False),
        ((BAD, BAD, BAD, GOOD, UNCLEAR, GOOD), True),
        ((BAD, BAD, BAD, GOOD, GOOD, BAD, BAD), True),
        ((UNCLEAR,) * 9, True),
    ],
)
def test_checks_change_the_verdict_only_in_a_row(findings: tuple[Finding, ...], healthy: bool) -> None:
    assert a_condition(*findings).verdict(100).healthy is healthy


def test_an_illness_has_its_beginning_and_its_reason() -> None:
    condition = a_condition(BAD, BAD, BAD, BAD)
    assert condition.verdict(9) == Verdict(healthy=False, source=Source.CHECK, reason="no answer", since=2)
    condition.checked(GOOD, 10)
    condition.checked(GOOD, 11)
    assert condition.verdict(12) == Verdict(healthy=True, source=Source.CHECK, since=11)


def test_a_good_check_never_closes_a_breaker() -> None:
    condition = a_condition()
    condition.opened(3, "5 failures in a row")
    for at in range(4, 20):
        condition.checked(GOOD, at)
    assert condition.verdict(20) == Verdict(False, Source.TRAFFIC, "5 failures in a row", since=3)
    condition.closed(21)
    assert condition.verdict(22) == Verdict(healthy=True, source=Source.TRAFFIC, since=21)


def test_a_probe_that_failed_does_not_make_the_illness_younger() -> None:
    condition = a_condition()
    condition.opened(3, "first")
    condition.opened(33, "second")
    assert condition.verdict(40) == Verdict(False, Source.TRAFFIC, "second", since=3)


def test_a_server_that_serves_is_healthy_whatever_its_list_of_models_says() -> None:
    condition = a_condition(BAD, BAD)
    for at in range(3, 30):
        condition.served(at)
        condition.checked(BAD, at)
        assert condition.verdict(at).healthy


def test_one_request_that_was_served_ends_an_illness_of_checks_at_once() -> None:
    condition = a_condition(BAD, BAD, BAD)
    condition.served(7)
    assert condition.verdict(8) == Verdict(healthy=True, source=Source.TRAFFIC, since=7)


def test_a_breaker_that_closes_ends_an_illness_of_checks_too() -> None:
    condition = a_condition(BAD, BAD, BAD)
    condition.opened(5)
    condition.closed(6)
    assert said(condition) == (True, "traffic")


def test_closing_a_breaker_that_was_not_open_says_nothing() -> None:
    condition = a_condition(BAD, BAD, BAD)
    condition.closed(6)
    assert said(condition) == (False, "check")


@pytest.mark.parametrize("healthy", [True, False])
def test_an_operators_word_beats_checks_and_traffic(healthy: bool) -> None:
    condition = a_condition(BAD, BAD, BAD)
    condition.opened(4)
    condition.override(Override(healthy=healthy, reason="maintenance"), 5)
    condition.served(6)
    assert condition.verdict(7) == Verdict(healthy, Source.MANUAL, "maintenance", since=5)


def test_an_operators_word_that_is_taken_back_leaves_what_was_learnt_meanwhile() -> None:
    condition = a_condition()
    condition.override(Override(healthy=True), 1)
    for at in range(2, 5):
        condition.checked(BAD, at)
    condition.override(None, 6)
    assert said(condition) == (False, "check")


def test_a_word_for_some_time_ends_by_itself() -> None:
    condition = a_condition()
    condition.override(Override(healthy=False, until=10.0), 1)
    assert said(condition, at=9.999) == (False, "manual")
    assert said(condition, at=10.0) == (True, "traffic")


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        (None, GOOD),
        (ProviderFailed(), BAD),
        (ProviderTooSlow(), BAD),
        (ProviderOverloaded(), BAD),
        (ProviderKeyRefused(), BAD),
        (NotFound(), UNCLEAR),
        (InvalidRequest(), UNCLEAR),
        (RateLimited(), UNCLEAR),
        (QuotaExceeded(), UNCLEAR),
        (PaymentRequired(), UNCLEAR),
        (GatewayFault(), UNCLEAR),
    ],
)
def test_what_a_check_says_of_health(fault: Fault | None, finding: Finding) -> None:
    assert finding_of(fault) is finding


def test_every_fault_says_something() -> None:
    assert {finding_of(kind()) for kind in ALL_FAULTS} == {BAD, UNCLEAR}


WORDS: tuple[Callable[[Condition, float], None], ...] = (
    lambda it, at: it.checked(GOOD, at),
    lambda it, at: it.checked(BAD, at),
    lambda it, at: it.checked(UNCLEAR, at),
    lambda it, at: it.served(at),
)


@given(st.lists(st.sampled_from(WORDS), max_size=40))
def test_while_a_breaker_is_open_nothing_but_its_closing_helps(
    words: list[Callable[[Condition, float], None]],
) -> None:
    condition = Condition(Thresholds())
    condition.opened(0)
    for at, word in enumerate(words, 1):
        word(condition, at)
        assert said(condition) == (False, "traffic")


@given(st.lists(st.sampled_from([GOOD, BAD]), max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_the_verdict_changes_exactly_after_that_many_in_a_row(findings: list[Finding], bad: int, good: int) -> None:
    condition = Condition(Thresholds(bad_checks=bad, good_checks=good))
    healthy, run, last = True, 0, None
    for at, finding in enumerate(findings):
        run = run + 1 if finding is last else 1
        last = finding
        if run >= (bad if finding is BAD else good):
            healthy = finding is GOOD
        condition.checked(finding, at)
        assert condition.verdict(at).healthy is healthy
