"""The whole price: governed requests for 20 s with their rows written to SQL inside of the block, and how many rows
lag behind meanwhile. A lag that grows is a debt that the figure hides."""

import threading
from contextlib import ExitStack
from typing import Final

from benchmarks.blocks import Bench, Block, Contestant
from benchmarks.figures import AtMost, Row, figure
from benchmarks.ours import Ours, our_gateway
from benchmarks.plan import Ask, Closed
from benchmarks.upstream import Knobs

PART: Final = "drain"
SAMPLE_SECONDS: Final = 1.0


def run(bench: Bench) -> list[Row]:
    lags: list[list[int]] = []
    with ExitStack() as stack:
        bench.upstream.turn_to(Knobs())
        ours = our_gateway(stack, bench.folder / PART, bench.upstream.port)
        who = Contestant("governed with drain", ours.pid, ours.governed, ours, drain="counted", priced=True)
        bench.warm([who])

        def turn() -> Block:
            watch = _LagWatch(bench, ours)
            try:
                return bench.measure(who, Ask(), Closed(16, bench.effort.drain_seconds))
            finally:
                lags.append(watch.stop())

        rounds = bench.interleave({who.name: turn})
    costs = [one[who.name].cpu_us for one in rounds]
    growth = [_growth(lag) for lag in lags if len(lag) >= 4]
    return [
        Row(PART, "governed request with the SQL drain, 20 s", "CPU-µs", figure(costs), AtMost(95)),
        Row(PART, "rows waiting, second half of the 20 s against the first", "x", figure(growth), AtMost(1.5)),
        Row(PART, "most rows waiting", "rows", figure([float(max(lag)) for lag in lags if lag])),
    ]


def _growth(lag: list[int]) -> float:
    """Means of the halves; half a second's rows are added to both, so that 3 rows against 1 are not a growth of 3."""
    middle = len(lag) // 2
    first, second = lag[:middle], lag[middle:]
    allowance = 1000
    return (sum(second) / len(second) + allowance) / (sum(first) / len(first) + allowance)


class _LagWatch:
    """Samples what the provider served less what the ledger has, in a thread, once a second."""

    def __init__(self, bench: Bench, ours: Ours) -> None:
        self._bench = bench
        self._ours = ours
        self._offset = bench.upstream.ledger().answers - ours.booked().rows
        self._stopped = threading.Event()
        self._samples: list[int] = []
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> list[int]:
        """The samples while requests came."""
        self._stopped.set()
        self._thread.join()
        busy = int(self._bench.effort.drain_seconds / SAMPLE_SECONDS)
        return self._samples[:busy]

    def _watch(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            served = self._bench.upstream.ledger().answers - self._offset
            self._samples.append(max(0, served - self._ours.last_row()))
