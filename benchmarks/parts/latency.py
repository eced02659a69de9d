"""What the gateway adds to an answer at 200 requests a second, open loop: quantiles through it less quantiles past it,
in blocks that take turns and send at the same instants."""

from contextlib import ExitStack
from typing import Final

from benchmarks.blocks import Bench, Block, Contestant
from benchmarks.figures import AtMost, Row, figure
from benchmarks.ours import our_gateway
from benchmarks.plan import Ask, Open, Target
from benchmarks.upstream import Knobs

PART: Final = "latency"
RATE: Final = 200.0


def run(bench: Bench) -> list[Row]:
    with ExitStack() as stack:
        bench.upstream.turn_to(Knobs())
        ours = our_gateway(stack, bench.folder / PART, bench.upstream.port)
        direct = Contestant("direct", bench.upstream.pid, Target(bench.upstream.port, {}))
        governed = Contestant("governed", ours.pid, ours.governed, ours, drain="counted", priced=True)
        bench.warm([direct, governed])

        def turn(who: Contestant) -> Block:
            return bench.measure(who, Ask(), Open(RATE, bench.effort.latency_seconds))

        rounds = bench.interleave({it.name: lambda it=it: turn(it) for it in (direct, governed)})
    through = [one["governed"].result for one in rounds]
    past = [one["direct"].result for one in rounds]
    added = {
        name: [(getattr(a.latency, name) - getattr(b.latency, name)) / 1000 for a, b in zip(through, past, strict=True)]
        for name in ("p50", "p99")
    }
    late = max((it.late.p99 for it in through + past), default=0.0)
    note = f"from the intended instant; the generator itself was late by at most {late / 1000:.2f} ms (p99)"
    return [
        Row(PART, "added at 200 rps, governed, p50", "ms", figure(added["p50"]), AtMost(0.3), note),
        Row(PART, "added at 200 rps, governed, p99", "ms", figure(added["p99"]), AtMost(1.0), note),
        Row(PART, "past the gateway, p99", "ms", figure([it.latency.p99 / 1000 for it in past])),
    ]
