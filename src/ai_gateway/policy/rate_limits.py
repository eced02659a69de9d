"""What one level of the hierarchy may ask for in a minute and at a time.

The generic cell rate algorithm, as for providers' limits (policy/provider_limits.py): one instant a limit, `full_at`,
at which the whole allowance is there again. What is taken moves it into the future, what is given back moves it back,
and something is left while it lies less than a minute ahead. So a whole minute may be spent at once, it comes back
evenly, and no window begins at which everybody starts together. Unlike there nothing is kept in reserve: these numbers
are a promise to whoever is limited, and exact.

Tokens are taken at worst and settled by what was used, as money is. What needs more than a whole minute's waits for a
full one, or it could never be served.

Where several processes serve the same callers, each lets through an equal share, without a word between them: no two
can pass the limit together by more than the one request that everybody is left with. Callers are told of the whole
limit, and of what is left of it if the others are as busy.
"""

from math import inf
from typing import Final, final

import msgspec

from ai_gateway.domain.config import RateLimits

MINUTE: Final = 60.0
TOLERANCE_SECONDS: Final = 1e-6


class Allowance(msgspec.Struct, frozen=True):
    """One limit as callers are told of it: `reset_seconds` until all of it is there again."""

    limit: int
    remaining: int
    reset_seconds: float


@final
class LegRate:
    """`now` is monotonic seconds. `processes` share the limits."""

    __slots__ = ("_active", "_most_active", "_requests", "_tokens", "processes", "rates")

    def __init__(self, rates: RateLimits, processes: int = 1) -> None:
        self._active = 0
        self._requests: _Cells | None = None
        self._tokens: _Cells | None = None
        self._most_active: float = inf
        self.rates = rates
        self.processes = processes
        self.configure(rates, 0.0, processes)

    def configure(self, rates: RateLimits, now: float, processes: int = 1) -> None:
        """Other limits, or another share of them, from now on; what is used of a minute stays used."""
        self.rates = rates
        self.processes = processes
        most = _share_of(rates.max_concurrent, processes)
        self._most_active = inf if most is None else most
        self._requests = _renewed(self._requests, _share_of(rates.requests_per_minute, processes), now)
        self._tokens = _renewed(self._tokens, _share_of(rates.tokens_per_minute, processes), now)

    def wait(self, now: float, tokens: int) -> float:
        """Seconds until a request could go if no other does: 0 is now, inf is when one that runs has ended."""
        if self._active >= self._most_active:
            return inf
        requests = 0.0 if self._requests is None else self._requests.wait(now, 1)
        return max(requests, 0.0 if self._tokens is None else self._tokens.wait(now, tokens))

    def what_lacks(self, now: float, tokens: int) -> str:
        """In words, of a request that has to wait."""
        if self._active >= self._most_active:
            return f"{self.rates.max_concurrent} requests at a time"
        if self._requests is not None and self._requests.wait(now, 1) > 0:
            return f"{self.rates.requests_per_minute} requests a minute"
        return f"{self.rates.tokens_per_minute} tokens a minute"

    def take(self, now: float, tokens: int) -> None:
        """Whether it may was asked before."""
        self._active += 1
        if self._requests is not None:
            self._requests.take(now, 1)
        if self._tokens is not None:
            self._tokens.take(now, tokens)

    def give_back(self, now: float, taken: int, used: int) -> None:
        """A request has ended that took `taken` tokens and used `used`, which may be more."""
        self._active -= 1
        if self._tokens is not None:
            self._tokens.correct(now, taken, used)

    def put_back(self, now: float, taken: int) -> None:
        """It was never sent: as if it had not been."""
        self.give_back(now, taken, 0)
        if self._requests is not None:
            self._requests.full_at -= self._requests.interval

    def requests(self, now: float) -> Allowance | None:
        return self._told(self.rates.requests_per_minute, self._requests, now)

    def tokens(self, now: float) -> Allowance | None:
        return self._told(self.rates.tokens_per_minute, self._tokens, now)

    def _told(self, limit: int | None, cells: "_Cells | None", now: float) -> Allowance | None:
        if limit is None or cells is None:
            return None
        own = cells.allowance(now)
        return own if self.processes == 1 else _of_all(own, limit, self.processes)


@final
class _Cells:
    __slots__ = ("full_at", "interval", "limit")

    def __init__(self, limit: int, full_at: float) -> None:
        self.limit = limit
        self.interval = MINUTE / limit
        self.full_at = full_at

    def wait(self, now: float, amount: int) -> float:
        least = now + MINUTE - min(amount, self.limit) * self.interval
        short = self.full_at - least
        return short if short > TOLERANCE_SECONDS else 0.0

    def take(self, now: float, amount: int) -> None:
        self.full_at = max(self.full_at, now) + min(amount, self.limit) * self.interval

    def correct(self, now: float, taken: int, used: int) -> None:
        """A debt of a minute at most: nobody is shut out for an hour by one answer that was longer than it could be."""
        difference = (min(used, self.limit) - min(taken, self.limit)) * self.interval
        self.full_at = min(self.full_at + difference, now + 2 * MINUTE)

    def allowance(self, now: float) -> Allowance:
        ahead = max(0.0, self.full_at - now)
        remaining = int((MINUTE - ahead + TOLERANCE_SECONDS) / self.interval)
        return Allowance(self.limit, max(0, min(self.limit, remaining)), ahead)


def _share_of(limit: int | None, processes: int) -> int | None:
    return None if limit is None else max(1, limit // processes)


def _of_all(own: Allowance, limit: int, processes: int) -> Allowance:
    remaining = limit if own.remaining == own.limit else min(limit, own.remaining * processes)
    return Allowance(limit, remaining, own.reset_seconds)


def _renewed(before: _Cells | None, limit: int | None, now: float) -> _Cells | None:
    if limit is None:
        return None
    if before is None:
        return _Cells(limit, now)
    used = max(0.0, before.full_at - now) / before.interval
    return _Cells(limit, now + min(used, 2 * limit) * MINUTE / limit)
