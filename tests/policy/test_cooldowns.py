import pytest

from ai_gateway.domain.faults import (
    ALL_FAULTS,
    CircuitOpen,
    Fault,
    Origin,
    ProviderFailed,
    ProviderKeyRefused,
    ProviderOverloaded,
    ProviderTooSlow,
    QuotaExceeded,
    RateLimited,
)
from ai_gateway.policy.circuit_breaker import Ticket
from ai_gateway.policy.cooldowns import (
    LONGEST_WISH_SECONDS,
    QUARANTINE_TRY_SECONDS,
    Cooldown,
    Verdict,
    cause_of,
    gentlest,
    verdict,
)


class Rest:
    def __init__(self) -> None:
        self.stirs = 0
        self.cooldown = Cooldown(self._stirred)

    def _stirred(self) -> None:
        self.stirs += 1


def too_many(seconds: float | None = None) -> RateLimited:
    return RateLimited("The AI provider limits the rate.", origin=Origin.PROVIDER, retry_after_seconds=seconds)


EXPECTED: dict[type[Fault], Verdict] = {
    ProviderFailed: Verdict.FAILURE,
    ProviderTooSlow: Verdict.FAILURE,
    ProviderOverloaded: Verdict.FAILURE,
    ProviderKeyRefused: Verdict.QUARANTINE,
}


@pytest.mark.parametrize("kind", ALL_FAULTS)
def test_what_each_fault_says_of_the_endpoint(kind: type[Fault]) -> None:
    assert verdict(kind()) is EXPECTED.get(kind, Verdict.NOTHING)


def test_only_a_providers_own_rate_limit_cools_it() -> None:
    assert verdict(RateLimited(origin=Origin.PROVIDER)) is Verdict.COOLDOWN
    assert verdict(RateLimited(origin=Origin.POLICY)) is Verdict.NOTHING


def test_an_endpoint_rests_for_as_long_as_it_said() -> None:
    rest = Rest()
    rest.cooldown.rate_limited(too_many(7.0), 100.0)
    assert not rest.cooldown.admits(106.999)
    assert not rest.cooldown.calm
    assert rest.cooldown.admits(107.0)
    assert rest.cooldown.calm
    assert rest.stirs == 2


def test_the_longest_wish_of_several_counts() -> None:
    cooldown = Rest().cooldown
    cooldown.rate_limited(too_many(9.0), 100.0)
    cooldown.rate_limited(too_many(3.0), 101.0)
    assert not cooldown.admits(108.9)
    assert cooldown.admits(109.0)


def test_a_hostile_wish_is_bounded() -> None:
    cooldown = Rest().cooldown
    cooldown.rate_limited(too_many(1e12), 0.0)
    assert cooldown.until == LONGEST_WISH_SECONDS


def test_a_provider_that_says_nothing_rests_longer_each_time() -> None:
    cooldown = Rest().cooldown
    now, pauses = 0.0, list[float]()
    for _ in range(8):
        cooldown.rate_limited(too_many(), now)
        cooldown.rate_limited(too_many(), now)  # of the same burst
        pauses.append(cooldown.until - now)
        now = cooldown.until
        assert cooldown.admits(now)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    now += 61.0
    cooldown.rate_limited(too_many(0), now)
    assert cooldown.until - now == 1.0


def test_a_refused_key_is_out_and_one_request_in_five_minutes_asks_again() -> None:
    rest = Rest()
    rest.cooldown.refused(ProviderKeyRefused(), 0.0)
    assert not rest.cooldown.admits(QUARANTINE_TRY_SECONDS - 0.1)
    asked = 0
    for second in range(1000):
        now = QUARANTINE_TRY_SECONDS + second
        if rest.cooldown.admits(now):
            asked += 1
            rest.cooldown.on_send(Ticket(asked), now)
            rest.cooldown.refused(ProviderKeyRefused(), now + 0.5)
    assert asked == 4  # at 300, 600, 900 and 1200 s
    assert rest.cooldown.quarantined


def test_the_try_that_succeeds_lifts_the_quarantine() -> None:
    rest = Rest()
    rest.cooldown.refused(ProviderKeyRefused(), 0.0)
    rest.cooldown.on_send(Ticket(7), QUARANTINE_TRY_SECONDS)
    rest.cooldown.on_success(Ticket(-7))
    assert rest.cooldown.calm
    assert not rest.cooldown.quarantined


def test_a_success_that_was_sent_before_the_refusal_proves_nothing() -> None:
    rest = Rest()
    rest.cooldown.refused(ProviderKeyRefused(), 0.0)
    rest.cooldown.on_send(Ticket(6), 1.0)
    rest.cooldown.on_success(Ticket(6))
    assert rest.cooldown.quarantined


def test_a_rate_limit_does_not_end_a_quarantine() -> None:
    cooldown = Rest().cooldown
    cooldown.refused(ProviderKeyRefused(), 0.0)
    cooldown.rate_limited(too_many(1.0), 1.0)
    assert not cooldown.admits(10.0)
    assert isinstance(cooldown.refusal(10.0), ProviderKeyRefused)


def test_a_refusal_repeats_what_the_provider_said_and_how_long_it_holds() -> None:
    cooldown = Rest().cooldown
    assert cooldown.refusal(0.0) is None
    cooldown.rate_limited(too_many(10.0), 0.0)
    refusal = cooldown.refusal(4.0)
    assert isinstance(refusal, RateLimited)
    assert (refusal.message, refusal.origin, refusal.retry_after_seconds) == (
        "The AI provider limits the rate.",
        Origin.PROVIDER,
        6.0,
    )
    assert cooldown.refusal(10.0) is None


def test_a_cause_repeats_a_fault_without_its_traceback() -> None:
    try:
        raise ProviderFailed("It broke.", action="Wait.", code="broke", status=502, detail="secret")
    except ProviderFailed as fault:
        repeated = cause_of(fault).repeat(3.0, status=503)
    assert repeated.__traceback__ is None
    assert (repeated.message, repeated.action, repeated.code, repeated.status) == ("It broke.", "Wait.", "broke", 503)
    assert (repeated.retry_after_seconds, repeated.detail) == (3.0, "")


def test_of_several_refusals_the_one_that_ends_first_is_told() -> None:
    soon, late, never = CircuitOpen(retry_after_seconds=2.0), too_many(5.0), ProviderKeyRefused()
    assert gentlest([late, never, soon]) is soon
    assert gentlest([never, QuotaExceeded()]) is never
    assert gentlest([]) is None


def test_a_refusal_that_was_still_under_way_does_not_put_off_the_try() -> None:
    cooldown = Rest().cooldown
    cooldown.refused(ProviderKeyRefused(), 0.0)
    cooldown.refused(ProviderKeyRefused(), 200.0)
    assert cooldown.admits(QUARANTINE_TRY_SECONDS)
