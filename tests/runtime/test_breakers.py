from random import Random

import msgspec

from ai_gateway.domain.config import BreakerSettings, Endpoint, EndpointId
from ai_gateway.domain.faults import Origin, ProviderFailed, ProviderKeyRefused, RateLimited
from ai_gateway.domain.secret import Secret
from ai_gateway.policy.circuit_breaker import State
from ai_gateway.runtime.breakers import Breakers, BreakerView, CircuitMoved, SavedBreaker
from ai_gateway.runtime.gates import Gate
from support.builders import PROVIDER_KEY, an_endpoint, digest_key
from support.clock import NOON, FakeClock

STRICT = BreakerSettings(failure_threshold=2)
ONE, TWO = an_endpoint("one"), an_endpoint("two")


def breakers(clock: FakeClock | None = None, rows: tuple[SavedBreaker, ...] = ()) -> Breakers:
    registry = Breakers(clock or FakeClock(), Random(1), digest_key)
    registry.restore(rows)
    return registry


def fail(gate: Gate, now: float, times: int = 5) -> None:
    for _ in range(times):
        gate.fail(gate.send(now), ProviderFailed(), now)


def with_key(endpoint: Endpoint, key: str) -> Endpoint:
    return msgspec.structs.replace(endpoint, api_key=Secret(key))


def test_an_endpoint_has_one_gate_for_each_settings() -> None:
    registry = breakers()
    gate = registry.of(ONE)
    assert registry.of(msgspec.structs.replace(ONE, weight=9)) is gate
    assert registry.of(ONE, BreakerSettings()) is gate
    assert registry.of(ONE, STRICT) is not gate
    assert registry.of(TWO) is not gate


def test_a_new_key_begins_with_a_clean_record_and_the_old_one_makes_no_news() -> None:
    clock = FakeClock()
    registry, heard = breakers(clock), list[CircuitMoved]()
    registry.listen(heard.append)
    old = registry.of(ONE)
    late = old.send(clock.now())
    old.fail(old.send(clock.now()), ProviderKeyRefused(), clock.now())
    assert registry.view(ONE.id).quarantined
    new = registry.of(with_key(ONE, "sk-another"))
    assert new is not old
    assert new.admits(clock.now())
    assert not registry.view(ONE.id).quarantined
    fail(old, clock.now())
    old.fail(late, ProviderFailed(), clock.now())
    assert registry.view(ONE.id).state is State.CLOSED
    assert heard == []


def test_an_operators_word_outlives_a_new_key_and_holds_for_every_settings() -> None:
    clock = FakeClock()
    registry = breakers(clock)
    registry.force_open([ONE], None, "maintenance")
    for gate in (registry.of(with_key(ONE, "sk-another")), registry.of(with_key(ONE, "sk-another"), STRICT)):
        assert not gate.admits(clock.now())
        assert gate.breaker.reason == "maintenance"


def test_what_is_forced_is_forced_for_its_time_in_every_breaker() -> None:
    clock = FakeClock()
    registry = breakers(clock)
    gates = [registry.of(ONE), registry.of(ONE, STRICT)]
    registry.force_open([ONE], 30.0, "drill")
    assert [it.breaker.forced for it in gates] == [True, True]
    assert registry.of(TWO).calm
    clock.advance(30.0)
    assert all(it.admits(clock.now()) for it in gates)


def test_a_reset_clears_breaker_cooldown_and_quarantine() -> None:
    clock = FakeClock()
    registry = breakers(clock)
    gate = registry.of(ONE)
    gate.fail(gate.send(clock.now()), ProviderKeyRefused(), clock.now())
    registry.force_open([ONE, TWO], None, "drill")
    registry.reset([ONE.id, EndpointId("unknown")], "over")
    assert gate.calm
    assert registry.view(ONE.id) == BreakerView()
    assert registry.view(TWO.id).forced


def test_a_view_is_the_worst_of_an_endpoints_breakers_in_unix_seconds() -> None:
    clock = FakeClock()
    registry = breakers(clock)
    assert registry.view(ONE.id) == BreakerView()
    registry.of(ONE)
    fail(registry.of(ONE, STRICT), clock.now(), times=2)
    view = registry.view(ONE.id)
    assert (view.state, view.failures, view.opened_at) == (State.OPEN, 2, NOON)
    assert view.next_probe_at is not None
    assert NOON + 30 <= view.next_probe_at <= NOON + 33
    clock.advance(34.0)
    view = registry.view(ONE.id)
    assert (view.state, view.next_probe_at) == (State.HALF_OPEN, None)


def test_a_view_tells_a_pause() -> None:
    clock = FakeClock()
    registry = breakers(clock)
    gate = registry.of(ONE)
    limit = RateLimited(origin=Origin.PROVIDER, retry_after_seconds=5.0)
    gate.fail(gate.send(clock.now()), limit, clock.now())
    assert registry.view(ONE.id) == BreakerView(resting_until=NOON + 5)


def test_transitions_are_told_with_whose_they_are() -> None:
    clock = FakeClock()
    registry, heard = breakers(clock), list[CircuitMoved]()
    registry.listen(heard.append)
    fail(registry.of(ONE), clock.now())
    clock.advance(1.0)
    registry.force_open([ONE], None, "drill")
    assert heard == [
        CircuitMoved(
            tenant_id=ONE.tenant_id,
            endpoint_id=ONE.id,
            before=State.CLOSED,
            after=State.OPEN,
            forced=False,
            reason="5 failures in a row, the last: provider_error",
            at=NOON,
        ),
        CircuitMoved(
            tenant_id=ONE.tenant_id,
            endpoint_id=ONE.id,
            before=State.OPEN,
            after=State.OPEN,
            forced=True,
            reason="drill",
            at=NOON + 1,
        ),
    ]


def test_only_what_changed_is_dirty_and_only_once() -> None:
    clock = FakeClock()
    registry = breakers(clock)
    fail(registry.of(ONE), clock.now())
    fail(registry.of(TWO), clock.now(), times=4)
    rows = registry.dirty()
    assert [(it.endpoint_id, it.saved.state) for it in rows] == [(ONE.id, State.OPEN)]
    assert registry.dirty() == ()
    registry.put_back(rows)
    assert registry.dirty() == rows


def test_what_could_not_be_written_does_not_replace_what_came_after() -> None:
    clock = FakeClock()
    registry = breakers(clock)
    fail(registry.of(ONE), clock.now())
    rows = registry.dirty()
    registry.reset([ONE.id], "fixed")
    registry.put_back(rows)
    assert [it.saved.state for it in registry.dirty()] == [State.CLOSED]


def killed_while_open() -> tuple[FakeClock, tuple[SavedBreaker, ...]]:
    clock = FakeClock()
    registry = breakers(clock)
    fail(registry.of(ONE), clock.now())
    return FakeClock(now=5.0, wall=NOON + 2), registry.dirty()


def test_after_a_kill_while_open_at_most_one_call_reaches_the_dead_endpoint_in_the_first_second() -> None:
    clock, rows = killed_while_open()
    registry = breakers(clock, rows)
    assert registry.view(ONE.id).state is State.OPEN
    gate, calls = registry.of(ONE), 0
    for _ in range(300):
        clock.advance(1 / 300)
        if gate.admits(clock.now()):
            fail(gate, clock.now(), times=1)
            calls += 1
    assert calls == 0
    assert gate.breaker.state is State.OPEN
    assert registry.view(ONE.id).opened_at == NOON


def test_a_restart_with_another_key_or_address_remembers_nothing() -> None:
    clock, rows = killed_while_open()
    moved = msgspec.structs.replace(ONE, base_url=msgspec.structs.replace(ONE.base_url, host="new.test"))
    for endpoint in (with_key(ONE, "sk-another"), moved):
        assert breakers(clock, rows).of(endpoint).calm


def test_a_forced_endpoint_is_forced_after_a_restart_whatever_its_key_and_settings_are() -> None:
    registry = breakers()
    registry.force_open([ONE], None, "maintenance")
    rows = registry.dirty()
    restarted = breakers(FakeClock(now=0.0, wall=NOON + 1e6), rows)
    assert restarted.view(ONE.id).forced
    assert not restarted.of(with_key(ONE, "sk-another"), STRICT).admits(0.0)
    assert not restarted.of(with_key(ONE, "sk-another")).admits(0.0)


def test_a_reset_after_a_restart_is_the_last_word_even_for_what_no_request_has_touched() -> None:
    registry = breakers()
    registry.of(ONE, STRICT)
    registry.force_open([ONE], None, "maintenance")
    restarted = breakers(FakeClock(), registry.dirty())
    restarted.reset([ONE.id], "over")
    rows = restarted.dirty()
    assert {it.saved.state for it in rows} == {State.CLOSED}
    assert len(rows) == 2
    assert restarted.view(ONE.id) == BreakerView()
    assert breakers(FakeClock(), rows).of(ONE, STRICT).calm


def test_what_is_no_longer_configured_is_forgotten() -> None:
    clock = FakeClock()
    registry = breakers(clock)
    gate = registry.of(ONE)
    fail(gate, clock.now())
    registry.dirty()
    registry.keep_only({TWO.id})
    assert registry.view(ONE.id) == BreakerView()
    assert registry.of(ONE) is not gate
    clock.advance(40.0)
    gate.admits(clock.now())
    assert registry.dirty() == ()


def test_nothing_of_a_credential_is_stored() -> None:
    registry = breakers()
    registry.force_open([ONE], None, "drill")
    assert PROVIDER_KEY.encode() not in msgspec.json.encode(registry.dirty())


def test_an_operators_word_beats_what_was_saved_of_a_breaker_itself() -> None:
    clock, rows = killed_while_open()
    registry = breakers()
    registry.of(ONE, STRICT)
    registry.force_open([ONE], None, "maintenance")
    forced = [it for it in registry.dirty() if it.key not in {row.key for row in rows}]
    assert breakers(clock, (*rows, *forced)).of(ONE).breaker.forced


def test_whoever_else_holds_something_against_an_endpoint_hears_of_its_reset() -> None:
    registry, told = breakers(), list[str]()
    registry.on_reset(told.append)
    registry.reset([ONE.id, TWO.id], "over")
    assert told == [ONE.id, TWO.id]
