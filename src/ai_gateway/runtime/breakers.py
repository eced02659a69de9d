"""Every breaker and cooldown of this process: made when first needed, listed, forced, saved and taken up again.

What an endpoint has shown is true of its address and its credential, so whoever changes the URL or the key starts with
a clean record; an operator's word is about the endpoint and stays. Pools that judge by the same settings share one
breaker of an endpoint. An endpoint belongs to one tenant (a lent one is a different endpoint for each borrower), so
nothing here crosses tenants.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from math import inf, isfinite
from random import Random
from typing import Final, final

import msgspec

from ai_gateway.domain.config import BreakerSettings, Endpoint, EndpointId, TenantId
from ai_gateway.policy.circuit_breaker import Saved, State, Transition, still_holds
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.gates import Account, Gate

Digest = Callable[[bytes], bytes]
"""Keyed with the instance's secret: what is stored of a credential must not help to guess it."""

DEFAULT_SETTINGS: Final = BreakerSettings()


class CircuitMoved(msgspec.Struct, frozen=True):
    """`at` is Unix seconds, `reason` for people who may see the tenant's configuration."""

    tenant_id: TenantId
    endpoint_id: EndpointId
    before: State
    after: State
    forced: bool
    reason: str
    at: float


class SavedBreaker(msgspec.Struct, frozen=True):
    """A row: `key` tells an endpoint's breakers of different settings apart, and is the same after a restart."""

    key: str
    tenant_id: TenantId
    endpoint_id: EndpointId
    saved: Saved


class BreakerView(msgspec.Struct, frozen=True):
    """What an operator sees of an endpoint: the worst of its breakers. Instants are Unix seconds; `next_probe_at` is
    None while it is closed, and where only a reset opens it. `resting_until`: a cooldown or the next try of a
    quarantined credential."""

    state: State = State.CLOSED
    failures: int = 0
    successes: int = 0
    opened_at: float | None = None
    next_probe_at: float | None = None
    forced: bool = False
    reason: str | None = None
    quarantined: bool = False
    resting_until: float | None = None


@final
class Breakers:
    """The registry. Reads the clock itself: whoever lists or forces is not on the line."""

    def __init__(self, clock: Clock, rng: Random, digest: Digest) -> None:
        self._clock = clock
        self._rng = rng
        self._digest = digest
        self._accounts: dict[EndpointId, Account] = {}
        self._awaited: dict[EndpointId, dict[str, SavedBreaker]] = {}
        self._dirty: dict[str, Gate | SavedBreaker] = {}
        self._listeners: list[Callable[[CircuitMoved], None]] = []
        self._forgivers: list[Callable[[EndpointId], None]] = []

    def of(self, endpoint: Endpoint, settings: BreakerSettings = DEFAULT_SETTINGS) -> Gate:
        """For plans, not for each request: it compares the endpoint's address and credential with the record's."""
        account = self._accounts.get(endpoint.id)
        fingerprint = _fingerprint(endpoint, self._digest)
        if account is None or account.fingerprint != fingerprint:
            account = self._open_account(endpoint, fingerprint, account)
        gate = account.gates.get(settings)
        return self._open_gate(account, settings) if gate is None else gate

    def view(self, endpoint_id: EndpointId) -> BreakerView:
        """An endpoint that was never asked is closed."""
        account = self._accounts.get(endpoint_id)
        if account is None:
            return self._awaited_view(endpoint_id)
        now = self._clock.now()
        return _view(max(account.gates.values(), key=lambda it: _gravity(it, now)), now, self._clock.wall() - now)

    def force_open(self, endpoints: Iterable[Endpoint], for_seconds: float | None, reason: str) -> None:
        """Every breaker of each; for ever where `for_seconds` is None."""
        now = self._clock.now()
        for endpoint in endpoints:
            self.of(endpoint)
            for gate in self._accounts[endpoint.id].gates.values():
                gate.breaker.force_open(now, for_seconds, reason)

    def reset(self, endpoint_ids: Iterable[EndpointId], reason: str) -> None:
        """Closed, and no longer cooling or quarantined, whatever anybody said before; saved states are forgotten."""
        now = self._clock.now()
        for endpoint_id in endpoint_ids:
            for forgive in self._forgivers:
                forgive(endpoint_id)
            for row in self._awaited.pop(endpoint_id, {}).values():
                closed = Saved(State.CLOSED, row.saved.fingerprint, self._clock.wall())
                self._dirty[row.key] = msgspec.structs.replace(row, saved=closed)
            account = self._accounts.get(endpoint_id)
            if account is not None:
                account.lift()
                for gate in account.gates.values():
                    gate.breaker.reset(now, reason)

    def on_reset(self, forgive: Callable[[EndpointId], None]) -> None:
        """Somebody else who holds something against endpoints; told the id of each that is reset."""
        self._forgivers.append(forgive)

    def listen(self, listener: Callable[[CircuitMoved], None]) -> None:
        """Called in the step in which a state changes: it may note, not wait."""
        self._listeners.append(listener)

    def restore(self, rows: Iterable[SavedBreaker]) -> None:
        """Before the first request. A row waits until its endpoint is known, since only then can be said whether it is
        still the same endpoint."""
        for row in rows:
            self._awaited.setdefault(row.endpoint_id, {})[row.key] = row

    def dirty(self) -> tuple[SavedBreaker, ...]:
        """What changed since the last call, as it is now."""
        now, wall = self._clock.now(), self._clock.wall()
        rows = tuple(_row(it, now, wall) if isinstance(it, Gate) else it for it in self._dirty.values())
        self._dirty = {}
        return rows

    def put_back(self, rows: Iterable[SavedBreaker]) -> None:
        """They could not be written; what changed meanwhile is newer."""
        for row in rows:
            self._dirty.setdefault(row.key, row)

    def keep_only(self, endpoint_ids: set[str]) -> None:
        """Forget endpoints that are no longer configured. Requests that are still under way keep their gates."""
        for gone in [it for it in self._accounts if it not in endpoint_ids]:
            self._accounts.pop(gone).retired = True

    def _moved(self, gate: Gate, transition: Transition) -> None:
        account = gate.account
        self._dirty[gate.key] = gate
        event = CircuitMoved(
            tenant_id=account.tenant_id,
            endpoint_id=account.endpoint_id,
            before=transition.before,
            after=transition.after,
            forced=gate.breaker.forced,
            reason=transition.reason,
            at=transition.at + self._clock.wall() - self._clock.now(),
        )
        for listener in self._listeners:
            listener(event)

    def _open_account(self, endpoint: Endpoint, fingerprint: str, former: Account | None) -> Account:
        account = self._accounts[endpoint.id] = Account(endpoint, fingerprint, self._rng, self._moved)
        if former is not None:
            former.retired = True
            for settings, gate in former.gates.items():
                if gate.breaker.forced:
                    _force_alike(self._open_gate(account, settings), gate, self._clock.now())
        return account

    def _open_gate(self, account: Account, settings: BreakerSettings) -> Gate:
        """As it was saved, or forced like another of its endpoint: an operator's word has nothing to do with a pool's
        settings."""
        now, wall = self._clock.now(), self._clock.wall()
        gate = Gate(_key(account.endpoint_id, settings), settings, account, now)
        forced = next((it for it in account.gates.values() if it.breaker.forced), None)
        account.gates[settings] = gate
        saved = self._saved_for(account, gate.key, wall)
        if saved is not None:
            gate.breaker.restore(saved, now, wall, self._rng)
        if forced is not None:
            _force_alike(gate, forced, now)
        return gate

    def _saved_for(self, account: Account, key: str, wall: float) -> Saved | None:
        awaited = self._awaited.get(account.endpoint_id, {})
        own = awaited.pop(key, None)
        rows = [it for it in awaited.values() if it.saved.forced]
        if own is not None:
            rows.insert(0 if own.saved.forced else len(rows), own)
        return next((it.saved for it in rows if still_holds(it.saved, account.fingerprint, wall)), None)

    def _awaited_view(self, endpoint_id: EndpointId) -> BreakerView:
        """What a restart found and no request has touched yet."""
        wall = self._clock.wall()
        rows = self._awaited.get(endpoint_id, {}).values()
        held = [it.saved for it in rows if still_holds(it.saved, it.saved.fingerprint, wall)]
        if not held:
            return BreakerView()
        worst = max(held, key=lambda it: (it.forced, it.until_wall or inf))
        return BreakerView(
            state=State.OPEN,
            failures=worst.failures,
            opened_at=worst.opened_wall,
            next_probe_at=worst.until_wall,
            forced=worst.forced,
            reason=worst.reason,
        )


def _force_alike(gate: Gate, other: Gate, now: float) -> None:
    until = other.breaker.until
    gate.breaker.force_open(now, until - now if isfinite(until) else None, other.breaker.reason or "")


def _gravity(gate: Gate, now: float) -> tuple[bool, bool, bool, int]:
    state = gate.breaker.look(now)
    breaker = gate.breaker
    return breaker.forced, state is State.OPEN, state is State.HALF_OPEN, breaker.failures


def _view(gate: Gate, now: float, drift: float) -> BreakerView:
    breaker, cooldown = gate.breaker, gate.cooldown
    waits = breaker.state is State.OPEN and isfinite(breaker.until)
    return BreakerView(
        state=breaker.state,
        failures=breaker.failures,
        successes=breaker.successes,
        opened_at=None if breaker.opened_at is None else breaker.opened_at + drift,
        next_probe_at=breaker.until + drift if waits else None,
        forced=breaker.forced,
        reason=breaker.reason,
        quarantined=cooldown.quarantined,
        resting_until=None if cooldown.admits(now) else cooldown.until + drift,
    )


def _row(gate: Gate, now: float, wall: float) -> SavedBreaker:
    account = gate.account
    saved = gate.breaker.save(account.fingerprint, now, wall)
    return SavedBreaker(key=gate.key, tenant_id=account.tenant_id, endpoint_id=account.endpoint_id, saved=saved)


def _key(endpoint_id: EndpointId, settings: BreakerSettings) -> str:
    return f"{endpoint_id}#{blake2b(msgspec.json.encode(settings), digest_size=4).hexdigest()}"


def _fingerprint(endpoint: Endpoint, digest: Digest) -> str:
    key = "" if endpoint.api_key is None else endpoint.api_key.reveal()
    return digest(f"{endpoint.base_url.text}\n{key}".encode())[:8].hex()
