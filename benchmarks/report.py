"""What a run leaves behind: benchmarks/results/latest.json, docs/benchmarks.md and docs/benchmarks.svg.

Parts may be run one at a time. A row of a part that was not run keeps its last figure and its date, so that the table
never mixes runs without saying so.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from math import log10
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from benchmarks.figures import AtMost, Bar, Figure, Row

T = TypeVar("T")

RESULTS: Final = "benchmarks/results/latest.json"
PAGE: Final = "docs/benchmarks.md"
PLOT: Final = "docs/benchmarks.svg"
REASONS: Final = 5
REASON_CHARACTERS: Final = 120


class Run(msgspec.Struct, frozen=True):
    """One start of the benchmark; `remarks` is what a reader has to hold against it."""

    at: str
    commit: str
    machine: dict[str, str]
    versions: dict[str, str]
    remarks: list[str]
    voided: list[str]
    seconds: float


class Dated(msgspec.Struct, frozen=True):
    row: Row
    run: Run


class Results(msgspec.Struct, frozen=True):
    rows: list[Dated] = []


def merge(earlier: Results, run: Run, rows: Sequence[Row], order: Sequence[str]) -> Results:
    """The rows of parts that were run replace theirs; parts stand in the order of `order`."""
    done = {row.part for row in rows}
    kept = [it for it in earlier.rows if it.row.part not in done and it.row.part in order]
    return Results(sorted([*kept, *(Dated(row, run) for row in rows)], key=lambda it: order.index(it.row.part)))


def write(root: Path, results: Results) -> None:
    path = root / RESULTS
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
    (root / PAGE).write_text(page(results), encoding="utf-8")
    (root / PLOT).write_text(plot(results), encoding="utf-8")


def read(root: Path) -> Results:
    path = root / RESULTS
    return msgspec.json.decode(path.read_bytes(), type=Results) if path.exists() else Results()


def timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def page(results: Results) -> str:
    runs = _distinct(it.run for it in results.rows)
    numbers = {run.at: place for place, run in enumerate(runs, 1)}
    lines = ["<!-- Written by `make bench`. Do not edit. -->", "# Benchmarks", "", INTRODUCTION, ""]
    lines += ["![CPU of one small chat request](benchmarks.svg)", ""]
    lines += ["| what | measured | from | to | blocks | bar | | run |", "|---|--:|--:|--:|--:|--:|---|--:|"]
    lines += [_line(it.row, numbers[it.run.at]) for it in results.rows]
    notes = [f"- {it.row.what}: {it.row.note}." for it in results.rows if it.row.note]
    lines += ["", *notes, "", "## Runs", ""]
    for run in runs:
        lines += [f"{numbers[run.at]}. {run.at}, commit {run.commit}, {run.seconds / 60:.0f} minutes. {_told(run)}"]
    return "\n".join([*lines, "", METHOD]) + "\n"


def _line(row: Row, run: int) -> str:
    shown = row.figure
    if shown is None:
        return f"| {row.what} | | | | 0 | {_bar(row.bar)} | not measured | {run} |"
    numbers = f"**{_number(shown.value)}** {row.unit} | {_number(shown.low)} | {_number(shown.high)} | {shown.blocks}"
    return f"| {row.what} | {numbers} | {_bar(row.bar)} | {row.verdict} | {run} |"


def _bar(bar: Bar | None) -> str:
    if bar is None:
        return ""
    return f"{'≤' if isinstance(bar, AtMost) else '≥'} {_number(bar.bound)}"


def _number(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _told(run: Run) -> str:
    machine = run.machine
    told = f"{machine['cores']} cores of {machine['processor']}, {machine['memory']}, Linux {machine['kernel']}. "
    told += ", ".join(f"{name} {version}" for name, version in run.versions.items()) + ". "
    told += f"{len(run.voided)} blocks were void" + (
        ": " + "; ".join(_distinct(run.voided))[:600] if run.voided else ""
    )
    return told + "." + "".join(f" **{remark}**" for remark in run.remarks)


def _distinct(values: Iterable[T]) -> list[T]:
    return list({msgspec.json.encode(value): value for value in values}.values())


def plot(results: Results) -> str:
    """Bars on a logarithmic scale of what one small chat request costs in each."""
    wanted = {
        "nginx proxy_pass": "nginx, the floor",
        "bare request, without the SQL drain": "ours, bare",
        "governed request, without the SQL drain": "ours, governed",
        "governed request with the SQL drain, 20 s": "ours, governed, rows in SQL",
        "Portkey, bare": "Portkey",
        "LiteLLM, bare": "LiteLLM",
    }
    found = {it.row.what: it.row.figure for it in results.rows}
    shown = [(label, figure) for what, label in wanted.items() if (figure := found.get(what)) is not None]
    height = 70 + 34 * len(shown)
    left, width = 220, 480
    most = max((figure.high for _, figure in shown), default=10.0)
    scale = width / log10(max(most, 10.0) * 1.5)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="{height}"'
        ' font-family="sans-serif" font-size="14">',
        '<rect width="100%" height="100%" fill="white"/>',
        '<text x="16" y="28" font-size="16">CPU of one small chat request, µs on one core (logarithmic)</text>',
    ]
    parts += [_svg_bar(label, figure, 50 + 34 * place, left, scale) for place, (label, figure) in enumerate(shown)]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _svg_bar(label: str, figure: Figure, top: int, left: int, scale: float) -> str:
    def at(value: float) -> float:
        return left + max(0.0, log10(max(value, 1.0))) * scale

    colour = "#2463a8" if label.startswith("ours") else "#9aa3ad"
    return (
        f'<text x="{left - 10}" y="{top + 16}" text-anchor="end">{label}</text>'
        f'<rect x="{left}" y="{top}" width="{at(figure.value) - left:.1f}" height="22" fill="{colour}"/>'
        f'<line x1="{at(figure.low):.1f}" x2="{at(figure.high):.1f}" y1="{top + 11}" y2="{top + 11}" stroke="black"/>'
        f'<text x="{at(figure.high) + 8:.1f}" y="{top + 16}">{_number(figure.value)}</text>'
    )


INTRODUCTION: Final = """\
What the gateway costs on one core, beside nginx (the floor of this kernel), LiteLLM and Portkey doing the same
work on the same core against the same provider. `make bench` writes this page;
[benchmarks/README.md](../benchmarks/README.md) says how to run it and what its parts are. Governed: a key of a
team, a user and a department with a limit on every level, a route to a pool of three weighted endpoints, a
priced model; hold, settle, journal, receipt, metrics and response headers as in production. Bare: one key, one
endpoint, no price."""

METHOD: Final = """\
## Method

- The gateway under test has core 0 to itself; the provider (no delay of its own) and the generator share core 1.
  Loopback, keep-alive, no TLS.
- CPU is user and system time of the gateway's whole process tree, from /proc, over everything in a block, divided by
  the answers. CPU blocks are closed loops of 16 connections; latency is never taken from them. Where the kernel
  counts soft interrupts apart (here they have a line of their own), the network stack's receiving half is in nobody's
  figure, nginx's neither.
- Latency is open-loop: requests have a Poisson schedule that does not wait for answers, and each counts from the
  instant at which it was to be sent. A generator that waits for answers would leave out the very requests that a
  stall delays (coordinated omission).
- What is compared takes turns (A B, B A, ...), at least five blocks each. A figure is the median; *from* and *to* are
  the least and the most. Ratios are formed within a round and their median is given.
- *Without the SQL drain*: a second connection holds the database's write lock during the block, so the rows wait in
  the gateway's journal and are written, and checked, after it. *With the SQL drain*: the block ends when the last row
  is in SQL.
- A block is void, and taken again, when any answer was wrong (status, text, stream bytes, usage), when client,
  provider and ledger do not agree on requests, tokens and nano-dollars, when the host took more than 1 % of the time,
  or when other processes used more than 3 % of a core.
- The peers run one worker each, with neither keys nor limits nor a database; they are compared with our bare caller."""
