"""What is known about every endpoint right now: counts and the last latencies. Written on the line in O(1), read by
the admin API; percentiles are worked out when somebody looks, over the last 512 answers.

How long an answer took is noted and taken in later, some together or when somebody looks, and so is that it came. Of a
thousand endpoints each is touched so seldom that all that is its own has left the cache meanwhile, and a list is less
to fetch than averages and counters.
"""

from collections import deque
from typing import Final, final

import msgspec

from ai_gateway.policy.latency import Latency

WINDOW: Final = 512
MOST_FRESH: Final = 32
"""Numbers, two of each answer. Whoever notes as many has to say so."""


@final
class Standing:
    """One endpoint's numbers since the process started, in milliseconds. The averages are over time, as
    `policy/latency.py` argues. `fresh` has the milliseconds and the instant (monotonic seconds) of whole answers that
    are not taken in yet, and stays the same list."""

    __slots__ = ("_ended", "_latencies", "_latency", "active", "errors", "fresh", "ttft", "ttfts")

    def __init__(self) -> None:
        self.active = 0
        self.errors = 0
        self.ttft = Latency()
        self.ttfts: deque[float] = deque(maxlen=WINDOW)
        self._latency = Latency()
        self._latencies: deque[float] = deque(maxlen=WINDOW)
        self.fresh: list[float] = []
        self._ended = 0  # and taken in

    @property
    def requests(self) -> int:
        """All that were sent and not withdrawn."""
        return self._ended + len(self.fresh) // 2 + self.active

    @property
    def latency(self) -> Latency:
        self.take_in()
        return self._latency

    @property
    def latencies(self) -> deque[float]:
        self.take_in()
        return self._latencies

    def start(self) -> None:
        self.active += 1

    def withdraw(self) -> None:
        """What was started was never sent."""
        self.active -= 1

    def succeed(self, total_ms: float, ttft_ms: float | None, now: float) -> None:
        """`now`: monotonic seconds."""
        self.succeed_whole(total_ms, now)
        if ttft_ms is not None:
            self.ttfts.append(ttft_ms)
            self.ttft.observe(ttft_ms, now)

    def succeed_whole(self, total_ms: float, now: float) -> None:
        self.active -= 1
        fresh = self.fresh
        fresh += (total_ms, now)
        if len(fresh) >= MOST_FRESH:
            self.take_in()

    def fail(self) -> None:
        self.active -= 1
        self._ended += 1
        self.errors += 1

    def leave(self) -> None:
        """It ended through nobody's fault but the caller's (a client error, a client that left)."""
        self.active -= 1
        self._ended += 1

    def take_in(self) -> None:
        fresh = self.fresh
        if fresh:
            self._ended += len(fresh) // 2
            self._latency.observe_all(fresh)
            self._latencies.extend(fresh[::2])
            fresh.clear()


class Spread(msgspec.Struct, frozen=True):
    ewma: float | None
    p50: float | None
    p95: float | None
    p99: float | None


def spread(ewma: float | None, samples: deque[float]) -> Spread:
    ordered = sorted(samples)
    if not ordered:
        return Spread(ewma=None, p50=None, p95=None, p99=None)
    at = [ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in (50, 95, 99)]
    return Spread(ewma=ewma, p50=at[0], p95=at[1], p99=at[2])


@final
class Board:
    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}

    def of(self, endpoint_id: str) -> Standing:
        standing = self._standings.get(endpoint_id)
        if standing is None:
            standing = self._standings[endpoint_id] = Standing()
        return standing

    def keep_only(self, endpoint_ids: set[str]) -> None:
        """Forget endpoints that are no longer configured, except those that still carry requests."""
        for gone in [name for name, it in self._standings.items() if name not in endpoint_ids and not it.active]:
            del self._standings[gone]
