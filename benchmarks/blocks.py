"""Blocks: seconds of load on one process, judged before they count.

Two things are compared by taking turns (A B, B A, A B ...), so that a machine that warms up, slows down or is shared
weighs on both. Where what is compared differs by a few percent they take turns within a block as well: a shared host
has fast and slow seconds, which differ by more than half. A block is void, and its whole round is taken again, when the
run lied (a wrong answer, tokens that client, provider and ledger do not agree on, a row that never came) or when the
machine was not ours: more than 1 % of the time taken away by the host, or more than 3 % of a core spent by others. The
rules stand before the run; what they voided is counted and reported.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Final, Literal, TypeVar, final

import msgspec

from benchmarks.cpu import Cpu, cpu_of, machine
from benchmarks.ours import INPUT_NANO, OUTPUT_NANO, Booked, Ours
from benchmarks.plan import Ask, Closed, Flood, Open, Plan, Result, Streams, Target
from benchmarks.processes import Load, Upstream
from benchmarks.upstream import Knobs, Ledger

SLICES: Final = 4
"""Turns within a block, each half as long as a block that has none: what is rarely used is cold when a turn begins, so
short ones would measure that."""
STEAL_SHARE: Final = 0.01
FOREIGN_SHARE: Final = 0.03
TENTH: Final = 0.1
CONNECTIONS: Final = 16
T = TypeVar("T")

Shape = Closed | Open | Streams | Flood
Drain = Literal["held", "counted"]


class Voided(Exception):
    """A block that does not count, and why."""


class Effort(msgspec.Struct, frozen=True):
    """How long and how often. A quick one shows that everything runs; its figures are no results."""

    rounds: int = 5
    seconds: float = 3.0
    drain_seconds: float = 20.0
    latency_seconds: float = 8.0  # below the ten in which a connection has to say something
    soak_seconds: float = 600.0
    streams: int = 5000
    keys: int = 100_000


QUICK: Final = Effort(2, 0.8, 3.0, 2.0, 20.0, 300, 5_000)


class Contestant(msgspec.Struct, frozen=True):
    """`ours` where the ledger can be read; `drain` says whether writing it to SQL falls into the block."""

    name: str
    pid: int
    target: Target
    ours: Ours | None = None
    drain: Drain = "held"
    priced: bool = False


class Cost(msgspec.Struct, frozen=True):
    """`units` are requests or frames; microseconds of CPU are for one of them. `soft_seconds` is what the whole machine
    spent in soft interrupts meanwhile."""

    units: int = 0
    cpu: Cpu = Cpu()
    soft_seconds: float = 0.0

    @property
    def cpu_us(self) -> float:
        return self.cpu.total / self.units * 1e6

    @property
    def soft_us(self) -> float:
        return self.soft_seconds / self.units * 1e6

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.units + other.units, self.cpu + other.cpu, self.soft_seconds + other.soft_seconds)


class Block(Cost, frozen=True, kw_only=True):
    result: Result


class Strain(msgspec.Struct, frozen=True):
    """What others did to the machine meanwhile: seconds of CPU that they used, that the host took, and all of them."""

    others: float = 0.0
    stolen: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: "Strain") -> "Strain":
        return Strain(self.others + other.others, self.stolen + other.stolen, self.seconds + other.seconds)


@final
class Bench:
    """What all parts share. `strict` False keeps blocks of a machine that others used; the report says so."""

    def __init__(self, stack: ExitStack, folder: Path, effort: Effort, *, strict: bool) -> None:
        self.stack = stack
        self.folder = folder
        self.effort = effort
        self.upstream = Upstream(stack)
        self.voided: list[str] = []
        self._strict = strict

    def say(self, text: str) -> None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")

    def interleave(self, turns: Mapping[str, Callable[[], T]]) -> list[dict[str, T]]:
        """Rounds in which each took its turn, every second one backwards. A void round is taken again, at most as
        often as there are rounds."""
        rounds: list[dict[str, T]] = []
        for attempt in range(2 * self.effort.rounds):
            if len(rounds) == self.effort.rounds:
                break
            names = list(turns) if attempt % 2 == 0 else list(reversed(turns))
            try:
                rounds.append({name: turns[name]() for name in names})
            except Voided as error:
                self.voided.append(str(error))
                self.say(f"    void: {error}")
        return rounds

    def warm(self, contestants: Sequence[Contestant], seconds: float = 1.0) -> None:
        """Load before the first block. Its figures are thrown away, its mistakes are not."""
        for who in contestants:
            try:
                self.closed(who, seconds=seconds)
            except Voided as error:
                self.say(f"    while warming up: {error}")

    def closed(self, who: Contestant, ask: Ask = Ask(), connections: int = CONNECTIONS, seconds: float = 0.0) -> Block:
        """CPU per request of a closed loop."""
        return self.measure(who, ask, Closed(connections, seconds or self.effort.seconds))

    def alternate(self, contestants: Sequence[Contestant]) -> list[dict[str, Cost]]:
        """`closed` for each, a slice at a time. What others did to the machine is judged over the whole block."""
        seconds = self.effort.seconds / 2

        def round_of_slices() -> dict[str, Cost]:
            costs = {who.name: Cost() for who in contestants}
            strains = {who.name: Strain() for who in contestants}
            for turn in range(SLICES):
                for who in contestants if turn % 2 == 0 else contestants[::-1]:
                    block, strain = self._measure(who, Ask(), Closed(CONNECTIONS, seconds))
                    costs[who.name] += block
                    strains[who.name] += strain
            for name, strain in strains.items():
                self.judge(strain)
                self.say(f"    {name}: {costs[name].units} requests, {costs[name].cpu_us:.1f} CPU-µs")
            return costs

        return [one["all"] for one in self.interleave({"all": round_of_slices})]

    def measure(self, who: Contestant, ask: Ask, shape: Shape, patience_seconds: float = 30.0) -> Block:
        """CPU over the whole load, per request. Raises Voided."""
        block, strain = self._measure(who, ask, shape, patience_seconds)
        self.judge(strain)
        self.say(f"    {who.name}: {block.units} requests, {block.cpu_us:.1f} CPU-µs")
        return block

    def _measure(self, who: Contestant, ask: Ask, shape: Shape, patience_seconds: float = 30.0) -> tuple[Block, Strain]:
        watch = Watch(self, who)
        with who.ours.ledger_held() if who.ours and who.drain == "held" else nullcontext():
            before = cpu_of(who.pid)
            result = Load(Plan(who.target, ask, shape, patience_seconds)).result()
            if who.ours and who.drain == "counted":
                who.ours.await_drain(watch.booked.rows + result.requests)
            cpu = cpu_of(who.pid) - before
            strain, soft = watch.strain()
        watch.check_answers(result, ask)
        return Block(result.requests, cpu, soft, result=result), strain

    def streamed(self, who: Contestant, count: int, pace_seconds: float, ramp_seconds: float, seconds: float) -> Block:
        """CPU per frame while all streams are open: the window lies between the last that opens and the first that
        ends. Raises Voided."""
        frames = int((ramp_seconds + seconds + 1.0) / pace_seconds) + 2
        ask = Ask(streamed=True, size=frames, pace_seconds=pace_seconds)
        self.upstream.turn_to(Knobs(frames=frames, pace_seconds=pace_seconds))
        watch = Watch(self, who)
        load = Load(Plan(who.target, ask, Streams(count, ramp_seconds)))
        begin = int((time.monotonic() + ramp_seconds + 0.3) / TENTH) + 1
        end = begin + int(seconds / TENTH)
        time.sleep(max(0.0, begin * TENTH - time.monotonic()))
        before = cpu_of(who.pid)
        time.sleep(max(0.0, end * TENTH - time.monotonic()))
        cpu = cpu_of(who.pid) - before
        result = load.result()
        strain, soft = watch.strain()
        self.judge(strain)
        watch.check_answers(result, ask)
        units = sum(result.frames_by_tenth.get(tenth, 0) for tenth in range(begin, end))
        self.say(f"    {who.name}: {units} frames, {cpu.total / units * 1e6:.1f} CPU-µs a frame")
        return Block(units, cpu, soft, result=result)

    def judge(self, strain: Strain) -> None:
        """Raises Voided."""
        if self._strict and strain.stolen > STEAL_SHARE * strain.seconds:
            raise Voided(f"the host took {strain.stolen / strain.seconds:.1%} of a core away")
        if self._strict and strain.others > FOREIGN_SHARE * strain.seconds:
            raise Voided(f"others used {strain.others / strain.seconds:.1%} of a core")


@final
class Watch:
    """What stood in every book before a block, to hold against what stands there after it."""

    def __init__(self, bench: Bench, who: Contestant) -> None:
        self._bench = bench
        self._who = who
        self.booked = who.ours.booked() if who.ours else Booked()
        self._served = bench.upstream.ledger()
        self._began = time.monotonic()
        self._machine = machine()
        self._own = self._own_cpu()

    def strain(self) -> tuple[Strain, float]:
        """And seconds of soft interrupts. Called after the load has ended, so that its CPU is known."""
        seconds = time.monotonic() - self._began
        now = machine()
        others = (now.busy - self._machine.busy) - (self._own_cpu() - self._own)
        soft = now.soft_interrupts - self._machine.soft_interrupts
        return Strain(others, now.stolen - self._machine.stolen, seconds), soft

    def check_answers(self, result: Result, ask: Ask) -> None:
        """Raises Voided."""
        name = self._who.name
        if result.complaints or result.right != result.requests or not result.requests:
            raise Voided(f"{name}: {result.right} of {result.requests} answers are right; {result.complaints}")
        served = self._bench.upstream.ledger()
        said = difference(served, self._served)
        if said != (result.requests, result.prompt_tokens, result.completion_tokens):
            raise Voided(f"{name}: the provider served {said}, the client got {result.requests} answers")
        if self._who.ours is None:
            return
        self._who.ours.await_drain(self.booked.rows + result.requests)
        booked = self._who.ours.booked() - self.booked
        cost = result.prompt_tokens * INPUT_NANO + result.completion_tokens * OUTPUT_NANO if self._who.priced else 0
        expected = Booked(result.requests, result.prompt_tokens, result.completion_tokens, cost)
        if booked != expected:
            raise Voided(f"{name}: the ledger has {booked}, not {expected}")

    def _own_cpu(self) -> float:
        times = os.times()
        own = times.user + times.system + times.children_user + times.children_system
        return own + sum(cpu_of(pid).total for pid in {self._bench.upstream.pid, self._who.pid})


def difference(now: Ledger, earlier: Ledger) -> tuple[int, int, int]:
    """Whole answers, prompt and completion tokens."""
    return (
        now.answers - earlier.answers,
        now.prompt_tokens - earlier.prompt_tokens,
        now.completion_tokens - earlier.completion_tokens,
    )


def per_unit(rounds: Sequence[Mapping[str, Cost]], name: str) -> list[float]:
    return [one[name].cpu_us for one in rounds]
