"""Blocks: seconds of load on one process, judged before they count.

Two things are compared by taking turns (A B, B A, A B ...), so that a machine that warms up, slows down or is shared
weighs on both. A block is void, and its whole round is taken again, when the run lied (a wrong answer, tokens that
client, provider and ledger do not agree on, a row that never came) or when the machine was not ours: more than 1 % of
the time taken away by the host, or more than 3 % of a core spent by others. The rules stand before the run; what they
voided is counted and reported.
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

STEAL_SHARE: Final = 0.01
FOREIGN_SHARE: Final = 0.03
TENTH: Final = 0.1
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


class Block(msgspec.Struct, frozen=True):
    """`units` are requests or frames; microseconds of CPU are for one of them. `soft_seconds` is what the whole machine
    spent in soft interrupts meanwhile."""

    name: str
    units: int
    cpu: Cpu
    result: Result
    soft_seconds: float

    @property
    def cpu_us(self) -> float:
        return self.cpu.total / self.units * 1e6

    @property
    def soft_us(self) -> float:
        return self.soft_seconds / self.units * 1e6


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

    def closed(self, who: Contestant, ask: Ask = Ask(), connections: int = 16, seconds: float = 0.0) -> Block:
        """CPU per request of a closed loop."""
        return self.measure(who, ask, Closed(connections, seconds or self.effort.seconds))

    def measure(self, who: Contestant, ask: Ask, shape: Shape, patience_seconds: float = 30.0) -> Block:
        """CPU over the whole load, per request. Raises Voided."""
        watch = Watch(self, who)
        with who.ours.ledger_held() if who.ours and who.drain == "held" else nullcontext():
            before = cpu_of(who.pid)
            result = Load(Plan(who.target, ask, shape, patience_seconds)).result()
            if who.ours and who.drain == "counted":
                who.ours.await_drain(watch.booked.rows + result.requests)
            cpu = cpu_of(who.pid) - before
            soft = watch.check_machine()
        watch.check_answers(result, ask)
        self.say(f"    {who.name}: {result.requests} requests, {cpu.total / result.requests * 1e6:.1f} CPU-µs")
        return Block(who.name, result.requests, cpu, result, soft)

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
        soft = watch.check_machine()
        watch.check_answers(result, ask)
        units = sum(result.frames_by_tenth.get(tenth, 0) for tenth in range(begin, end))
        self.say(f"    {who.name}: {units} frames, {cpu.total / units * 1e6:.1f} CPU-µs a frame")
        return Block(who.name, units, cpu, result, soft)

    def check_machine(self, others: float, stolen: float, seconds: float) -> None:
        if self._strict and stolen > STEAL_SHARE * seconds:
            raise Voided(f"the host took {stolen / seconds:.1%} of a core away")
        if self._strict and others > FOREIGN_SHARE * seconds:
            raise Voided(f"others used {others / seconds:.1%} of a core")


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

    def check_machine(self) -> float:
        """Seconds of soft interrupts. Raises Voided where others were at work. Called after the load has ended, so
        that its CPU is known."""
        seconds = time.monotonic() - self._began
        now = machine()
        others = (now.busy - self._machine.busy) - (self._own_cpu() - self._own)
        self._bench.check_machine(others, now.stolen - self._machine.stolen, seconds)
        return now.soft_interrupts - self._machine.soft_interrupts

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


def per_unit(rounds: Sequence[Mapping[str, Block]], name: str) -> list[float]:
    return [one[name].cpu_us for one in rounds]
