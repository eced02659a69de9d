"""What a provider lets one endpoint do in a minute, kept on this side of the wire: a request that would be answered
429 is queued or sent elsewhere before it was made.

The generic cell rate algorithm, because it is what the providers run: their `reset` header is its one number. A limit
of L a minute is an instant, `full_at`, at which the whole allowance is there again; what is taken moves it 60/L further
into the future, what is given back moves it back, and something is left as long as it lies less than a minute ahead.
No bucket to refill, no list of requests to age, one comparison for an answer. A whole minute may be spent at once,
since the provider's own bucket holds as much; of large limits 1/240 (what comes back in 250 ms) stays unused, so that
requests which travel at different speeds do not arrive as one too many.
(ITU-T I.371, annex A; https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm)

What the provider says in its headers stands beside what is configured, and both have to agree, so the tighter one
rules. It is believed for five minutes at most: a wrong word delays an endpoint, and never loses it.
"""

from collections.abc import Mapping
from math import inf
from typing import Final, final

import msgspec

from ai_gateway.domain.config import RateLimits
from ai_gateway.policy.rate_headers import Quota, RateReport, read_rates

MINUTE: Final = 60.0
DAY: Final = 86_400.0
BELIEVED_SECONDS: Final = 300.0
HEAR_EVERY_SECONDS: Final = 0.1
RESERVE: Final = 240
TOLERANCE_SECONDS: Final = 1e-6


class LimitsStanding(msgspec.Struct, frozen=True):
    """What is left now; None where nothing limits it. `rests_seconds`: how long the provider asked for silence."""

    requests_left: int | None
    tokens_left: int | None
    active: int
    rests_seconds: float


def limits_of(configured: RateLimits) -> "ProviderLimits | None":
    """None where nothing is limited, which is what a request pays for: one attribute that is None."""
    return None if configured == RateLimits() else ProviderLimits(configured)


@final
class ProviderLimits:
    """`now` is monotonic seconds; `tokens` is what a request may use at worst, input and output together.

    One object an endpoint. Made with `RateLimits()` for an endpoint whose limits are only known from a 429.
    """

    __slots__ = (
        "_active",
        "_deaf_until",
        "_forgets_at",
        "_heard_requests",
        "_heard_tokens",
        "_most_active",
        "_own_requests",
        "_own_tokens",
        "_request_meters",
        "_rests_until",
        "_token_meters",
    )

    def __init__(self, configured: RateLimits) -> None:
        self._active = 0
        self._rests_until = -inf
        self._deaf_until = -inf
        self._forgets_at = inf
        self._heard_requests: _Meter | None = None
        self._heard_tokens: _Meter | None = None
        self._own_requests: _Meter | None = None
        self._own_tokens: _Meter | None = None
        self.configure(configured, 0.0)

    def configure(self, configured: RateLimits, now: float) -> None:
        """Other limits from now on; what is used of a minute stays used."""
        self._most_active = inf if configured.max_concurrent is None else configured.max_concurrent
        self._own_requests = _renewed(self._own_requests, configured.requests_per_minute, now)
        self._own_tokens = _renewed(self._own_tokens, configured.tokens_per_minute, now)
        self._line_up()

    def admits(self, now: float, tokens: int) -> bool:
        """Whether a request may be sent now. What needs more than a whole minute's tokens waits for a full minute."""
        if now >= self._forgets_at:
            self._forget()
        if self._active >= self._most_active or now < self._rests_until:
            return False
        for meter in self._request_meters:
            if meter.full_at + meter.interval > now + meter.room:
                return False
        for meter in self._token_meters:
            if meter.full_at + min(tokens * meter.interval, meter.burst) > now + meter.room:
                return False
        return True

    def take(self, now: float, tokens: int) -> None:
        """A request is sent. Whether it may be was asked before."""
        self._active += 1
        for meter in self._request_meters:
            meter.full_at = max(meter.full_at, now) + meter.interval
        for meter in self._token_meters:
            meter.full_at = max(meter.full_at, now) + min(tokens * meter.interval, meter.burst)

    def give_back(self, now: float, taken: int, used: int) -> None:
        """A request has ended that took `taken` tokens and used `used`, which may be more: a debt of a minute at
        most, since no provider lets an account sink deeper."""
        self._active = max(0, self._active - 1)
        if taken != used:
            for meter in self._token_meters:
                owed = min(used * meter.interval, meter.burst) - min(taken * meter.interval, meter.burst)
                meter.full_at = min(meter.full_at + owed, now + 2 * meter.burst)

    def put_back(self, now: float, taken: int) -> None:
        """A request that was taken for was never sent: as if it had not been."""
        self.give_back(now, taken, 0)
        for meter in self._request_meters:
            meter.full_at -= meter.interval

    def free_in(self, now: float, tokens: int) -> float:
        """Seconds until a request could go if no other does: 0 is now, inf is when one that runs has ended."""
        if self._active >= self._most_active:
            return inf
        own = max(_wait(self._own_requests, now, 1), _wait(self._own_tokens, now, tokens))
        heard = max(_wait(self._heard_requests, now, 1), _wait(self._heard_tokens, now, tokens))
        return max(own, min(heard, self._forgets_at - now), self._rests_until - now, 0.0)

    def hear(self, headers: Mapping[str, str], now: float) -> None:
        """Any answer's headers (lower-case names). Read ten times a second at most, whatever the traffic."""
        if now >= self._deaf_until:
            self._deaf_until = now + HEAR_EVERY_SECONDS
            report = read_rates(headers)
            if report is not None:
                self.learn(report, now)

    def hear_refusal(self, headers: Mapping[str, str], now: float, retry_after_seconds: float | None = None) -> None:
        """The headers of a 429, always read. `retry_after_seconds` is a wait that stood in the body's words."""
        report = read_rates(headers)
        if report is not None:
            self.learn(report, now)
        if retry_after_seconds is not None:
            self._rest(retry_after_seconds, now)

    def learn(self, report: RateReport, now: float) -> None:
        self._rest(report.rest_seconds, now)
        if report.requests is not None:
            self._heard_requests = _corrected(self._own_requests, self._heard_requests, report.requests, now)
        if report.tokens is not None:
            self._heard_tokens = _corrected(self._own_tokens, self._heard_tokens, report.tokens, now)
        self._line_up()
        if self._heard_requests is not None or self._heard_tokens is not None:
            self._forgets_at = now + BELIEVED_SECONDS

    def forgive(self) -> None:
        """Forget what the provider said; what is configured stays, and what was used of it."""
        self._rests_until = -inf
        self._forget()

    def standing(self, now: float) -> LimitsStanding:
        if now >= self._forgets_at:
            self._forget()
        return LimitsStanding(
            requests_left=min((meter.left(now) for meter in self._request_meters), default=None),
            tokens_left=min((meter.left(now) for meter in self._token_meters), default=None),
            active=self._active,
            rests_seconds=max(0.0, self._rests_until - now),
        )

    def _rest(self, seconds: float, now: float) -> None:
        self._rests_until = max(self._rests_until, now + min(seconds, BELIEVED_SECONDS))

    def _forget(self) -> None:
        self._heard_requests = self._heard_tokens = None
        self._forgets_at = inf
        self._line_up()

    def _line_up(self) -> None:
        both = (self._own_requests, self._heard_requests), (self._own_tokens, self._heard_tokens)
        self._request_meters, self._token_meters = (tuple(it for it in pair if it is not None) for pair in both)


@final
class _Meter:
    """One limit. `room` is how far ahead `full_at` may lie: the burst in seconds, and a rounding error."""

    __slots__ = ("burst", "full_at", "interval", "limit", "room")

    def __init__(self, limit: int, period: float, now: float, used: float) -> None:
        self.limit = limit
        self.interval = period / limit
        self.burst = (limit - limit // RESERVE) * self.interval
        self.room = self.burst + TOLERANCE_SECONDS
        self.full_at = now + used * self.interval

    def used(self, now: float) -> float:
        return max(0.0, (self.full_at - now) / self.interval)

    def left(self, now: float) -> int:
        return max(0, int((self.burst + TOLERANCE_SECONDS) / self.interval - self.used(now)))


def _renewed(meter: _Meter | None, limit: int | None, now: float) -> _Meter | None:
    if limit is None:
        return None
    return _Meter(max(1, limit), MINUTE, now, 0.0 if meter is None else meter.used(now))


def _corrected(own: _Meter | None, heard: _Meter | None, quota: Quota, now: float) -> _Meter | None:
    """The provider's limit as it is after this report. What was used is the larger of its count and ours: it has not
    seen what is still on its way, and we have not seen what others sent with the same account."""
    if quota.limit is None:
        if own is not None and quota.remaining is not None and quota.remaining < own.limit:
            own.full_at = max(own.full_at, now + (own.limit - quota.remaining) * own.interval)
        return heard
    used = 0.0 if quota.remaining is None else float(quota.limit - quota.remaining)
    if heard is not None:
        used = max(used, min(heard.used(now), quota.limit))
    return _Meter(quota.limit, _period_of(quota), now, used)


def _period_of(quota: Quota) -> float:
    """Seconds in which the whole allowance comes back: a minute, unless the reset lies further ahead than a minute
    could explain (Groq's requests are a day's: 1 of 1,000 used is back in 86.4 s)."""
    if quota.limit is None or quota.remaining is None or quota.reset_seconds is None:
        return MINUTE
    used = quota.limit - quota.remaining
    if not used or quota.reset_seconds <= MINUTE:
        return MINUTE
    return min(quota.limit * quota.reset_seconds / used, DAY)


def _wait(meter: _Meter | None, now: float, amount: int) -> float:
    if meter is None:
        return 0.0
    return meter.full_at + min(amount * meter.interval, meter.burst) - meter.burst - now
