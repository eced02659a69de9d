"""Strategies against endpoints that misbehave, in virtual time: a discrete-event simulation, every run from a seed.

An endpoint is its time to the first token and the length of its streams, both with chance in them; beside the ordinary
ones there is one that is ten times as slow, one that flaps and one with a rate limit. Around the strategy stands the
least that a gateway has: a breaker of five failures, a pause after a 429, ramps on return, two more attempts elsewhere.

    python -m tests.simulation.balancing [SEED]

prints one table for each scenario, and then how exactly weights are kept and what an endpoint gets that is ten times as
slow as another, before and after it heals. `errors` are requests that nobody answered, `retries` are calls beyond one a
request, `spread` is the deviation of the calls among ordinary endpoints from their mean, `peak` the most that one of
them had in flight, `first token` the time from the caller's arrival.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from statistics import mean, pstdev
from typing import Final, final

import msgspec

from ai_gateway.domain.config import Strategy
from ai_gateway.policy.latency import Latency
from ai_gateway.policy.load_balancer import Picker, picker_for

ATTEMPTS: Final = 3
TRIPS_AFTER: Final = 5
OPEN_SECONDS: Final = 1.0
RAMP_SECONDS: Final = 5.0
REFUSED_SECONDS: Final = 0.005
COOLDOWN_SECONDS: Final = 1.0
CALLERS: Final = 5_000


class Member(msgspec.Struct, frozen=True):
    """One endpoint. It flaps by being up and down for `flaps_seconds` each; `per_second` is its rate limit."""

    first_token_ms: float = 200.0
    stream_ms: float = 600.0
    heals_at: float = inf
    healed_ms: float = 200.0
    flaps_seconds: float = 0.0
    per_second: float = inf
    weight: int = 1
    priority: int = 0

    @property
    def is_ordinary(self) -> bool:
        return self == msgspec.structs.replace(ORDINARY, weight=self.weight, priority=self.priority)

    def is_up(self, at: float) -> bool:
        return not self.flaps_seconds or int(at / self.flaps_seconds) % 2 == 0

    def first_token(self, at: float, rng: Random) -> float:
        """Seconds."""
        usual = self.first_token_ms if at < self.heals_at else self.healed_ms
        return usual / 1_000 * rng.lognormvariate(0, 0.25)


ORDINARY: Final = Member()
SLOW: Final = Member(first_token_ms=2_000.0)
FLAPPING: Final = Member(flaps_seconds=2.0)
LIMITED: Final = Member(per_second=2.0)


class Scenario(msgspec.Struct, frozen=True):
    name: str
    members: tuple[Member, ...]
    per_second: float
    seconds: float
    counted_from: float = 5.0
    """The time before is for finding out."""


def scenarios() -> Iterator[Scenario]:
    yield Scenario("3 ordinary", (ORDINARY,) * 3, 60, 30)
    for name, odd in (("slow", SLOW), ("flapping", FLAPPING), ("rate limited", LIMITED)):
        yield Scenario(f"3, one {name}", (ORDINARY, ORDINARY, odd), 60, 30)
    for members, per_second, seconds in ((10, 150, 20), (100, 300, 12), (1_000, 600, 10)):
        crowd = (ORDINARY,) * (members - 3)
        yield Scenario(f"{members:,}, one of each", (SLOW, FLAPPING, LIMITED, *crowd), per_second, seconds)


class Call(msgspec.Struct, frozen=True):
    """One attempt: where, when, and whether it was answered."""

    place: int
    at: float
    is_retry: bool


class Result(msgspec.Struct, frozen=True):
    scenario: Scenario
    calls: tuple[Call, ...]
    requests: int
    errors: int
    waits: tuple[float, ...]
    """Seconds to the first token, from the caller's arrival, in rising order."""
    peaks: tuple[int, ...]
    """The most in flight, by place."""

    def share(self, place: int, start: float, end: float) -> float:
        """Of all calls within these seconds."""
        within = [call.place for call in self.calls if start <= call.at < end]
        return within.count(place) / len(within)

    @property
    def retries(self) -> int:
        return sum(call.is_retry for call in self.calls)

    @property
    def p99(self) -> float:
        return self.waits[len(self.waits) * 99 // 100]

    @property
    def ordinary(self) -> list[int]:
        return [place for place, member in enumerate(self.scenario.members) if member.is_ordinary]

    @property
    def spread(self) -> float:
        """Coefficient of variation."""
        tally = [0] * len(self.scenario.members)
        for call in self.calls:
            tally[call.place] += 1
        loads = [tally[place] for place in self.ordinary]
        return pstdev(loads) / mean(loads)

    @property
    def peak(self) -> int:
        return max(self.peaks[place] for place in self.ordinary)


@final
class World:
    """All members at one moment of virtual time: the Field that the strategy sees, and the calls in it."""

    def __init__(self, members: Sequence[Member], rng: Random) -> None:
        self.now = 0.0
        self.tried: tuple[int, ...] = ()
        self.peaks = [0] * len(members)
        self._members = members
        self._rng = rng
        self._active = [0] * len(members)
        self._latency = [Latency() for _ in members]
        self._failures = [0] * len(members)
        self._out_until = [0.0] * len(members)
        self._ramps_from = [-inf] * len(members)
        self._tokens = [member.per_second for member in members]
        self._filled_at = [0.0] * len(members)
        self._uneasy_until = 0.0

    @property
    def is_calm(self) -> bool:
        return not self.tried and self.now >= self._uneasy_until

    def admits(self, place: int) -> bool:
        return self.now >= self._out_until[place] and place not in self.tried

    def ramp(self, place: int) -> float:
        return min(1.0, max(0.1, (self.now - self._ramps_from[place]) / RAMP_SECONDS))

    def active(self, place: int) -> int:
        return self._active[place]

    def first_token_ms(self, place: int) -> float | None:
        return self._latency[place].usual

    def peak_first_token_ms(self, place: int) -> float | None:
        return self._latency[place].peak

    def send(self, place: int) -> float | None:
        """Seconds to the first token; None: refused."""
        self._active[place] += 1
        self.peaks[place] = max(self.peaks[place], self._active[place])
        member = self._members[place]
        if not member.is_up(self.now) or not self._within_limit(place):
            return None
        return member.first_token(self.now, self._rng)

    def answer(self, place: int, first_token: float) -> None:
        self._failures[place] = 0
        self._latency[place].observe(first_token * 1_000, self.now)

    def end(self, place: int) -> None:
        self._active[place] -= 1

    def refuse(self, place: int) -> None:
        self._active[place] -= 1
        if self._members[place].per_second < inf:
            self._close(place, COOLDOWN_SECONDS, 0.0)
            return
        self._failures[place] += 1
        if self._failures[place] >= TRIPS_AFTER:
            self._failures[place] = 0
            self._close(place, OPEN_SECONDS, RAMP_SECONDS)

    def _close(self, place: int, seconds: float, ramp_seconds: float) -> None:
        self._out_until[place] = self.now + seconds
        if ramp_seconds:
            self._ramps_from[place] = self.now + seconds
        self._uneasy_until = max(self._uneasy_until, self.now + seconds + ramp_seconds)

    def _within_limit(self, place: int) -> bool:
        """A bucket that holds what a second brings."""
        rate = self._members[place].per_second
        if rate == inf:
            return True
        self._tokens[place] = min(rate, self._tokens[place] + rate * (self.now - self._filled_at[place]))
        self._filled_at[place] = self.now
        if self._tokens[place] < 1:
            return False
        self._tokens[place] -= 1
        return True


def simulate(scenario: Scenario, make: Callable[[Sequence[Member]], Picker], seed: int = 1) -> Result:
    """Callers arrive as a Poisson process; every caller has a name for the strategies that care."""
    rng = Random(seed)
    world = World(scenario.members, Random(seed + 1))
    picker = make(scenario.members)
    order = count()
    events: list[tuple[float, int, Callable[[], None]]] = []
    calls: list[Call] = []
    waits: list[float] = []
    requests = errors = 0

    def at(moment: float, happens: Callable[[], None]) -> None:
        heappush(events, (moment, next(order), happens))

    def attempt(arrived: float, affinity: bytes, tried: tuple[int, ...]) -> None:
        nonlocal errors
        counts = arrived >= scenario.counted_from
        world.tried = tried
        place = picker.pick(world, rng, affinity) if len(tried) < ATTEMPTS else None
        world.tried = ()
        if place is None:
            errors += counts
            return
        calls.append(Call(place, world.now, bool(tried)))
        first_token = world.send(place)
        if first_token is None:
            at(world.now + REFUSED_SECONDS, lambda: refused(place, arrived, affinity, tried))
            return
        if counts:
            waits.append(world.now + first_token - arrived)
        at(world.now + first_token, lambda: world.answer(place, first_token))
        stream = scenario.members[place].stream_ms / 1_000 * rng.uniform(0.5, 1.5)
        at(world.now + first_token + stream, lambda: world.end(place))

    def refused(place: int, arrived: float, affinity: bytes, tried: tuple[int, ...]) -> None:
        world.refuse(place)
        attempt(arrived, affinity, (*tried, place))

    def arrive() -> None:
        nonlocal requests
        requests += world.now >= scenario.counted_from
        attempt(world.now, b"%d" % rng.randrange(CALLERS), ())
        following = world.now + rng.expovariate(scenario.per_second)
        if following < scenario.seconds:
            at(following, arrive)

    at(0.0, arrive)
    while events:
        world.now, _, happens = heappop(events)
        happens()
    counted = tuple(call for call in calls if call.at >= scenario.counted_from)
    return Result(scenario, counted, requests, errors, tuple(sorted(waits)), tuple(world.peaks))


def strategy(chosen: Strategy) -> Callable[[Sequence[Member]], Picker]:
    return lambda members: picker_for(
        chosen, [member.weight for member in members], priorities=[member.priority for member in members]
    )


def sticky(members: Sequence[Member]) -> Picker:
    names = [f"member-{place}" for place in range(len(members))]
    return picker_for(Strategy.WEIGHTED_ROUND_ROBIN, [member.weight for member in members], sticky_names=names)


PICKERS: Final = {**{chosen.value: strategy(chosen) for chosen in Strategy}, "sticky": sticky}


def table(results: dict[str, Result]) -> str:
    """`results`: by the name of the strategy, of one scenario."""
    scenario = next(iter(results.values())).scenario
    odd = next((place for place, member in enumerate(scenario.members) if not member.is_ordinary), None)
    title = f"{scenario.name}: {scenario.per_second:.0f} requests a second for {scenario.seconds:.0f} s"
    lines = [title, f"{'':22}{'errors':>8}{'retries':>9}{'spread':>9}{'peak':>6}{'first token p50':>17}{'p99':>9}"]
    lines[1] += "" if odd is None else f"{'odd one':>10}"
    for name, it in results.items():
        middle = it.waits[len(it.waits) // 2]
        row = f"{name:22}{it.errors / it.requests:8.2%}{it.retries / it.requests:9.2%}{it.spread:9.1%}{it.peak:6}"
        row += f"{middle * 1_000:14.0f} ms{it.p99 * 1_000:6.0f} ms"
        if odd is not None:
            row += f"{it.share(odd, scenario.counted_from, scenario.seconds):10.2%}"
        lines.append(row)
    return "\n".join(lines)


WEIGHTS: Final = (50, 30, 20)
SPEEDS_MS: Final = (200.0, 400.0, 2_000.0)
HEALS_AT: Final = 40.0


class Shares(msgspec.Struct, frozen=True):
    """`furthest` is the most requests that any member was ever away from its share, `percent` each one's in the end."""

    requests: int
    furthest: float
    percent: tuple[float, ...]


def keep_weights(per_second: float = 300.0, seconds: float = 60.0, seed: int = 1) -> Shares:
    """After every single request of streams that overlap by the hundred."""
    members = tuple(msgspec.structs.replace(ORDINARY, weight=weight) for weight in WEIGHTS)
    done = simulate(Scenario("weights", members, per_second, seconds, 0.0), PICKERS["weighted_round_robin"], seed)
    tally, furthest = [0] * len(WEIGHTS), 0.0
    for number, call in enumerate(done.calls, 1):
        tally[call.place] += 1
        away = max(abs(had - number * weight / sum(WEIGHTS)) for had, weight in zip(tally, WEIGHTS, strict=True))
        furthest = max(furthest, away)
    return Shares(len(done.calls), furthest, tuple(100 * had / len(done.calls) for had in tally))


def slow_then_well(name: str, per_second: float = 100.0, stream_ms: float = 600.0, seed: int = 1) -> Result:
    """Once, twice and ten times 200 ms to the first token; at 40 s of 90 all are as fast as the first."""
    members = tuple(Member(first_token_ms=ms, stream_ms=stream_ms, heals_at=HEALS_AT) for ms in SPEEDS_MS)
    return simulate(Scenario("heals", members, per_second, 90, counted_from=0.0), PICKERS[name], seed)


def bars(seed: int) -> str:
    kept = keep_weights(seed=seed)
    asked, given = "/".join(map(str, WEIGHTS)), " / ".join(f"{it:.3f}" for it in kept.percent)
    lines = [
        f"weights {asked}: {given} % of {kept.requests:,}, never more than {kept.furthest:.2f} requests from the share",
        "",
        "1x, 2x and 10x as slow, healed at 40 s: the share of the slowest",
        f"{'':22}{'10 to 40 s':>12}{'70 to 90 s':>12}",
    ]
    for name in ("least_latency", "p2c"):
        it = slow_then_well(name, seed=seed)
        lines.append(f"{name:22}{it.share(2, 10, HEALS_AT):12.2%}{it.share(2, 70, 90):12.2%}")
    return "\n".join(lines)


def show(chosen: Iterable[Scenario], seed: int) -> None:
    print(f"seed {seed}")
    for scenario in chosen:
        results = {name: simulate(scenario, make, seed) for name, make in PICKERS.items()}
        print(f"\n{table(results)}")
    print(f"\n{bars(seed)}")


if __name__ == "__main__":
    show(scenarios(), int(sys.argv[1]) if len(sys.argv) > 1 else 1)
