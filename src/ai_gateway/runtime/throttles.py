"""The rate limits of every endpoint of this process: one object for an endpoint, whichever pools it is in.

Most endpoints have none, neither configured nor heard of, and a request to them asks one attribute. The first 429
makes limits for an endpoint that had none, because from then on its provider's headers are worth reading; whoever
picks among its members hears of it once, so that nobody has to look every time.
"""

from collections.abc import Callable, Mapping
from typing import final
from weakref import WeakSet

from ai_gateway.domain.config import Endpoint, RateLimits
from ai_gateway.policy.provider_limits import ProviderLimits, limits_of


@final
class Throttle:
    """One endpoint's limits; `limits` None where nothing limits it. Times are monotonic seconds."""

    __slots__ = ("_configured", "_listeners", "limits")

    def __init__(self, configured: RateLimits) -> None:
        self._configured = configured
        self._listeners = WeakSet[Listening]()
        self.limits: ProviderLimits | None = limits_of(configured)

    def configure(self, configured: RateLimits, now: float) -> None:
        if configured == self._configured:
            return
        self._configured = configured
        if self.limits is not None:
            self.limits.configure(configured, now)
        else:
            self._limit(limits_of(configured))

    def refused(self, headers: Mapping[str, str], now: float, retry_after_seconds: float | None) -> None:
        """A 429 of the provider, with its headers (lower-case names)."""
        if self.limits is None:
            self._limit(ProviderLimits(self._configured))
        if self.limits is not None:
            self.limits.hear_refusal(headers, now, retry_after_seconds)

    def watch(self, listening: "Listening") -> None:
        self._listeners.add(listening)

    def _limit(self, limits: ProviderLimits | None) -> None:
        self.limits = limits
        if limits is not None:
            for listening in self._listeners:
                listening.notify()


@final
class Listening:
    """Somebody who wants to hear that an endpoint has limits now. Kept alive by whoever made it."""

    __slots__ = ("__weakref__", "notify")

    def __init__(self, notify: Callable[[], None]) -> None:
        self.notify = notify


@final
class Throttles:
    def __init__(self) -> None:
        self._throttles: dict[str, Throttle] = {}

    def of(self, endpoint: Endpoint, now: float) -> Throttle:
        """For plans, not for each request. An endpoint that was configured anew keeps what is used of its minute."""
        throttle = self._throttles.get(endpoint.id)
        if throttle is None:
            throttle = self._throttles[endpoint.id] = Throttle(endpoint.rate_limits)
        else:
            throttle.configure(endpoint.rate_limits, now)
        return throttle

    def forgive(self, endpoint_id: str) -> None:
        """An operator's word: whatever the provider of this endpoint said of its limits no longer counts."""
        throttle = self._throttles.get(endpoint_id)
        if throttle is not None and throttle.limits is not None:
            throttle.limits.forgive()

    def keep_only(self, endpoint_ids: set[str]) -> set[str]:
        """Forget endpoints that are no longer configured; which these are. Requests that are under way keep theirs."""
        gone = self._throttles.keys() - endpoint_ids
        for endpoint_id in gone:
            del self._throttles[endpoint_id]
        return gone
