"""Why an endpoint is left alone though it is not broken: it asked for a pause, or it does not take our key.

A 429 says that the endpoint is well and busy, so it is no failure; it rests for as long as it said. A 401 or 403 says
that this credential is worth nothing, however often it is tried, so it is out until somebody changes it; since some
providers revoke a refusal silently (an account that was reactivated), one request in five minutes asks again. An
exhausted quota and an unpaid bill are neither: no time is known after which they end, and other models of the same
account may still be served, so the next request finds out for itself.

Times are monotonic seconds.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from math import inf
from types import MappingProxyType
from typing import Final, final

import msgspec

from ai_gateway.domain.faults import Category, Fault, Origin
from ai_gateway.policy.circuit_breaker import Ticket

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
"""Of a provider that does not say how long: each refusal after a pause doubles the next."""
LONGEST_WISH_SECONDS: Final = 3600.0
QUARANTINE_TRY_SECONDS: Final = 300.0


class Verdict(Enum):
    """What a fault says of the endpoint that it came from."""

    FAILURE = auto()
    COOLDOWN = auto()
    QUARANTINE = auto()
    NOTHING = auto()


_VERDICTS: Final[Mapping[Category, Verdict]] = MappingProxyType(
    {
        Category.PROVIDER_ERROR: Verdict.FAILURE,
        Category.TIMEOUT: Verdict.FAILURE,
        Category.OVERLOADED: Verdict.FAILURE,
        Category.RATE_LIMIT: Verdict.COOLDOWN,
        Category.PROVIDER_AUTHENTICATION: Verdict.QUARANTINE,
    }
)


def verdict(fault: Fault) -> Verdict:
    """A rate limit of our own is not the endpoint's; everything else that is not listed counts nowhere."""
    if fault.category is Category.RATE_LIMIT and fault.origin is not Origin.PROVIDER:
        return Verdict.NOTHING
    return _VERDICTS.get(fault.category, Verdict.NOTHING)


class Cause(msgspec.Struct, frozen=True):
    """A fault as it can be repeated to others: without the first caller's traceback and the provider's own words."""

    kind: type[Fault]
    message: str
    action: str
    code: str
    status: int
    origin: Origin

    def repeat(self, retry_after_seconds: float | None, status: int | None = None) -> Fault:
        return self.kind(
            self.message,
            action=self.action,
            code=self.code,
            status=status or self.status,
            origin=self.origin,
            retry_after_seconds=retry_after_seconds,
        )


def cause_of(fault: Fault) -> Cause:
    return Cause(type(fault), fault.message, fault.action, fault.code, fault.status, fault.origin)


def gentlest(refusals: Iterable[Fault]) -> Fault | None:
    """Of several endpoints that are left alone, what the caller is told: the one that may be asked again first."""
    return min(refusals, key=lambda it: inf if it.retry_after_seconds is None else it.retry_after_seconds, default=None)


@final
class Cooldown:
    """One endpoint's pause. `calm`: there is none; `cause` is why there is one, or why there was one last."""

    __slots__ = ("_pauses", "_stirred", "_try", "calm", "cause", "quarantined", "until")

    def __init__(self, stirred: Callable[[], None]) -> None:
        """`stirred` is called when `calm` has changed."""
        self.calm = True
        self.quarantined = False
        self.until = -inf
        self.cause: Cause | None = None
        self._pauses = 0
        self._try = 0
        self._stirred = stirred

    def admits(self, now: float) -> bool:
        if self.calm:
            return True
        if now < self.until:
            return False
        if not self.quarantined:
            self.lift()
        return True

    def rate_limited(self, fault: Fault, now: float) -> None:
        """Rest for as long as the provider said. The other refusals of the same burst do not make it longer."""
        if self.quarantined:
            return
        wish = fault.retry_after_seconds
        if wish is None or wish <= 0:
            wish = self._next_pause(now)
        until = now + min(wish, LONGEST_WISH_SECONDS)
        if until > self.until:
            self._rest(fault, until)

    def refused(self, fault: Fault, now: float) -> None:
        """The credential is not taken."""
        if self.quarantined and now < self.until:
            return
        self.quarantined = True
        self._rest(fault, now + QUARANTINE_TRY_SECONDS)

    def on_send(self, ticket: Ticket, now: float) -> None:
        """The one try of a quarantined credential goes out: nobody else until the next is due."""
        if self.quarantined and now >= self.until:
            self._try = ticket
            self.until = now + QUARANTINE_TRY_SECONDS

    def on_success(self, ticket: Ticket) -> None:
        """Only the try proves that the credential is taken again: what was sent before it was refused does not."""
        if self.quarantined and abs(ticket) == self._try:
            self.lift()

    def lift(self) -> None:
        self.quarantined = False
        self._try = 0
        if not self.calm:
            self.calm = True
            self._stirred()

    def refusal(self, now: float) -> Fault | None:
        """What a request is told that is turned away here; None where none is."""
        if self.calm or self.cause is None or now >= self.until:
            return None
        return self.cause.repeat(None if self.quarantined else self.until - now)

    def _next_pause(self, now: float) -> float:
        if now < self.until:
            return 0.0
        recently = now < self.until + LONGEST_PAUSE_SECONDS
        self._pauses = self._pauses + 1 if recently else 1
        return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (self._pauses - 1))

    def _rest(self, fault: Fault, until: float) -> None:
        self.until = until
        self.cause = cause_of(fault)
        if self.calm:
            self.calm = False
            self._stirred()
