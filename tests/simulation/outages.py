"""Outages in virtual time: breakers, cooldowns, retry budget and attempts together, every run from a seed.

Requests arrive at a steady rate at a course of tiers; each drives its own `pursue` against the gates, as the line does.
An upstream answers, fails at once, or hangs until the attempt's first-token timeout, by the hour of the simulation.

    PYTHONPATH=src:tests .venv/bin/python -m simulation.outages [SEED]

prints for each scenario the share of requests that failed, calls a request, the most probes in flight at once at one
endpoint and the longest wait for a first token. Where everything fails for a minute and then heals: the calls of that
minute beside what is allowed (1.2 a request and 10 a second), and the share that was served in the ten seconds after.
"""

import sys
from collections.abc import Callable, Collection, Sequence
from enum import Enum, auto
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Final, final

import msgspec

from ai_gateway.domain.config import BreakerSettings, Retries
from ai_gateway.domain.faults import CircuitOpen, Fault, ProviderFailed, ProviderTooSlow
from ai_gateway.policy.attempts import Attempts, Limits, Try, Wait, pursue
from ai_gateway.policy.circuit_breaker import State
from ai_gateway.policy.cooldowns import gentlest
from ai_gateway.policy.retry_budget import RetryBudget
from ai_gateway.runtime.gates import Account, Gate
from support.builders import an_endpoint

REFUSED_SECONDS: Final = 0.005
STREAM_SECONDS: Final = 0.4
TIMEOUT_SECONDS: Final = 3.0
DEADLINE_SECONDS: Final = 60.0


class Mood(Enum):
    UP = auto()
    FAILING = auto()
    HANGING = auto()


Weather = Callable[[float], Mood]
"""What an upstream does with a call that is sent at this second."""


def steady(mood: Mood) -> Weather:
    return lambda at: mood


def flapping(bad: Mood, seconds: float = 2.0) -> Weather:
    """Up first, then bad, each for `seconds`."""
    return lambda at: Mood.UP if int(at / seconds) % 2 == 0 else bad


def healing(bad: Mood, at_second: float) -> Weather:
    return lambda at: bad if at < at_second else Mood.UP


class Scenario(msgspec.Struct, frozen=True):
    """`tiers` are the weathers of each tier's endpoints. `heals_at`: until this second nobody could be served."""

    name: str
    tiers: tuple[tuple[Weather, ...], ...]
    rate: float = 300.0
    seconds: float = 60.0
    first_token_seconds: float = 0.05
    heals_at: float | None = None


class Ended(msgspec.Struct, frozen=True):
    """One request; `first_token_seconds` from the caller's arrival."""

    arrived: float
    calls: int
    first_token_seconds: float
    fault: Fault | None


@final
class Upstream:
    def __init__(self, weather: Weather, rng: Random) -> None:
        account = Account(an_endpoint(), "fp", rng, lambda gate, transition: None)
        self.gate = Gate("key", BreakerSettings(), account, 0.0)
        self.weather = weather
        self.calls = 0
        self.probes = 0
        self.most_probes = 0


@final
class Simulation:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.now = 0.0
        self.rng = Random(seed)
        self.budget = RetryBudget(0.0)
        self.tiers = [[Upstream(weather, self.rng) for weather in tier] for tier in scenario.tiers]
        self.ended: list[Ended] = []
        self._limits = Limits(tiers=len(self.tiers), retries=Retries())
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def run(self) -> "Simulation":
        for number in range(int(self.scenario.rate * self.scenario.seconds)):
            self.later(number / self.scenario.rate, self._arrive)
        while self._events:
            self.now, _, event = heappop(self._events)
            event()
        return self

    def later(self, at: float, event: Callable[[], None]) -> None:
        heappush(self._events, (at, next(self._order), event))

    def pursue(self) -> Attempts:
        return pursue(_Town(self), self._limits, self.now + DEADLINE_SECONDS, self.rng)

    @property
    def calls(self) -> int:
        return sum(it.calls for tier in self.tiers for it in tier)

    def calls_until(self, second: float) -> int:
        """Of the requests that had arrived by then."""
        return sum(it.calls for it in self.ended if it.arrived < second)

    def allowed_until(self, second: float) -> float:
        return 1.2 * self.scenario.rate * second + 10 * second

    @property
    def most_probes(self) -> int:
        return max(it.most_probes for tier in self.tiers for it in tier)

    def failed(self, since: float = 0.0, until: float = 1e9) -> float:
        """The share of the requests that arrived between these seconds."""
        arrived = [it for it in self.ended if since <= it.arrived < until]
        return sum(it.fault is not None for it in arrived) / len(arrived)

    def _arrive(self) -> None:
        self.budget.deposit(self.now)
        _Request(self).step(None)


@final
class _Request:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._arrived = simulation.now
        self._tries = simulation.pursue()
        self._calls = 0
        self._begun = False

    def step(self, fault: Fault | None) -> None:
        simulation = self._simulation
        try:
            asked = self._tries.send(fault) if self._begun else next(self._tries)
        except StopIteration as end:
            waited = simulation.now - self._arrived
            simulation.ended.append(Ended(self._arrived, self._calls, waited, end.value))
            return
        self._begun = True
        if isinstance(asked, Wait):
            simulation.later(simulation.now + asked.seconds, lambda: self.step(None))
        elif isinstance(asked, Try):
            self._send(simulation.tiers[asked.tier][asked.place])

    def _send(self, upstream: Upstream) -> None:
        """The caller is served at the first token; what the stream does after it is the breaker's business."""
        simulation, gate = self._simulation, upstream.gate
        upstream.calls += 1
        self._calls += 1
        before = gate.breaker.probing
        ticket = gate.send(simulation.now)
        is_probe = gate.breaker.state is State.HALF_OPEN and gate.breaker.probing and not before
        upstream.probes += is_probe
        upstream.most_probes = max(upstream.most_probes, upstream.probes)
        mood = upstream.weather(simulation.now)
        if mood is Mood.UP:
            waits = simulation.scenario.first_token_seconds * simulation.rng.lognormvariate(0, 0.25)

            def finished() -> None:
                upstream.probes -= is_probe
                gate.succeed(answered, simulation.now)

            def first_token() -> None:
                nonlocal answered
                answered = gate.answered(ticket, simulation.now, waits)
                simulation.later(simulation.now + STREAM_SECONDS, finished)
                self.step(None)

            answered = ticket
            simulation.later(simulation.now + waits, first_token)
            return

        fault = ProviderFailed() if mood is Mood.FAILING else ProviderTooSlow()

        def failed() -> None:
            upstream.probes -= is_probe
            gate.fail(ticket, fault, simulation.now)
            self.step(fault)

        waits = REFUSED_SECONDS if mood is Mood.FAILING else TIMEOUT_SECONDS
        simulation.later(simulation.now + waits, failed)


@final
class _Town:
    """What `pursue` may ask, answered by the gates. Members are picked by chance, weighted by their ramps."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    def pick(self, tier: int, tried: Collection[int]) -> int | None:
        return self._pick(tier, lambda gate, now: gate.admits(now), tried)

    def pick_crowded(self, tier: int) -> int | None:
        return self._pick(tier, lambda gate, now: gate.admits_crowded(now))

    def pick_in_panic(self, tier: int) -> int | None:
        return self._pick(tier, lambda gate, now: gate.admits_in_panic(now))

    def takes_longer(self, place: Try, than: Try) -> bool:
        return False

    def may_retry(self) -> bool:
        return self._simulation.budget.withdraw(self._simulation.now)

    def has_line(self) -> bool:
        return False

    def refusal(self) -> Fault:
        now = self._simulation.now
        return gentlest(it.gate.refusal(now) for tier in self._simulation.tiers for it in tier) or CircuitOpen()

    def now(self) -> float:
        return self._simulation.now

    def _pick(self, tier: int, admits: Callable[[Gate, float], bool], tried: Collection[int] = ()) -> int | None:
        now, members = self._simulation.now, self._simulation.tiers[tier]
        places = [it for it, member in enumerate(members) if it not in tried and admits(member.gate, now)]
        if not places:
            return None
        shares = [members[it].gate.ramp(now) for it in places]
        return self._simulation.rng.choices(places, shares)[0]


SCENARIOS: Final = (
    Scenario("2 s up, 2 s failing, a fallback", ((flapping(Mood.FAILING),), (steady(Mood.UP),))),
    Scenario("2 s up, 2 s hanging, a fallback", ((flapping(Mood.HANGING),), (steady(Mood.UP),))),
    Scenario("one of three fails", ((steady(Mood.FAILING), steady(Mood.UP), steady(Mood.UP)),)),
    Scenario("one of three hangs", ((steady(Mood.HANGING), steady(Mood.UP), steady(Mood.UP)),)),
    Scenario(
        "all fail, healed after 60 s",
        ((healing(Mood.FAILING, 60.0), healing(Mood.FAILING, 60.0)), (healing(Mood.FAILING, 60.0),)),
        seconds=75.0,
        heals_at=60.0,
    ),
    Scenario(
        "all fail, only the fallback heals after 60 s",
        ((steady(Mood.FAILING),), (healing(Mood.FAILING, 60.0),)),
        seconds=75.0,
        heals_at=60.0,
    ),
    Scenario("one alone fails, healed after 60 s", ((healing(Mood.FAILING, 60.0),),), seconds=75.0, heals_at=60.0),
    Scenario("all hang, healed after 60 s", ((healing(Mood.HANGING, 60.0),) * 2,), seconds=75.0, heals_at=60.0),
)


def scenario(name: str) -> Scenario:
    return next(it for it in SCENARIOS if it.name == name)


def main(seed: int, scenarios: Sequence[Scenario] = SCENARIOS) -> None:
    head = f"{'scenario':<46}{'failed':>9}{'calls/request':>15}{'probes':>8}{'longest wait':>14}"
    sys.stdout.write(f"seed {seed}\n{head}{'calls until healed, allowed':>29}{'served after':>14}\n")
    for it in scenarios:
        done = Simulation(it, seed).run()
        longest = max(ended.first_token_seconds for ended in done.ended)
        ratio = done.calls / len(done.ended)
        row = f"{it.name:<46}{done.failed():>9.2%}{ratio:>15.3f}{done.most_probes:>8}{longest:>12.2f} s"
        if it.heals_at is not None:
            served = 1.0 - done.failed(it.heals_at, it.heals_at + 10.0)
            row += f"{done.calls_until(it.heals_at):>19,}{done.allowed_until(it.heals_at):>10,.0f}{served:>14.2%}"
        sys.stdout.write(f"{row}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
