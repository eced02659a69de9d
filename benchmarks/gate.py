"""Holds the working tree against a recorded base: a regression of 5 % fails. `python -m benchmarks.gate [--record]`.

Both gateways run in the same minutes on the same core and take turns, so the machine's mood falls on both and what is
judged is the median of their ratios. Absolute figures of another day would not do: they differ by more than 5 % on a
machine that nothing was changed on. The base is the commit in base.json, unpacked beside the work; --record moves it
to HEAD, which is a decision that belongs into a commit of its own.
"""

import argparse
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import report
from benchmarks.bench import commit, describe, lock
from benchmarks.blocks import QUICK, Bench, Contestant, Effort, per_unit
from benchmarks.figures import AtMost, Row, figure, ratios
from benchmarks.ours import our_gateway
from benchmarks.parts.streams import COUNT, PACE_SECONDS
from benchmarks.processes import ROOT, WORK
from benchmarks.upstream import Knobs

PART: Final = "gate"
BASE: Final = ROOT / "benchmarks" / "base.json"
MOST: Final = 1.05


class Base(msgspec.Struct, frozen=True):
    """`why` says what the base stands for."""

    commit: str
    recorded: str
    why: str


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--record", metavar="WHY", help="make HEAD the base, and say why")
    parser.add_argument("--quick", action="store_true", help="short blocks that show that it runs")
    parser.add_argument("--noisy", action="store_true", help="keep blocks that other processes disturbed")
    options = parser.parse_args()
    if options.record:
        base = Base(_head(), report.timestamp(), options.record)
        BASE.write_bytes(msgspec.json.format(msgspec.json.encode(base), indent=2) + b"\n")
        sys.stdout.write(f"The base is {base.commit} now.\n")
        return 0
    base = msgspec.json.decode(BASE.read_bytes(), type=Base)
    with ExitStack() as stack:
        if not lock(stack):
            sys.stderr.write("Another benchmark is running on this machine; two would measure each other.\n")
            return 1
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        effort = QUICK if options.quick else Effort()
        bench = Bench(stack, folder, effort, strict=not (options.noisy or options.quick))
        rows = compare(bench, unpack(base.commit))
    judged = [row for row in rows if row.bar is not None]
    sys.stdout.write(f"Working tree ({commit()}) against {base.commit[:9]} of {base.recorded}: {base.why}\n")
    sys.stdout.write("".join(f"  {describe(row)}\n" for row in rows))
    failed = [row for row in judged if row.verdict != "holds"]
    sys.stdout.write(f"{'FAILED' if failed else 'passed'}: at most {MOST} x the base\n")
    return 1 if failed else 0


def compare(bench: Bench, base_source: Path) -> list[Row]:
    with ExitStack() as stack:
        bench.upstream.turn_to(Knobs())
        contestants: list[Contestant] = []
        for name, source in (("base", base_source), ("tree", ROOT)):
            ours = our_gateway(stack, bench.folder / PART / name, bench.upstream.port, source=source)
            contestants.append(Contestant(name, ours.pid, ours.governed, ours, priced=True))
        bench.warm(contestants, 2.0)
        unary = bench.alternate(contestants)
        seconds = bench.effort.seconds
        frames = bench.interleave(
            {it.name: lambda it=it: bench.streamed(it, COUNT, PACE_SECONDS, 1.0, seconds) for it in contestants}
        )
    rows: list[Row] = []
    for what, unit, rounds in (("governed request", "CPU-µs", unary), ("frame of a stream", "CPU-µs/frame", frames)):
        base, tree = per_unit(rounds, "base"), per_unit(rounds, "tree")
        rows += [
            Row(PART, f"{what}, base", unit, figure(base)),
            Row(PART, f"{what}, working tree", unit, figure(tree)),
            Row(PART, f"{what}, working tree against base", "x", figure(ratios(tree, base)), AtMost(MOST)),
        ]
    return rows


def unpack(wanted: str) -> Path:
    """The base's sources, below the ignored work folder."""
    place = WORK / f"base-{wanted[:12]}"
    if not (place / "src").exists():
        archive = subprocess.run(["git", "archive", wanted, "src"], cwd=ROOT, capture_output=True, check=True).stdout
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "-x"], cwd=place, input=archive, check=True)
    return place


def _head() -> str:
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout[
        :40
    ]


if __name__ == "__main__":
    sys.exit(main())
