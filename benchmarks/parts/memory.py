"""Memory under 1,500 requests of 150 kB at once, memory at rest, and how soon a started gateway answers."""

import time
from contextlib import ExitStack
from typing import Final

from benchmarks.blocks import Bench, Voided
from benchmarks.cpu import forget_peak, peak_rss_bytes, rss_bytes
from benchmarks.figures import AtMost, Row, figure
from benchmarks.ours import Ours, our_gateway
from benchmarks.peers import answers
from benchmarks.plan import Ask, Flood, Plan
from benchmarks.processes import Load
from benchmarks.upstream import Knobs

FLOOD: Final = 1500
FLOOD_BYTES: Final = 150_000
REST_SECONDS: Final = 5.0


def run_flood(bench: Bench) -> list[Row]:
    part = "flood"
    peaks: list[float] = []
    for place in range(min(3, bench.effort.rounds)):
        with ExitStack() as stack:
            ours = our_gateway(stack, bench.folder / f"{part}-{place}", bench.upstream.port)
            bench.upstream.turn_to(Knobs(delay_seconds=3.0))
            forget_peak(ours.pid)
            plan = Plan(ours.governed, Ask(prompt_bytes=FLOOD_BYTES), Flood(FLOOD), 60)
            result = Load(plan).result()
            peak = peak_rss_bytes(ours.pid) / 1e6
        if result.right != FLOOD:
            bench.voided.append(f"flood: {result.right} of {FLOOD} right: {result.complaints}")
            bench.say(f"    void: {bench.voided[-1]}")
            continue
        bench.say(f"    {peak:.0f} MB")
        peaks.append(peak)
    bench.upstream.turn_to(Knobs())
    return [Row(part, "peak with 1,500 requests of 150 kB open", "MB", figure(peaks), AtMost(600))]


def run_rest(bench: Bench) -> list[Row]:
    part = "rest"
    bench.upstream.turn_to(Knobs())
    first = Ours(bench.folder / part, bench.upstream.port)
    with ExitStack() as stack:
        stack.callback(first.stop)
        first.start()
        first.configure()
    starts: list[float] = []
    weights: dict[str, list[float]] = {"--data-plane-only": [], "": []}
    for place in range(bench.effort.rounds):
        for option, weighed in weights.items():
            with ExitStack() as stack:
                stack.callback(first.stop)
                began = time.monotonic()
                first.start(*([option] if option else []))
                if not answers(first.governed):
                    raise Voided("a started gateway did not answer")
                if not option:
                    starts.append(time.monotonic() - began)
                if place < 3:
                    time.sleep(REST_SECONDS)
                    weighed.append(rss_bytes(first.pid) / 1e6)
    bench.say(f"    starts: {', '.join(f'{it:.2f}' for it in starts)} s")
    return [
        Row(part, "start to first answer", "s", figure(starts), AtMost(1.5)),
        Row(part, "at rest, with the admin side", "MB", figure(weights[""]), AtMost(160)),
        Row(part, "at rest, --data-plane-only", "MB", figure(weights["--data-plane-only"]), AtMost(110)),
    ]
