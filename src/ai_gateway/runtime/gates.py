"""What stands between the line and one endpoint: its breaker and its cooldown behind one question.

Pools may judge an endpoint by different settings; each settings has its own breaker, and so its own `Gate`. What a 429
or a refused key says is told to all gates of the endpoint's `Account`, because it depends on nobody's settings.

Nearly always everybody is well. A `Circle` knows that for the members of a tier in one attribute, kept up to date by
whoever stops being well, so that a healthy request asks one question and not one for each member.
"""

from collections.abc import Callable, Sequence
from math import isfinite
from random import Random
from typing import Final, final
from weakref import WeakSet

from ai_gateway.domain.config import BreakerSettings, Endpoint
from ai_gateway.domain.faults import CircuitOpen, Fault
from ai_gateway.policy.circuit_breaker import CircuitBreaker, State, Ticket, Transition
from ai_gateway.policy.cooldowns import Cause, Cooldown, Verdict, cause_of, verdict

UNKNOWN_RETURN_SECONDS: Final = 60.0
"""What a caller is told who is turned away by an operator's breaker that has no end."""

Tell = Callable[["Gate", Transition], None]


@final
class Gate:
    """What stands between the line and one endpoint. `calm`: it admits everything at full share.

    An attempt is `send` in the step in which `admits` was asked, `answered` once it has a first event (a stream) or
    all of the answer, and exactly one of `succeed`, `fail` and `leave`. Times are monotonic seconds.
    """

    __slots__ = ("_cause", "_circles", "account", "breaker", "calm", "cooldown", "key")

    def __init__(self, key: str, settings: BreakerSettings, account: "Account", now: float) -> None:
        self.key = key
        self.calm = True
        self.account = account
        self._cause: Cause | None = None
        self._circles = WeakSet[Circle]()
        self.breaker = CircuitBreaker(settings, self, now)
        self.cooldown = Cooldown(self.stirred)

    def admits(self, now: float) -> bool:
        return self.calm or (self.cooldown.admits(now) and self.breaker.admits(now))

    def admits_crowded(self, now: float) -> bool:
        """It is closed, and nothing but a crowd stands before it."""
        return self.breaker.state is State.CLOSED and self.cooldown.admits(now)

    def admits_in_panic(self, now: float) -> bool:
        """When nobody is left: an open breaker is ignored, an operator's, a quarantine and a cooldown are not."""
        self.breaker.look(now)
        return not self.breaker.forced and self.cooldown.admits(now)

    def ramp(self, now: float) -> float:
        return self.breaker.ramp(now)

    def send(self, now: float) -> Ticket:
        ticket = self.breaker.on_send(now)
        if not self.calm:
            self.cooldown.on_send(ticket, now)
        return ticket

    def answered(self, ticket: Ticket, now: float, waited: float) -> Ticket:
        """The ticket to give back from here on; `waited` seconds since it was sent."""
        return self.breaker.on_answer(ticket, now, waited)

    def succeed(self, ticket: Ticket, now: float) -> None:
        self.breaker.on_success(ticket, now)
        if self.cooldown.quarantined:
            self.cooldown.on_success(ticket)
            if self.cooldown.calm:
                self.account.lift()

    def fail(self, ticket: Ticket, fault: Fault, now: float) -> None:
        """However it failed: what the fault says of the endpoint is decided here."""
        said = verdict(fault)
        if said is Verdict.FAILURE:
            self._cause = cause_of(fault)
            self.breaker.on_failure(ticket, now, self.account.rng, fault.category.value)
            return
        self.breaker.on_leave(ticket)
        if said is Verdict.COOLDOWN:
            self.account.rate_limited(fault, now)
        elif said is Verdict.QUARANTINE:
            self.account.refused(fault, now)

    def leave(self, ticket: Ticket) -> None:
        """The caller left, or the attempt was ended by us: nothing is known of the endpoint."""
        self.breaker.on_leave(ticket)

    def refusal(self, now: float) -> Fault:
        """What a request is told that was not admitted here."""
        resting = self.cooldown.refusal(now)
        if resting is not None:
            return resting
        left = self.breaker.until - now
        seconds = max(1.0, left) if isfinite(left) else UNKNOWN_RETURN_SECONDS
        if self.breaker.forced or self._cause is None:
            return CircuitOpen(retry_after_seconds=seconds)
        return self._cause.repeat(seconds, status=CircuitOpen.default_status)

    def moved(self, transition: Transition) -> None:
        self.account.moved(self, transition)

    def stirred(self) -> None:
        calm = self.breaker.calm and self.cooldown.calm
        if calm is not self.calm:
            self.calm = calm
            for circle in self._circles:
                circle.stirred(self)

    def join(self, circle: "Circle") -> None:
        self._circles.add(circle)


@final
class Circle:
    """The gates of endpoints that stand in for each other. `calm`: every one of them is."""

    __slots__ = ("__weakref__", "calm", "gates")

    def __init__(self, gates: Sequence[Gate]) -> None:
        self.gates = tuple(gates)
        self.calm = all(gate.calm for gate in self.gates)
        for gate in set(self.gates):
            gate.join(self)

    def stirred(self, gate: Gate) -> None:
        self.calm = gate.calm and all(it.calm for it in self.gates)


@final
class Account:
    """One endpoint at one address with one credential, and its gates. `tell` hears of every transition of theirs."""

    def __init__(self, endpoint: Endpoint, fingerprint: str, rng: Random, tell: Tell) -> None:
        self.endpoint_id = endpoint.id
        self.tenant_id = endpoint.tenant_id
        self.fingerprint = fingerprint
        self.gates: dict[BreakerSettings, Gate] = {}
        self.retired = False
        self.rng = rng
        self._tell = tell

    def rate_limited(self, fault: Fault, now: float) -> None:
        for gate in self.gates.values():
            gate.cooldown.rate_limited(fault, now)

    def refused(self, fault: Fault, now: float) -> None:
        for gate in self.gates.values():
            gate.cooldown.refused(fault, now)

    def lift(self) -> None:
        for gate in self.gates.values():
            gate.cooldown.lift()

    def moved(self, gate: Gate, transition: Transition) -> None:
        """The last requests of an endpoint that was changed or removed are nobody's news."""
        if not self.retired:
            self._tell(gate, transition)
