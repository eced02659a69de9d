"""Runs the parts and writes the table: `python -m benchmarks.bench [--only NAME] [--quick] [--noisy] [--dry]`.

`--quick` shows in two minutes that everything runs; its figures are no results and are not written. `--noisy` keeps
blocks that others on the machine disturbed, and the page says so. `--dry` writes nothing.
"""

import argparse
import fcntl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks import report
from benchmarks.blocks import QUICK, Bench, Effort
from benchmarks.cpu import facts
from benchmarks.figures import Row
from benchmarks.parts import against_peers, drain, latency, memory, prompts, scale, small, soak, streams
from benchmarks.peers import versions
from benchmarks.processes import ROOT

PARTS: Final[Mapping[str, Callable[[Bench], list[Row]]]] = {
    "small": small.run,
    "drain": drain.run,
    "peers": against_peers.run,
    "latency": latency.run,
    "streams": streams.run,
    "translated": streams.run_translated,
    "many_streams": streams.run_many,
    "prompts": prompts.run,
    "scale": scale.run,
    "flood": memory.run_flood,
    "rest": memory.run_rest,
    "soak": soak.run,
}
ASKED_FOR: Final = ("soak",)
LOCK: Final = "ai-gateway-bench.lock"


def main() -> int:
    options = _options()
    wanted = options.only or [name for name in PARTS if name not in ASKED_FOR]
    with ExitStack() as stack:
        if not lock(stack):
            sys.stderr.write("Another benchmark is running on this machine; two would measure each other.\n")
            return 1
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        began = time.monotonic()
        bench = Bench(stack, folder, QUICK if options.quick else Effort(), strict=not (options.noisy or options.quick))
        rows: list[Row] = []
        for name in wanted:
            bench.say(f"{name} ...")
            rows += PARTS[name](bench)
            for row in rows:
                if row.part == name:
                    bench.say(f"  {describe(row)}")
        run = report.Run(
            at=report.timestamp(),
            commit=commit(),
            machine=facts(),
            versions={"Python": facts()["python"], "nginx": nginx_version(), **versions()},
            remarks=["Blocks were kept that other processes disturbed."] if options.noisy else [],
            voided=bench.voided,
            seconds=time.monotonic() - began,
        )
    if not (options.quick or options.dry):
        report.write(ROOT, report.merge(report.read(ROOT), run, rows, tuple(PARTS)))
    missed = [row for row in rows if row.verdict in ("missed", "not measured")]
    sys.stdout.write("\n".join(describe(row) for row in rows) + f"\n{len(missed)} bars are not met.\n")
    return 0


def describe(row: Row) -> str:
    if row.figure is None:
        return f"{row.what}: not measured. {row.note}"
    shown = row.figure
    text = f"{row.what}: {shown.value:.3g} {row.unit} ({shown.low:.3g} to {shown.high:.3g}, {shown.blocks} blocks)"
    return f"{text}  {row.verdict}" if row.verdict else text


def lock(stack: ExitStack) -> bool:
    """One benchmark at a time on a machine, whatever tree it is started from."""
    held = stack.enter_context((Path(tempfile.gettempdir()) / LOCK).open("w"))
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def commit() -> str:
    """The short hash, with a plus where the sources differ from it."""
    short = _git("rev-parse", "--short", "HEAD")
    return short + ("+" if _git("status", "--porcelain", "--", "src") else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def nginx_version() -> str:
    for program in ("nginx", "/usr/sbin/nginx"):
        try:
            said = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stderr
        except FileNotFoundError:
            continue
        return said.rpartition("/")[2].strip()
    return "not installed"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(PARTS), help="run this part (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="short blocks, no results written")
    parser.add_argument("--noisy", action="store_true", help="keep blocks that other processes disturbed")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
