"""How many retries a tenant's requests on one route may cost together: a fifth of the requests, and ten a second.

Each request has its own limit of attempts, and when everything fails every request uses it up: traffic is multiplied at
the moment when a provider can bear it least. So retries draw on an account that requests pay into. Deposits expire,
because a calm hour must not pay for a storm; and a few retries a second are free, because at one request a minute a
fifth of the traffic is never a whole retry.

Finagle's RetryBudget (percentCanRetry 0.2, minRetriesPerSec 10, ttl 10 s):
https://twitter.github.io/finagle/guide/Clients.html#retries. Two differences make the sum exact, never more than
`requests / 5 + 10 x seconds`: deposits and the retries that they paid expire together, and the free ones are counted
over any second, not saved up.
"""

from collections import deque
from typing import Final, final

REQUESTS_A_RETRY: Final = 5
FREE_A_SECOND: Final = 10
KEPT_SECONDS: Final = 10


@final
class RetryBudget:
    """One account. Times are monotonic seconds."""

    __slots__ = ("_free", "_place", "_requests", "_retries", "_second_ends")

    def __init__(self, now: float) -> None:
        self._requests = [0] * KEPT_SECONDS
        self._retries = [0] * KEPT_SECONDS
        self._place = 0
        self._second_ends = now + 1.0
        self._free = deque[float](maxlen=FREE_A_SECOND)

    def deposit(self, now: float) -> None:
        """A request begins."""
        if now >= self._second_ends:
            self._roll(now)
        self._requests[self._place] += 1

    def withdraw(self, now: float) -> bool:
        """Whether one more retry may be made; it is paid when the answer is yes."""
        if now >= self._second_ends:
            self._roll(now)
        if (sum(self._retries) + 1) * REQUESTS_A_RETRY <= sum(self._requests):
            self._retries[self._place] += 1
            return True
        if len(self._free) == FREE_A_SECOND and now - self._free[0] < 1.0:
            return False
        self._free.append(now)
        return True

    def _roll(self, now: float) -> None:
        seconds = int(now - self._second_ends) + 1
        for _ in range(min(seconds, KEPT_SECONDS)):
            self._place = (self._place + 1) % KEPT_SECONDS
            self._requests[self._place] = self._retries[self._place] = 0
        self._second_ends += seconds
