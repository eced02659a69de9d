"""When an endpoint is left in peace, and how it comes back: CLOSED, OPEN, HALF_OPEN.

Requests are counted when they are sent, not when they end, because an upstream that hangs ends nothing: what it owes
must be visible while it owes it. Two things follow. The failure rate divides by what was sent within the window. And
an endpoint that owes more first answers than its own rate and speed explain (Little's law, twice over, at least ten)
and has been silent for longer than it usually takes is crowded: it gets nothing new while somebody else can serve,
long before the first timeout says so. What it usually takes is a mean and a mean deviation with the gains of RFC 6298,
mean + 2 deviations standing for the 95th percentile; nothing is sorted on the line.

A report only counts for the state in which its request was sent: numbers of sendings are compared, so a stream that
ends a minute late neither closes an open circuit nor opens a closed one. In HALF_OPEN one number is the probe, and
until it ends, however it ends, there is no other. Requests that go out under the panic rule are no probes; what they
prove counts all the same, else a fleet that healed would stay shut until its timers ran out.

The open time doubles with each probe that fails and is stretched, never shortened, by chance: an operator who wrote 30
seconds gets at least these. An endpoint that falls again while it still returns slowly goes on where its series was.
Ejection time and slow start: https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier and
.../load_balancing/slow_start. Times are monotonic seconds unless their name says wall.
"""

from enum import StrEnum
from math import inf
from random import Random
from typing import Final, NewType, Protocol, final

import msgspec

from ai_gateway.domain.config import BreakerSettings
from ai_gateway.policy.rolling_window import RollingWindow

Ticket = NewType("Ticket", int)
"""The number of a sending; negative once it was answered. Every ticket is given back exactly once."""

LONGEST_STRETCH: Final = 0.1
LEAST_SHARE: Final = 0.1
LEAST_ROOM: Final = 10
FORGOTTEN_AFTER_SECONDS: Final = 300.0
UNKNOWN_WAIT_SECONDS: Final = 1.0


class State(StrEnum):
    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


_CLOSED: Final = State.CLOSED  # a member of an enum is a look-up in Python each time
_HALF_OPEN: Final = State.HALF_OPEN


class Transition(msgspec.Struct, frozen=True):
    """`before` and `after` are both OPEN where an operator forces an open breaker. `reason` is for people."""

    before: State
    after: State
    reason: str
    at: float


class Listener(Protocol):
    def moved(self, transition: Transition) -> None:
        """The state changed, or an operator spoke."""
        ...

    def stirred(self) -> None:
        """`calm` changed."""
        ...


class Saved(msgspec.Struct, frozen=True):
    """A breaker as another process may take it up. `until_wall` None: OPEN until somebody resets it."""

    state: State
    fingerprint: str
    updated_wall: float
    until_wall: float | None = None
    opened_wall: float | None = None
    growth: int = 0
    failures: int = 0
    successes: int = 0
    forced: bool = False
    reason: str | None = None


def still_holds(saved: Saved, fingerprint: str, wall: float) -> bool:
    """Whether a restart takes it up: of this address and credential, and not long over. An operator's word is about
    the endpoint, so it holds whatever key the endpoint has now."""
    if saved.state is _CLOSED or (saved.fingerprint != fingerprint and not saved.forced):
        return False
    if saved.until_wall is None:
        return saved.forced
    return wall < saved.until_wall + (0 if saved.forced else FORGOTTEN_AFTER_SECONDS)


def open_seconds(settings: BreakerSettings, growth: int, rng: Random) -> float:
    """At least the recovery time, doubled `growth` times, at most the longest."""
    base = settings.recovery_timeout_seconds
    longest = max(base, settings.longest_open_seconds)
    return min(longest, base * 2.0 ** min(growth, 60) * (1.0 + LONGEST_STRETCH * rng.random()))


@final
class CircuitBreaker:
    """`calm`: CLOSED, with room, and back at full share, so that nobody needs to ask `admits` or `ramp`."""

    # In the order of their names they lie in memory, and what each request of one that is calm touches is together.
    __slots__ = (
        "_bucket_ends",
        "_closed_at",
        "_deviation",
        "_failures",
        "_listener",
        "_mean",
        "_number",
        "_probe",
        "_quiet_since",
        "_ramping",
        "_room",
        "_since",
        "_waiting",
        "_window",
        "calm",
        "crowded",
        "forced",
        "growth",
        "opened_at",
        "reason",
        "settings",
        "state",
        "successes",
        "until",
    )

    def __init__(self, settings: BreakerSettings, listener: Listener, now: float) -> None:
        self.settings = settings
        self.state = _CLOSED
        self.calm = True
        self.crowded = False
        self.forced = False
        self._failures = 0
        self.successes = 0
        self.growth = 0
        self._waiting = 0
        self.opened_at: float | None = None
        self.until = now
        self.reason: str | None = None
        self._listener = listener
        self._number = 0
        self._since = 1
        self._probe = 0
        self._ramping = False
        self._closed_at = now
        self._mean = 0.0
        self._deviation = 0.0
        self._quiet_since = now
        self._room = LEAST_ROOM
        self._window = RollingWindow(settings.window_seconds)
        self._bucket_ends = now + self._window.width

    @property
    def failures(self) -> int:
        """One behind the other."""
        return self._failures

    @property
    def waiting(self) -> int:
        """Sendings that have no first answer yet."""
        return self._waiting

    def admits(self, now: float) -> bool:
        """Whether the next request may go there. In HALF_OPEN `on_send` has to follow in the same step, before anything
        is awaited: the sending is what takes the probe's place."""
        if self.state is _CLOSED:
            return not self.crowded
        return self.look(now) is State.HALF_OPEN and not self._probe

    def look(self, now: float) -> State:
        """The state, after what time alone has changed."""
        if self.state is State.OPEN and now >= self.until:
            self.forced = False
            self._turn(State.HALF_OPEN, "its open time is over", now)
        return self.state

    @property
    def probing(self) -> bool:
        return self._probe != 0

    def ramp(self, now: float) -> float:
        """The share of its weight that a returning endpoint gets: from a tenth to all, in a straight line."""
        if not self._ramping:
            return 1.0
        grown = (now - self._closed_at) / self.settings.slow_start_seconds
        if grown >= 1.0:
            self._ramping = False
            self._settle()
            return 1.0
        return LEAST_SHARE + (1.0 - LEAST_SHARE) * max(0.0, grown)

    def on_send(self, now: float) -> Ticket:
        number = self.on_calm_send(now)
        if self.state is _HALF_OPEN and not self._probe:
            self._probe = number
        return number

    def on_calm_send(self, now: float) -> Ticket:
        """`on_send` for a breaker that is calm."""
        if now >= self._bucket_ends:
            self._roll(now)
        self._number = number = self._number + 1
        waiting = self._waiting
        if not waiting:
            self._quiet_since = now
        self._waiting = waiting = waiting + 1
        if waiting >= self._room:
            self._measure(now)
        return number  # pyright: ignore[reportReturnType]  # a NewType is a call

    def on_answer(self, ticket: Ticket, now: float, waited: float) -> Ticket:
        """The first event of a stream, or a whole unary answer, after `waited` seconds. The ticket from here on."""
        self._waiting -= 1
        self._quiet_since = now
        mean = self._mean
        if mean:
            error = waited - mean
            self._mean = mean + error * 0.125  # an eighth, and a quarter: exactly what a division gives, and cheaper
            deviation = self._deviation
            self._deviation = deviation + ((error if error > 0.0 else -error) - deviation) * 0.25
        else:
            self._mean, self._deviation = waited, waited / 2
        if self.crowded:
            self._make_room()
        return -ticket  # pyright: ignore[reportReturnType]  # as in on_send

    def on_calm_answer(self, ticket: Ticket, now: float, waited: float) -> None:
        """`on_answer` and `on_success` of an answer that came whole, for a breaker that is calm: it proves nothing. Nor
        can its ticket be a probe of the state that is: one that is still under way was sent before it closed."""
        self._waiting -= 1
        self._quiet_since = now
        mean = self._mean
        if mean:
            error = waited - mean
            self._mean = mean + error * 0.125
            deviation = self._deviation
            self._deviation = deviation + ((error if error > 0.0 else -error) - deviation) * 0.25
        else:
            self._mean, self._deviation = waited, waited / 2
        if ticket >= self._since:
            self._failures = 0
        elif ticket == self._probe:
            self._probe = 0

    def on_success(self, ticket: Ticket, now: float) -> None:
        number = -ticket if ticket < 0 else self._stop_waiting(ticket)
        if number == self._probe:
            self._probe = 0
        if number < self._since:
            return
        if self.state is _CLOSED:
            self._failures = 0
        elif not self.forced:
            self._prove(now)

    def on_failure(self, ticket: Ticket, now: float, rng: Random, reason: str) -> None:
        """The provider's fault; `reason` says which."""
        number = -ticket if ticket < 0 else self._stop_waiting(ticket)
        if number == self._probe:
            self._probe = 0
        if number < self._since:
            return
        if self.state is _CLOSED:
            self._failures += 1
            if now >= self._bucket_ends:
                self._roll(now)
            self._window.note_failure()
            why = self._too_many()
            if why is not None:
                relapse = now - self._closed_at < self.settings.slow_start_seconds
                self._open(self.growth if relapse else 0, now, rng, f"{why}, the last: {reason}")
        elif self.state is State.HALF_OPEN:
            self._failures += 1
            self._open(self.growth + 1, now, rng, f"it failed while it was tested: {reason}")
        else:
            self.successes = 0

    def on_leave(self, ticket: Ticket) -> None:
        """It ended in a way that says nothing of the endpoint: the caller left, or sent what no provider takes."""
        number = -ticket if ticket < 0 else self._stop_waiting(ticket)
        if number == self._probe:
            self._probe = 0

    def force_open(self, now: float, seconds: float | None, reason: str) -> None:
        """Until reset, or for `seconds`; nothing but time and an operator changes it."""
        self.forced = True
        self.until = inf if seconds is None else now + seconds
        self.opened_at = now
        self._turn(State.OPEN, reason, now)

    def reset(self, now: float, reason: str) -> None:
        """Closed and trusted at once: whoever resets has decided that it is well."""
        if self.state is not _CLOSED or self.forced:
            self.forced = False
            self._close(now, reason)
        self._failures = self.growth = 0
        self._ramping = self.crowded = False
        self._settle()

    def save(self, fingerprint: str, now: float, wall: float) -> Saved:
        drift = wall - now
        return Saved(
            state=self.state,
            fingerprint=fingerprint,
            updated_wall=wall,
            until_wall=None if self.until == inf else self.until + drift,
            opened_wall=None if self.opened_at is None else self.opened_at + drift,
            growth=self.growth,
            failures=self._failures,
            successes=self.successes,
            forced=self.forced,
            reason=self.reason,
        )

    def restore(self, saved: Saved, now: float, wall: float, rng: Random) -> None:
        """Take up what `still_holds`. A probe that was in flight, or due, waits a moment by chance, so that processes
        that restart together do not probe together."""
        drift = now - wall
        settings = self.settings
        self.forced = saved.forced
        self.growth = saved.growth
        self._failures = saved.failures
        self.opened_at = None if saved.opened_wall is None else saved.opened_wall + drift
        if saved.until_wall is None:
            self.until = inf
        else:
            longest = inf if saved.forced else max(settings.recovery_timeout_seconds, settings.longest_open_seconds)
            until = min(saved.until_wall + drift, now + longest)
            overdue = saved.state is State.HALF_OPEN or until <= now
            stretch = settings.recovery_timeout_seconds * LONGEST_STRETCH * rng.random()
            self.until = now + stretch if overdue else until
        self._turn(State.OPEN, saved.reason or "as before the restart", now)

    def _stop_waiting(self, ticket: Ticket) -> int:
        """It ended without a first answer of its own."""
        self._waiting -= 1
        if self.crowded and self._waiting < self._room:
            self._make_room()
        return ticket

    def _prove(self, now: float) -> None:
        """A success while it is not closed: of the probe, or of a request that the panic rule let through."""
        self.successes += 1
        if self.successes >= self.settings.success_threshold:
            self._ramping = self.settings.slow_start_seconds > 0
            self._close(now, f"{self.successes} requests succeeded")

    def _too_many(self) -> str | None:
        settings = self.settings
        if self._failures >= settings.failure_threshold:
            return f"{self._failures} failures in a row"
        sent, failed = self._window.totals(self._number)
        if sent >= settings.minimum_requests and failed >= settings.failure_rate * sent:
            return f"{failed} failures of {sent} requests within {settings.window_seconds:g} s"
        return None

    def _open(self, growth: int, now: float, rng: Random, reason: str) -> None:
        self.growth = growth
        self.opened_at = now
        self.until = now + open_seconds(self.settings, growth, rng)
        self._turn(State.OPEN, reason, now)

    def _close(self, now: float, reason: str) -> None:
        self._failures = 0
        self.opened_at = None
        self.until = self._closed_at = now
        self._window.clear(self._number)
        self._turn(_CLOSED, reason, now)

    def _turn(self, after: State, reason: str, now: float) -> None:
        before, self.state = self.state, after
        self.reason = None if after is _CLOSED else reason
        self.successes = 0
        self._since = self._number + 1
        if after is not _CLOSED:
            self._ramping = False
        self._settle()
        self._listener.moved(Transition(before, after, reason, now))

    def _settle(self) -> None:
        calm = self.state is _CLOSED and not self.crowded and not self._ramping
        if calm is not self.calm:
            self.calm = calm
            self._listener.stirred()

    def _roll(self, now: float) -> None:
        self._bucket_ends = self._window.roll(self._bucket_ends, now, self._number)
        if not self.crowded:
            self._room = LEAST_ROOM

    def _measure(self, now: float) -> None:
        """How many may wait: asked when as many as last time do."""
        usual = self._mean + 2 * self._deviation or UNKNOWN_WAIT_SECONDS
        window = self._window
        explained = max(LEAST_ROOM, int(2 * usual * window.most(self._number) / window.width))
        if self._waiting < explained:
            self._room = explained
        elif now - self._quiet_since <= usual:
            self._room = self._waiting + 1
        elif not self.crowded:
            self._room = explained
            self.crowded = True
            self._settle()

    def _make_room(self) -> None:
        self.crowded = False
        self._settle()
