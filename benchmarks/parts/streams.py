"""What a stream's frame costs while 400 streams are open, and what a stream weighs while 5,000 are."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.blocks import Bench, Contestant, Voided, per_unit
from benchmarks.cpu import rss_bytes
from benchmarks.figures import AtMost, Row, figure, ratios
from benchmarks.ours import our_gateway
from benchmarks.peers import NotInstalled, start_nginx
from benchmarks.plan import Ask, Plan, Streams
from benchmarks.processes import Load
from benchmarks.upstream import Knobs

PART: Final = "streams"
COUNT: Final = 400
PACE_SECONDS: Final = 0.02
SLOW_PACE_SECONDS: Final = 0.5
OPENED_PER_SECOND: Final = 600


def run(bench: Bench) -> list[Row]:
    with ExitStack() as stack:
        ours = our_gateway(stack, bench.folder / PART, bench.upstream.port)
        contestants = [Contestant("governed", ours.pid, ours.governed, ours, drain="counted", priced=True)]
        try:
            _, streamed = start_nginx(stack, bench.folder / PART / "nginx", bench.upstream.port)
            contestants.insert(0, Contestant("nginx", streamed.pid, streamed.target))
        except NotInstalled as error:
            bench.say(f"  {error}")
        seconds = bench.effort.seconds
        turns = {it.name: lambda it=it: bench.streamed(it, COUNT, PACE_SECONDS, 1.0, seconds) for it in contestants}
        rounds = bench.interleave(turns)
    costs = {it.name: per_unit(rounds, it.name) for it in contestants}
    stalled = [float(one["governed"].result.stalled_streams) for one in rounds]
    gaps = [one["governed"].result.gaps.p99 / 1000 - PACE_SECONDS * 1000 for one in rounds]
    rows = [
        Row(PART, "a frame of 400 streams at 20 ms, governed", "CPU-µs/frame", figure(costs["governed"]), AtMost(22)),
        Row(PART, "gap between frames beyond the pace, governed, p99", "ms", figure(gaps)),
        Row(PART, "stalled streams of 400", "streams", figure(stalled), AtMost(0)),
    ]
    if "nginx" in costs:
        times = figure(ratios(costs["governed"], costs["nginx"]))
        rows += [
            Row(PART, "the same through nginx", "CPU-µs/frame", figure(costs["nginx"])),
            Row(PART, "governed against nginx, a frame", "x", times, AtMost(1.7)),
        ]
    return rows


def run_translated(bench: Bench) -> list[Row]:
    """Anthropic's stream for a caller of OpenAI's dialect, beside the same stream that nobody has to translate."""
    part = "translated"
    with ExitStack() as stack:
        ours = our_gateway(stack, bench.folder / part, bench.upstream.port)
        contestants = [
            Contestant("native", ours.pid, ours.governed, ours, drain="counted", priced=True),
            Contestant("translated", ours.pid, ours.claude(), ours, drain="counted", priced=True),
        ]
        seconds = bench.effort.seconds
        turns = {it.name: lambda it=it: bench.streamed(it, COUNT, PACE_SECONDS, 1.0, seconds) for it in contestants}
        rounds = bench.interleave(turns)
    costs = {it.name: per_unit(rounds, it.name) for it in contestants}
    stalled = [float(one["translated"].result.stalled_streams) for one in rounds]
    what = "a frame of 400 streams at 20 ms"
    return [
        Row(part, f"{what}, Anthropic's for an OpenAI caller", "CPU-µs/frame", figure(costs["translated"]), AtMost(45)),
        Row(part, f"{what}, native, in the same minutes", "CPU-µs/frame", figure(costs["native"])),
        Row(part, "translated against native, a frame", "x", figure(ratios(costs["translated"], costs["native"]))),
        Row(part, "stalled streams of 400, translated", "streams", figure(stalled), AtMost(0)),
    ]


def run_many(bench: Bench) -> list[Row]:
    """Resident memory with all streams open, less that with none, on a gateway that has seen no load before."""
    part, count = "many_streams", bench.effort.streams
    weights: list[float] = []
    stalls: list[float] = []
    for place in range(min(3, bench.effort.rounds)):
        try:
            weight, stalled = _weigh(bench, bench.folder / f"{part}-{place}", count)
            weights.append(weight)
            stalls.append(stalled)
        except Voided as error:
            bench.voided.append(str(error))
            bench.say(f"    void: {error}")
    what = f"{count:,} open streams at 500 ms"
    return [
        Row(part, f"memory of one of {what}", "kB", figure(weights), AtMost(25)),
        Row(part, f"stalled of {what}", "streams", figure(stalls), AtMost(0), "a gap of ten paces"),
    ]


def _weigh(bench: Bench, folder: Path, count: int) -> tuple[float, float]:
    ramp = count / OPENED_PER_SECOND
    frames = int((ramp + 5.0) / SLOW_PACE_SECONDS) + 1
    ask = Ask(streamed=True, size=frames, pace_seconds=SLOW_PACE_SECONDS)
    with ExitStack() as stack:
        ours = our_gateway(stack, folder, bench.upstream.port)
        time.sleep(3)  # the admin side is loaded in the background; its memory is not the streams'
        bench.upstream.turn_to(Knobs(frames=frames, pace_seconds=SLOW_PACE_SECONDS))
        empty = rss_bytes(ours.pid)
        load = Load(Plan(ours.governed, ask, Streams(count, ramp)))
        time.sleep(ramp + 2.0)
        full = rss_bytes(ours.pid)
        still_open = bench.upstream.ledger().open_streams
        result = load.result()
    if still_open != count or result.right != count:
        raise Voided(f"{still_open} of {count} streams were open, {result.right} right: {result.complaints}")
    weight = (full - empty) / count / 1000
    bench.say(f"    {weight:.1f} kB a stream, {result.stalled_streams} stalled")
    return weight, float(result.stalled_streams)
