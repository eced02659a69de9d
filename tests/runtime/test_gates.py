from random import Random

from ai_gateway.domain.config import BreakerSettings
from ai_gateway.domain.faults import (
    CircuitOpen,
    Fault,
    InvalidRequest,
    Origin,
    ProviderFailed,
    ProviderKeyRefused,
    QuotaExceeded,
    RateLimited,
)
from ai_gateway.policy.circuit_breaker import State, Transition
from ai_gateway.runtime.gates import UNKNOWN_RETURN_SECONDS, Account, Circle, Gate
from support.builders import an_endpoint

FAST = BreakerSettings(failure_threshold=2, slow_start_seconds=0.0)
TOO_MANY = RateLimited("Slower, please.", origin=Origin.PROVIDER, retry_after_seconds=5.0)


def an_account() -> tuple[Account, list[Transition]]:
    heard: list[Transition] = []
    return Account(an_endpoint(), "fp", Random(1), lambda gate, transition: heard.append(transition)), heard


def a_gate(account: Account | None = None, settings: BreakerSettings = FAST) -> Gate:
    account = account or an_account()[0]
    gate = Gate("key", settings, account, 0.0)
    account.gates[settings] = gate
    return gate


def fail(gate: Gate, fault: Fault, now: float = 0.0, times: int = 1) -> None:
    for _ in range(times):
        gate.fail(gate.send(now), fault, now)


def test_a_healthy_endpoint_is_calm_and_admits() -> None:
    gate = a_gate()
    ticket = gate.answered(gate.send(0.0), 0.1, 0.1)
    gate.succeed(ticket, 0.2)
    assert gate.calm
    assert gate.admits(0.2)
    assert gate.ramp(0.2) == 1.0
    assert gate.breaker.waiting == 0


def test_failures_open_it_and_successes_close_it() -> None:
    account, heard = an_account()
    gate = a_gate(account)
    fail(gate, ProviderFailed(), times=2)
    assert not gate.calm
    assert not gate.admits(1.0)
    for _ in range(2):
        assert gate.admits(40.0)
        gate.succeed(gate.send(40.0), 40.0)
    assert gate.calm
    assert [it.after for it in heard] == [State.OPEN, State.HALF_OPEN, State.CLOSED]


def test_what_says_nothing_of_the_endpoint_moves_nothing_and_keeps_no_place() -> None:
    gate = a_gate()
    for fault in (InvalidRequest(), QuotaExceeded()):
        fail(gate, fault, times=50)
    gate.leave(gate.send(0.0))
    assert gate.calm
    assert (gate.breaker.failures, gate.breaker.waiting) == (0, 0)


def test_a_rate_limit_cools_it_and_opens_nothing() -> None:
    gate = a_gate()
    fail(gate, TOO_MANY, times=20)
    assert gate.breaker.state is State.CLOSED
    assert not gate.admits(4.9)
    assert not gate.admits_in_panic(4.9)
    assert gate.admits(5.0)
    assert gate.calm


def test_what_the_provider_said_is_told_to_all_gates_of_the_endpoint() -> None:
    account, _ = an_account()
    one, two = a_gate(account), a_gate(account, BreakerSettings())
    fail(one, TOO_MANY)
    assert not two.admits(1.0)
    assert two.admits(6.0)
    fail(two, ProviderKeyRefused(), now=6.0)
    assert one.cooldown.quarantined
    assert one.admits(306.0)
    one.succeed(one.send(306.0), 306.5)
    assert one.calm
    assert two.calm


def test_their_breakers_judge_apart() -> None:
    account, _ = an_account()
    strict, lenient = a_gate(account), a_gate(account, BreakerSettings())
    fail(strict, ProviderFailed(), times=2)
    assert strict.breaker.state is State.OPEN
    assert lenient.calm


def test_panic_ignores_an_open_breaker_but_no_operator_and_no_quarantine() -> None:
    gate = a_gate()
    fail(gate, ProviderFailed(), times=2)
    assert gate.admits_in_panic(1.0)
    assert not gate.admits_crowded(1.0)
    gate.breaker.force_open(1.0, 10.0, "drill")
    assert not gate.admits_in_panic(10.9)
    assert gate.admits_in_panic(11.0)
    fail(gate, ProviderKeyRefused(), now=11.0)
    assert not gate.admits_in_panic(12.0)


def test_a_crowded_endpoint_admits_who_has_nowhere_else_to_go() -> None:
    gate = a_gate()
    now = 0.0
    for _ in range(100):
        now += 0.1
        gate.send(now)
    assert not gate.admits(now)
    assert gate.admits_crowded(now)


def test_a_refusal_repeats_category_and_message_of_its_cause_under_503() -> None:
    gate = a_gate()
    fail(gate, ProviderFailed("It broke."), times=2)
    refusal = gate.refusal(0.0)
    assert isinstance(refusal, ProviderFailed)
    assert (refusal.message, refusal.status) == ("It broke.", 503)
    assert refusal.retry_after_seconds == gate.breaker.until


def test_a_refusal_of_an_operator_says_that_the_endpoint_is_out_of_service() -> None:
    gate = a_gate()
    gate.breaker.force_open(0.0, None, "a secret plan")
    refusal = gate.refusal(0.0)
    assert isinstance(refusal, CircuitOpen)
    assert refusal.retry_after_seconds == UNKNOWN_RETURN_SECONDS
    assert "secret" not in refusal.message
    gate.breaker.force_open(0.0, 20.0, "a short one")
    assert gate.refusal(5.0).retry_after_seconds == 15.0


def test_a_refusal_of_a_cooling_endpoint_is_the_providers_rate_limit() -> None:
    gate = a_gate()
    fail(gate, TOO_MANY)
    refusal = gate.refusal(1.0)
    assert isinstance(refusal, RateLimited)
    assert (refusal.message, refusal.retry_after_seconds) == ("Slower, please.", 4.0)


def test_a_circle_is_calm_while_all_of_it_are() -> None:
    one, two = a_gate(), a_gate()
    circle = Circle([one, two, one])
    assert circle.calm
    fail(one, ProviderFailed(), times=2)
    fail(two, TOO_MANY)
    assert not circle.calm
    one.breaker.reset(1.0, "fixed")
    assert not circle.calm
    assert two.admits(6.0)
    assert circle.calm


def test_a_circle_that_is_made_later_knows_who_is_not_well() -> None:
    gate = a_gate()
    fail(gate, ProviderFailed(), times=2)
    assert not Circle([gate, a_gate()]).calm


def test_a_retired_account_makes_no_news() -> None:
    account, heard = an_account()
    gate = a_gate(account)
    account.retired = True
    fail(gate, ProviderFailed(), times=2)
    assert heard == []
