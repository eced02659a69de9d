"""What a small chat request costs, bare and governed, beside nginx passing the same bytes. Writing the ledger to SQL
is kept out of these blocks (the gateway finds its database busy and waits) and paid for in the part `drain`."""

from contextlib import ExitStack

from benchmarks.blocks import Bench, Contestant, per_unit
from benchmarks.figures import AtMost, Row, figure, ratios
from benchmarks.ours import Ours, our_gateway
from benchmarks.peers import NotInstalled, start_nginx
from benchmarks.upstream import Knobs

PART = "small"


def run(bench: Bench) -> list[Row]:
    with ExitStack() as stack:
        bench.upstream.turn_to(Knobs())
        ours = our_gateway(stack, bench.folder / PART, bench.upstream.port)
        contestants = [*floor(stack, bench, PART), governed(ours), bare(ours)]
        bench.warm(contestants)
        rounds = bench.alternate(contestants)
    costs = {it.name: per_unit(rounds, it.name) for it in contestants}
    soft = {name: [one[name].soft_us for one in rounds] for name in costs if name != "bare"}
    rows = [
        Row(PART, "governed request, without the SQL drain", "CPU-µs", figure(costs["governed"]), AtMost(80)),
        Row(PART, "bare request, without the SQL drain", "CPU-µs", figure(costs["bare"]), AtMost(60)),
    ]
    if "nginx" not in costs:
        return [*rows, Row(PART, "nginx", "CPU-µs", None, None, "nginx is not installed")]
    times = figure(ratios(costs["governed"], costs["nginx"]))
    return [
        *rows,
        Row(PART, "nginx proxy_pass", "CPU-µs", figure(costs["nginx"])),
        Row(PART, "governed against nginx", "x", times, AtMost(4.5)),
        *[
            Row(PART, f"soft interrupts of the machine, a request, {name}", "CPU-µs", figure(soft[name]))
            for name in soft
        ],
    ]


def governed(ours: Ours, *, name: str = "governed") -> Contestant:
    return Contestant(name, ours.pid, ours.governed, ours, priced=True)


def bare(ours: Ours) -> Contestant:
    return Contestant("bare", ours.pid, ours.bare, ours)


def floor(stack: ExitStack, bench: Bench, part: str) -> list[Contestant]:
    """nginx, or nothing where it is not installed."""
    try:
        unary, _ = start_nginx(stack, bench.folder / part / "nginx", bench.upstream.port)
    except NotInstalled as error:
        bench.say(f"  {error}")
        return []
    return [Contestant("nginx", unary.pid, unary.target)]
