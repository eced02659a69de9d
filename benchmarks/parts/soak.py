"""Ten minutes at half of what one core can: memory and descriptors at the end against those after the first minute."""

import time
from contextlib import ExitStack
from statistics import median
from typing import Final

from benchmarks.blocks import Bench, Contestant, Voided, Watch
from benchmarks.cpu import descriptors, rss_bytes, threads
from benchmarks.figures import AtMost, Row, figure
from benchmarks.ours import our_gateway
from benchmarks.plan import Ask, Open, Plan
from benchmarks.processes import Load
from benchmarks.upstream import Knobs

PART: Final = "soak"
SAMPLES: Final = 60


def run(bench: Bench) -> list[Row]:
    seconds = bench.effort.soak_seconds
    with ExitStack() as stack:
        bench.upstream.turn_to(Knobs())
        ours = our_gateway(stack, bench.folder / PART, bench.upstream.port)
        who = Contestant("governed", ours.pid, ours.governed, ours, drain="counted", priced=True)
        bench.warm([who])
        capacity = bench.closed(who)
        rate = capacity.units / bench.effort.seconds / 2
        bench.say(f"  {rate:.0f} requests a second for {seconds:.0f} s")
        watch = Watch(bench, who)
        load = Load(Plan(who.target, Ask(), Open(rate, seconds, "fixed", connections=64)))
        samples: list[tuple[int, int, int]] = []
        for _ in range(SAMPLES):
            time.sleep(seconds / SAMPLES)
            samples.append((rss_bytes(ours.pid), descriptors(ours.pid), threads(ours.pid)))
        result = load.result()
        try:
            watch.check_answers(result, Ask())
        except Voided as error:
            bench.voided.append(str(error))
            return [Row(PART, "soak", "%", None, None, str(error))]
        time.sleep(2)
        rested = descriptors(ours.pid)
    minute = SAMPLES // 10
    memory = [sample[0] for sample in samples]
    growth = (median(memory[-minute:]) / median(memory[minute : 2 * minute]) - 1) * 100
    grown = max(samples[-1][1] - samples[minute][1], samples[-1][2] - samples[minute][2])
    note = f"{result.requests:,} requests at {rate:.0f} a second over {seconds:.0f} s; {rested} descriptors afterwards"
    return [
        Row(PART, "memory, last minute against the second", "%", figure([growth]), AtMost(2.0), note),
        Row(
            PART, "descriptors or threads more than after the first minute", "count", figure([float(grown)]), AtMost(4)
        ),
        Row(PART, "latency at half of capacity, p99", "ms", figure([result.latency.p99 / 1000])),
    ]
