"""One loud tenant and nine quiet ones in front of a place that is too small for all of them, in virtual time.

A discrete-event simulation with Poisson arrivals, every run from a seed: the queue of the house beside a plain line
(first come, first served, as long) under the same requests, so that what the order is worth can be read off.

    PYTHONPATH=src:tests .venv/bin/python -m simulation.queueing [SEED]

`share` is what a tenant was served of what is its own: the smaller of what it asked for and an equal part of what the
others leave (max-min fairness). `jain` is Jain's index of these shares, 1 where all are alike and 0.1 where one of ten
has everything (Jain, Chiu and Hawe 1984). `waited` is in seconds.
"""

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, Protocol, final

import msgspec

from ai_gateway.policy.fair_queue import FairQueue, Joined

QUIET: Final = 9
LOUD: Final = 20


class Scene(msgspec.Struct, frozen=True):
    """`quiet_per_second` is what a quiet tenant asks for; the loud one asks for twenty times as much."""

    name: str
    quiet_per_second: float
    places_per_second: float
    seconds: float = 300.0
    timeout_seconds: float = 30.0
    max_waiting: int = 100

    def rates(self) -> list[float]:
        return [self.quiet_per_second * LOUD] + [self.quiet_per_second] * QUIET


class Result(msgspec.Struct, frozen=True):
    """One run; lists have the loud tenant first."""

    asked: tuple[int, ...]
    served: tuple[int, ...]
    shares: tuple[float, ...]
    quiet_p99_seconds: float
    turned_away: int
    expired_served: int

    @property
    def jain(self) -> float:
        return jain(self.shares)


SCENES: Final = (
    Scene("quiet ones ask for less than their part", quiet_per_second=1.0, places_per_second=20.0),
    Scene("everybody asks for more than there is", quiet_per_second=4.0, places_per_second=20.0),
    Scene("a short line", quiet_per_second=1.0, places_per_second=20.0, max_waiting=12),
    Scene("slow places and short deadlines", quiet_per_second=0.2, places_per_second=3.0, timeout_seconds=5.0),
)


class Line(Protocol):
    def come(self, tenant: int, now: float, deadline: float) -> None: ...
    def serve(self, now: float) -> tuple[int, float, float] | None:
        """Tenant, arrival and deadline of whoever is served."""
        ...


@final
class Fair:
    def __init__(self, most: int) -> None:
        self._queue = FairQueue(most)
        self.turned_away = 0

    def come(self, tenant: int, now: float, deadline: float) -> None:
        joined = self._queue.join(str(tenant), now, deadline)
        if not isinstance(joined, Joined) or joined.displaced is not None:
            self.turned_away += 1

    def serve(self, now: float) -> tuple[int, float, float] | None:
        self.turned_away += len(self._queue.expire(now))
        ticket = self._queue.next(now)
        return None if ticket is None else (int(ticket.tenant), ticket.arrived, ticket.deadline)


@final
class Plain:
    def __init__(self, most: int) -> None:
        self._most = most
        self._line: deque[tuple[int, float, float]] = deque()
        self.turned_away = 0

    def come(self, tenant: int, now: float, deadline: float) -> None:
        if len(self._line) >= self._most:
            self.turned_away += 1
        else:
            self._line.append((tenant, now, deadline))

    def serve(self, now: float) -> tuple[int, float, float] | None:
        while self._line and self._line[0][2] <= now:
            self._line.popleft()
            self.turned_away += 1
        return self._line.popleft() if self._line else None


def simulate(scene: Scene, line: Fair | Plain, rng: Random) -> Result:
    rates = scene.rates()
    asked, served = [0] * len(rates), [0] * len(rates)
    waits: list[float] = []
    expired_served = 0
    every = 1 / scene.places_per_second
    next_place = every
    for at, tenant in arrivals(rates, scene.seconds, rng):
        while next_place <= at:
            found = line.serve(next_place)
            if found is not None:
                who, came, deadline = found
                served[who] += 1
                expired_served += deadline <= next_place
                if who:
                    waits.append(next_place - came)
            next_place += every
        asked[tenant] += 1
        line.come(tenant, at, at + scene.timeout_seconds)
    entitled = max_min(asked, scene.places_per_second * scene.seconds)
    waits.sort()
    return Result(
        asked=tuple(asked),
        served=tuple(served),
        shares=tuple(got / own for got, own in zip(served, entitled, strict=True)),
        quiet_p99_seconds=waits[len(waits) * 99 // 100] if waits else 0.0,
        turned_away=line.turned_away,
        expired_served=expired_served,
    )


def arrivals(rates: Sequence[float], seconds: float, rng: Random) -> Iterator[tuple[float, int]]:
    total, at = sum(rates), 0.0
    tenants = range(len(rates))
    while (at := at + rng.expovariate(total)) < seconds:
        yield at, rng.choices(tenants, rates)[0]


def max_min(asked: Sequence[int], places: float) -> list[float]:
    """Fill all glasses alike until each is full or nothing is left."""
    own = [0.0] * len(asked)
    left, open_ones = places, sorted(range(len(asked)), key=lambda it: asked[it])
    for done, tenant in enumerate(open_ones):
        own[tenant] = min(float(asked[tenant]), left / (len(open_ones) - done))
        left -= own[tenant]
    return own


def jain(values: Sequence[float]) -> float:
    squares = sum(it * it for it in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def main(seed: int) -> None:
    sys.stdout.write(f"one tenant at {LOUD}x, {QUIET} quiet ones, seed {seed}\n")
    for scene in SCENES:
        sys.stdout.write(f"\n{scene.name}: {scene.places_per_second:g} places/s, {scene.max_waiting} may wait\n")
        sys.stdout.write(
            "  line     jain  loud share  least quiet share  quiet p99 waited  turned away  expired served\n"
        )
        for name, line in (("fair", Fair(scene.max_waiting)), ("plain", Plain(scene.max_waiting))):
            it = simulate(scene, line, Random(seed))
            sys.stdout.write(
                f"  {name:<6} {it.jain:6.3f}  {it.shares[0]:10.3f}  {min(it.shares[1:]):17.3f}"
                f"  {it.quiet_p99_seconds:16.2f}  {it.turned_away:11d}  {it.expired_served:14d}\n"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
