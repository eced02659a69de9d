"""What a kB of prompt costs, and whether small streams feel that others post 400 kB: the head-of-line question."""

from contextlib import ExitStack
from typing import Final

from benchmarks.blocks import Bench, Block, Contestant, Voided
from benchmarks.figures import AtMost, Row, figure, slope
from benchmarks.ours import our_gateway
from benchmarks.parts.small import floor, governed
from benchmarks.plan import Ask, Open, Plan, Result, Streams, Target
from benchmarks.processes import Load
from benchmarks.upstream import Knobs

PART: Final = "prompts"
SIZES: Final = (1_000, 50_000, 100_000, 200_000, 400_000)
POSTS_PER_SECOND: Final = 20.0
SMALL_STREAMS: Final = 20
PACE_SECONDS: Final = 0.02


def run(bench: Bench) -> list[Row]:
    with ExitStack() as stack:
        bench.upstream.turn_to(Knobs())
        ours = our_gateway(stack, bench.folder / PART, bench.upstream.port)
        contestants = [*floor(stack, bench, PART), governed(ours)]
        bench.warm(contestants)

        def turn(who: Contestant) -> list[Block]:
            seconds = bench.effort.seconds / 2
            return [bench.closed(who, Ask(prompt_bytes=size), 4, seconds) for size in SIZES]

        rounds = bench.interleave({it.name: lambda it=it: turn(it) for it in contestants})
        rows = [_slope_row(it.name, [one[it.name] for one in rounds]) for it in contestants]
        counted = Contestant("governed", ours.pid, ours.governed, ours, drain="counted", priced=True)
        return rows + _head_of_line(bench, counted)


def _slope_row(name: str, rounds: list[list[Block]]) -> Row:
    points = [[(size / 1000, block.cpu_us) for size, block in zip(SIZES, one, strict=True)] for one in rounds]
    bar = AtMost(1.0) if name == "governed" else None
    return Row(PART, f"a kB of prompt, 1 to 400 kB, {name}", "µs/kB", figure([slope(one) for one in points]), bar)


def _head_of_line(bench: Bench, who: Contestant) -> list[Row]:
    seconds = bench.effort.seconds
    frames = int(seconds / PACE_SECONDS)
    bench.upstream.turn_to(Knobs(frames=frames, pace_seconds=PACE_SECONDS))
    direct = Target(bench.upstream.port, {})

    def streams(target: Target, posts: Target | None) -> Result:
        ask = Ask(streamed=True, size=frames, pace_seconds=PACE_SECONDS)
        load = Load(Plan(target, ask, Streams(SMALL_STREAMS, 0.2)))
        beside = None
        if posts is not None:
            beside = Load(Plan(posts, Ask(prompt_bytes=SIZES[-1]), Open(POSTS_PER_SECOND, seconds, connections=8)))
        result = load.result()
        if beside is not None and (posted := beside.result()).complaints:
            raise Voided(f"posts beside the streams: {posted.complaints}")
        if result.right != result.requests:
            raise Voided(f"small streams: {result.complaints}")
        return result

    rounds = bench.interleave(
        {
            "direct alone": lambda: streams(direct, None),
            "direct beside posts": lambda: streams(direct, direct),
            "governed alone": lambda: streams(who.target, None),
            "governed beside posts": lambda: streams(who.target, who.target),
        }
    )

    def moved(side: str) -> list[float]:
        return [(one[f"{side} beside posts"].gaps.p99 - one[f"{side} alone"].gaps.p99) / 1000 for one in rounds]

    own = [through - past for through, past in zip(moved("governed"), moved("direct"), strict=True)]
    what = "small streams' gap, p99, moved by 20 posts of 400 kB a second"
    note = "less what the same posts move it by without a gateway; 'unmoved' is read as 1 ms"
    return [
        Row(PART, what, "ms", figure(own), AtMost(1.0), note),
        Row(PART, f"{what}, without a gateway", "ms", figure(moved("direct"))),
    ]
