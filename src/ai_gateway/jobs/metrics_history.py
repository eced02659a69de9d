"""What every endpoint did, minute by minute, and the roll-ups of that.

The line pays nothing for it: the board has counts and the last latencies anyway, and this loop looks at them every ten
seconds and keeps what is new. New latencies are those behind the last one that was seen, the very object; where more
came in ten seconds than the board remembers (512), the minute has a sample of them. A minute in which an endpoint did
nothing has no row.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Final, Protocol, final

import msgspec

from ai_gateway.domain.config import Endpoint
from ai_gateway.policy import histogram
from ai_gateway.policy.histogram import Counts
from ai_gateway.store.metrics_history import FINER, MINUTE, SECONDS, MetricsHistory
from ai_gateway.store.observations import MetricsRow
from ai_gateway.store.records import StoreUnavailable

LOOK_SECONDS: Final = 10.0
AT_A_TIME: Final = 32
"""Endpoints that are looked at in one turn of the loop: a thousand would hold up every request for ten milliseconds."""


class Numbers(Protocol):
    """What the board knows of one endpoint: counts since the process started, the last latencies in milliseconds."""

    @property
    def requests(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def active(self) -> int: ...
    @property
    def latencies(self) -> Sequence[float]: ...
    @property
    def ttfts(self) -> Sequence[float]: ...


class MinuteDoors(msgspec.Struct, frozen=True):
    """`endpoints` gives those that are configured now, `numbers` the board's of an endpoint id; `note` takes a row
    without waiting. `wall` gives Unix seconds; `writer` names this process among the replicas."""

    endpoints: Callable[[], Iterable[Endpoint]]
    numbers: Callable[[str], Numbers]
    note: Callable[[MetricsRow], None]
    wall: Callable[[], float]
    writer: str


@final
class _Minute:
    """One endpoint's minute as far as it has come."""

    def __init__(self) -> None:
        self.requests = 0
        self.errors = 0
        self.most_active = 0
        self.latencies: Counts = ()
        self.first_tokens: Counts = ()
        self._seen = (0, 0)
        self._last_latency: float | None = None
        self._last_first_token: float | None = None

    def look(self, numbers: Numbers) -> None:
        requests, errors = self._seen
        if numbers.requests < requests:  # the board forgot it and began anew
            requests = errors = 0
        self.requests += numbers.requests - requests
        self.errors += numbers.errors - errors
        self.most_active = max(self.most_active, numbers.active)
        self._seen = (numbers.requests, numbers.errors)
        self.latencies = _with_new(self.latencies, numbers.latencies, self._last_latency)
        self.first_tokens = _with_new(self.first_tokens, numbers.ttfts, self._last_first_token)
        self._last_latency = numbers.latencies[-1] if numbers.latencies else None
        self._last_first_token = numbers.ttfts[-1] if numbers.ttfts else None

    def begin_anew(self) -> None:
        self.requests = self.errors = self.most_active = 0
        self.latencies = self.first_tokens = ()


@final
class Minutes:
    def __init__(self, doors: MinuteDoors) -> None:
        self._doors = doors
        self._minutes: dict[str, _Minute] = {}
        self._started = _start_of(MINUTE, doors.wall())

    async def look(self) -> bool:
        """Take in what is new; where a minute has ended, note its rows. Whether one has."""
        now = _start_of(MINUTE, self._doors.wall())
        has_ended = now > self._started
        endpoints = {it.id: it for it in self._doors.endpoints()}
        for place, endpoint in enumerate(endpoints.values(), start=1):
            self._minutes.setdefault(endpoint.id, _Minute()).look(self._doors.numbers(endpoint.id))
            if has_ended:
                self._end(endpoint)
            if place % AT_A_TIME == 0:
                await asyncio.sleep(0)
        if has_ended:
            for gone in self._minutes.keys() - endpoints.keys():
                del self._minutes[gone]
            self._started = now
        return has_ended

    def _end(self, endpoint: Endpoint) -> None:
        minute = self._minutes[endpoint.id]
        if minute.requests or minute.latencies or minute.most_active:
            self._doors.note(
                MetricsRow(
                    span=MINUTE,
                    endpoint_id=endpoint.id,
                    starts_at=self._started,
                    writer=self._doors.writer,
                    tenant_id=endpoint.tenant_id,
                    endpoint=endpoint.name,
                    provider=endpoint.provider.value,
                    requests=minute.requests,
                    errors=minute.errors,
                    most_active=minute.most_active,
                    latencies=minute.latencies,
                    first_tokens=minute.first_tokens,
                )
            )
        minute.begin_anew()


async def roll_up(history: MetricsHistory, now: float) -> None:
    """Bring hours and days up to what has ended by now. The last one is done again, for what came late. Raises
    StoreUnavailable."""
    for span, finer in FINER.items():
        there = await history.reaches(finer)
        if there is None:
            continue
        done = await history.reaches(span)
        for starts_at in _spans(span, there[0] if done is None else done[1], now):
            await history.roll_up(span, starts_at)


async def keep_minutes(
    minutes: Minutes,
    history: MetricsHistory,
    wall: Callable[[], float],
    report: Callable[[Exception], None],
    every_seconds: float = LOOK_SECONDS,
) -> None:
    """Runs until it is cancelled. `report` hears of roll-ups that have to wait for the database."""
    while True:
        await asyncio.sleep(every_seconds)
        if await minutes.look():
            try:
                await roll_up(history, wall())
            except StoreUnavailable as error:
                report(error)


def _with_new(counts: Counts, samples: Sequence[float], last: float | None) -> Counts:
    """Floats are compared as objects: two answers that took equally long are two answers."""
    new = list(takewhile(lambda it: it is not last, reversed(samples)))
    return histogram.merge((counts, histogram.count(new))) if new else counts


def _start_of(span: str, at: float) -> float:
    return at // SECONDS[span] * SECONDS[span]


def _spans(span: str, first: float, now: float) -> Iterator[float]:
    """The beginnings of every span that has ended, from the one that `first` is in."""
    start = _start_of(span, first)
    while start + SECONDS[span] <= now:
        yield start
        start += SECONDS[span]
