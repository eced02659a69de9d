"""Whether it stays as fast with 100,000 keys and 1,000 endpoints, and what a change costs while requests run."""

import time
from contextlib import ExitStack
from typing import Final

from benchmarks.blocks import Bench, Contestant, Voided, per_unit
from benchmarks.cpu import rss_bytes
from benchmarks.figures import AtMost, Row, figure, ratios
from benchmarks.ours import Ours
from benchmarks.parts.small import governed
from benchmarks.plan import Ask, Open, Plan, Result
from benchmarks.processes import Load
from benchmarks.upstream import Knobs

PART: Final = "scale"
FEW_KEYS: Final = 10
ENDPOINTS: Final = 1000
RATE: Final = 200.0
CHANGES_PER_SECOND: Final = 2.0
SETTLE_SECONDS: Final = 4.0


def run(bench: Bench) -> list[Row]:
    keys = bench.effort.keys
    with ExitStack() as stack:
        bench.upstream.turn_to(Knobs())
        few = _prepare(bench, stack, "few", FEW_KEYS)
        many = _prepare(bench, stack, "many-keys", keys)
        wide = _prepare(bench, stack, "many-endpoints", FEW_KEYS)
        wide.stop()
        names = wide.clone_endpoints(ENDPOINTS)
        wide.start()
        wide.pool({name: 1 + place % 5 for place, name in enumerate(names)})
        time.sleep(SETTLE_SECONDS)
        weight = (rss_bytes(many.pid) - rss_bytes(few.pid)) / (keys - FEW_KEYS)
        contestants = [governed(few, name="few"), governed(many, name="keys"), governed(wide, name="endpoints")]
        bench.warm(contestants, 2.0)
        rounds = bench.alternate(contestants)
        pauses = bench.interleave(
            {"quiet": lambda: _busy(bench, many, 0.0), "changes": lambda: _busy(bench, many, CHANGES_PER_SECOND)}
        )
    costs = {it.name: per_unit(rounds, it.name) for it in contestants}
    added = [max(0.0, one["changes"].latency.most - one["quiet"].latency.p50) / 1000 for one in pauses]
    quiet = [max(0.0, one["quiet"].latency.most - one["quiet"].latency.p50) / 1000 for one in pauses]
    return [
        Row(PART, f"{keys:,} keys against {FEW_KEYS}", "x", figure(ratios(costs["keys"], costs["few"])), AtMost(1.1)),
        Row(PART, "1,000 endpoints against 3", "x", figure(ratios(costs["endpoints"], costs["few"])), AtMost(1.1)),
        Row(PART, "memory of a key", "bytes", figure([weight]), AtMost(1000)),
        Row(
            PART,
            f"longest wait at 200 rps while {CHANGES_PER_SECOND:.0f} changes a second become live, {keys:,} keys",
            "ms",
            figure(added),
            AtMost(5.0),
            "beyond the median; of all requests of a block",
        ),
        Row(PART, "the same without changes", "ms", figure(quiet)),
    ]


def _prepare(bench: Bench, stack: ExitStack, name: str, keys: int) -> Ours:
    bench.say(f"  {name}: {keys:,} keys")
    ours = Ours(bench.folder / PART / name, bench.upstream.port)
    stack.callback(ours.stop)
    ours.start()
    ours.configure()
    ours.stop()
    ours.clone_keys(keys)
    ours.start()
    return ours


def _busy(bench: Bench, ours: Ours, changes_per_second: float) -> Result:
    """A block at 200 rps, with that many changes."""
    who = Contestant("changes", ours.pid, ours.governed, ours, drain="counted", priced=True)
    seconds = bench.effort.latency_seconds / 2
    load = Load(Plan(who.target, Ask(), Open(RATE, seconds)))
    for _ in range(int(seconds * changes_per_second)):
        ours.change_something(time.monotonic_ns())
        time.sleep(1 / changes_per_second)
    result = load.result()
    if result.right != result.requests:
        raise Voided(f"while changing: {result.complaints}")
    return result
