"""The same small request through LiteLLM and Portkey: one worker each, no keys, no limits, no database. What does the
same work as they do is our bare caller."""

from contextlib import ExitStack
from typing import Final

from benchmarks.blocks import Bench, Contestant, per_unit
from benchmarks.figures import AtLeast, Row, figure, ratios
from benchmarks.ours import our_gateway
from benchmarks.parts.small import bare, governed
from benchmarks.peers import NotInstalled, start_litellm, start_portkey
from benchmarks.processes import DidNotStart
from benchmarks.upstream import Knobs

PART: Final = "peers"
BARS: Final = {"LiteLLM": 100.0, "Portkey": 12.0}


def run(bench: Bench) -> list[Row]:
    with ExitStack() as stack:
        bench.upstream.turn_to(Knobs())
        ours = our_gateway(stack, bench.folder / PART, bench.upstream.port)
        contestants = [governed(ours), bare(ours)]
        missing: dict[str, str] = {}
        for name, start in (("Portkey", start_portkey), ("LiteLLM", start_litellm)):
            try:
                peer = start(stack, bench.folder / PART / name, bench.upstream.port)
                contestants.append(Contestant(peer.name, peer.pid, peer.target))
            except (NotInstalled, DidNotStart) as error:
                missing[name] = str(error)[-200:]
                bench.say(f"  {name}: {missing[name]}")
        bench.warm(contestants, 3.0)
        rounds = bench.interleave({it.name: lambda it=it: bench.closed(it) for it in contestants})
    costs = {it.name: per_unit(rounds, it.name) for it in contestants}
    rows: list[Row] = []
    for name, bar in BARS.items():
        if name in missing:
            rows.append(Row(PART, f"{name} against ours", "x", None, AtLeast(bar), missing[name]))
            continue
        rows += [
            Row(PART, f"{name}, bare", "CPU-µs", figure(costs[name])),
            Row(PART, f"{name} against ours, bare", "x", figure(ratios(costs[name], costs["bare"])), AtLeast(bar)),
            Row(PART, f"{name} bare against ours governed", "x", figure(ratios(costs[name], costs["governed"]))),
        ]
    return rows
