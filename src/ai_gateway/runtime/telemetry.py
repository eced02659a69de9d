"""What is told about a request once it is over: one value, noted in O(1), turned into metrics, a log line and spans
somewhere else.

Counters are our own dictionaries, rendered by prometheus-client when somebody scrapes: the line pays one addition a
number and no label look-up. How many requests there were is what their durations say, so nobody counts them again.
Labels are words of ours (operation, category, provider type): never a tenant, a model or anything else that a caller
can invent.

Of a request on a lane (gateway/flight.py) nearly all is known beforehand, and nobody but the histories wants to hear
of it at once. It leaves a note, and notes are counted together once somebody looks, or the next one is to be told in
full: what costs a value and twenty calls for each is then a sum.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from math import inf
from operator import itemgetter
from typing import Any, Final, Protocol, final

import msgspec

from ai_gateway.domain.decisions import Step
from ai_gateway.domain.faults import Fault
from ai_gateway.domain.traffic import Outcome, Receipt

_OK: Final = Outcome.OK  # a member of an enum is a look-up in Python each time
BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
MOST_FRESH: Final = 512


class Ended(msgspec.Struct, frozen=True):
    """One finished request. Seconds; `started_wall` Unix. `receipts` are its attempts, in order, `steps` what
    else happened on the way, `faults` those of the attempts that failed, by their ids."""

    request_id: str
    operation: str
    status: int
    started_wall: float
    seconds: float
    fault: Fault | None
    receipts: tuple[Receipt, ...]
    tenant_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    traceparent: str | None = None
    steps: tuple[Step, ...] = ()
    faults: tuple[tuple[str, Fault], ...] = ()


Listener = Callable[[Ended], None]


class Kind(msgspec.Struct, frozen=True, gc=False, eq=False):
    """What requests that flew to one place have in common: they were answered well, by one attempt. `asked` is the
    model that the caller named."""

    status: int
    tenant_id: str
    asked: str
    route: str | None
    endpoint: str
    model: str
    revision: int


Labels = tuple[str, int, str]
"""What numbers tell requests apart by: operation, status, provider type."""
Note = tuple[str, float, float, int, int, Kind, Labels]
"""The request's id, Unix seconds at which it came, seconds that it took, tokens of its input and its output."""
_seconds: Final = itemgetter(2)
_input_tokens: Final = itemgetter(3)
_output_tokens: Final = itemgetter(4)
_labels: Final = itemgetter(6)


class NoteTaker(Protocol):
    """Whoever keeps notes: of the next `most` that are told him, none has to be told in full."""

    def ask_before_reading(self, look: Callable[[], None]) -> None:
        """There may be more notes; `look` makes them come."""
        ...

    @property
    def most(self) -> int: ...

    def take(self, notes: Sequence[Note]) -> None: ...


@final
class Durations:
    """How many took how long. What is fresh waits in a list: to sort some hundreds and find twelve bounds among them
    costs less than to find the bucket of each."""

    __slots__ = ("_counts", "_sum", "fresh")

    def __init__(self) -> None:
        self.fresh: list[float] = []
        self._counts = [0] * (len(BUCKETS) + 1)
        self._sum = 0.0

    def counted(self) -> tuple[list[int], float]:
        """How many there were in each of BUCKETS and above them, and the sum of the seconds."""
        fresh, below = sorted(self.fresh), 0
        self.fresh.clear()
        for place, bound in enumerate((*BUCKETS, inf)):
            within = bisect_right(fresh, bound)
            self._counts[place] += within - below
            below = within
        self._sum += sum(fresh)
        return self._counts, self._sum


@final
class Telemetry:
    """`listeners` are told of every end, `fault_listeners` of those with a fault; they must not wait and must not
    raise. `seconds` is by operation and status, `attempts` by provider and outcome.

    `notes` are of requests that began, flew and ended: so many may be put there as there is `room` for, where the only
    listener is the `taker` of notes as well. Whoever reads any number calls `count_notes` before.
    """

    def __init__(
        self,
        listeners: tuple[Listener, ...] = (),
        fault_listeners: tuple[Listener, ...] = (),
        taker: NoteTaker | None = None,
    ) -> None:
        self._listeners = listeners
        self._fault_listeners = fault_listeners
        self._taker = taker
        self.notes: list[Note] = []
        self.room = 0
        if taker is not None:
            taker.ask_before_reading(self.count_notes)
            self._make_room(taker)
        self.seconds: dict[str, dict[int, Durations]] = {}
        self.refusals: dict[int, int] = {}
        self.faults: dict[tuple[str, str], int] = {}
        self.attempts: dict[str, dict[str, int]] = {}
        self.input_tokens = 0
        self.output_tokens = 0
        self.active = 0
        self.dropped: dict[str, int] = {}

    def began(self) -> None:
        self.active += 1

    def ended(self, it: Ended) -> None:
        if self.notes:
            self.count_notes()
        self.active -= 1
        durations = self._durations(it.operation, it.status)
        fresh = durations.fresh
        fresh.append(it.seconds)
        if len(fresh) >= MOST_FRESH:
            durations.counted()
        for receipt in it.receipts:
            if not receipt.cached:
                try:
                    self.attempts[receipt.provider][receipt.outcome] += 1
                except KeyError:
                    self.attempts.setdefault(receipt.provider, {})[receipt.outcome] = 1
            usage = receipt.usage
            self.input_tokens += usage.input_tokens
            self.output_tokens += usage.output_tokens
        for listener in self._listeners:
            listener(it)
        if it.fault is not None:
            _add(self.faults, (it.fault.category.value, it.fault.origin.value))
            for listener in self._fault_listeners:
                listener(it)
        if self._taker is not None:
            self._make_room(self._taker)

    def count_notes(self) -> None:
        notes, taker = self.notes, self._taker
        if not notes or taker is None:
            return
        self.notes = []
        taker.take(notes)
        self._make_room(taker)
        self.input_tokens += sum(map(_input_tokens, notes))
        self.output_tokens += sum(map(_output_tokens, notes))
        groups = Counter(map(_labels, notes))
        for labels, count in groups.items():
            operation, status, provider = labels
            by_outcome = self.attempts.setdefault(provider, {})
            by_outcome[_OK] = by_outcome.get(_OK, 0) + count
            durations = self._durations(operation, status)
            durations.fresh.extend(
                map(_seconds, notes) if len(groups) == 1 else [it[2] for it in notes if it[6] == labels]
            )
            if len(durations.fresh) >= MOST_FRESH:
                durations.counted()

    def _make_room(self, taker: NoteTaker) -> None:
        self.room = min(MOST_FRESH, taker.most)

    def _durations(self, operation: str, status: int) -> Durations:
        try:
            return self.seconds[operation][status]
        except KeyError:
            durations = self.seconds.setdefault(operation, {})[status] = Durations()
            return durations

    def refused(self, fault: Fault) -> None:
        """A request that was turned away before it had an operation."""
        _add(self.refusals, fault.status)
        _add(self.faults, (fault.category.value, fault.origin.value))

    def drop(self, what: str) -> None:
        """Count something that had to be left out; a dropped thing is a number, never silence."""
        _add(self.dropped, what)


def render(telemetry: Telemetry, cost_nano: int, gauges: Callable[[], dict[str, float]]) -> bytes:
    """The Prometheus text of this moment. `cost_nano` is what was booked, in nano-dollars; `gauges` gives values that
    are only known when asked."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    telemetry.count_notes()

    class Collector:
        def collect(self) -> Iterator[Any]:
            yield _counter("ai_gateway_requests", "Requests answered.", ("operation", "status"), _requests(telemetry))
            yield _counter("ai_gateway_faults", "Requests that ended badly.", ("category", "origin"), telemetry.faults)
            yield _counter("ai_gateway_attempts", "Calls to providers.", ("provider", "outcome"), _attempts(telemetry))
            tokens = {("input",): telemetry.input_tokens, ("output",): telemetry.output_tokens}
            yield _counter("ai_gateway_tokens", "Tokens reported or estimated.", ("lane",), tokens)
            dropped = {(what,): count for what, count in telemetry.dropped.items()}
            yield _counter("ai_gateway_dropped", "Things left out because there was no room.", ("what",), dropped)
            cost = CounterMetricFamily("ai_gateway_cost_nano_usd", "Cost of all attempts in nano-dollars.")
            cost.add_metric((), cost_nano)
            yield cost
            active = GaugeMetricFamily("ai_gateway_active_requests", "Requests being served.")
            active.add_metric((), telemetry.active)
            yield active
            for name, value in gauges().items():
                gauge = GaugeMetricFamily(name, name.removeprefix("ai_gateway_").replace("_", " "))
                gauge.add_metric((), value)
                yield gauge
            histogram = HistogramMetricFamily("ai_gateway_request_seconds", "Time to answer.", labels=("operation",))
            for operation, by_status in telemetry.seconds.items():
                counted = [it.counted() for it in by_status.values()]
                columns = zip(*(counts for counts, _ in counted), strict=True)
                reached = accumulate(sum(column) for column in columns)
                bounds = (*(str(bound) for bound in BUCKETS), "+Inf")
                total = sum(seconds for _, seconds in counted)
                histogram.add_metric((operation,), [*zip(bounds, reached, strict=True)], total)
            yield histogram

    def _counter(name: str, text: str, labels: tuple[str, ...], values: dict[Any, int]) -> CounterMetricFamily:
        family = CounterMetricFamily(name, text, labels=labels)
        for label_values, count in values.items():
            family.add_metric([str(value) for value in label_values], count)
        return family

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry)


def _requests(telemetry: Telemetry) -> dict[tuple[str, int], int]:
    """By operation and status. Whoever was turned away before it had an operation has none."""
    counted = {
        (operation, status): sum(durations.counted()[0])
        for operation, by_status in telemetry.seconds.items()
        for status, durations in by_status.items()
    }
    return counted | {("none", status): count for status, count in telemetry.refusals.items()}


def _attempts(telemetry: Telemetry) -> dict[tuple[str, str], int]:
    return {
        (provider, outcome): count
        for provider, by_outcome in telemetry.attempts.items()
        for outcome, count in by_outcome.items()
    }


def _add(counter: dict[Any, int], name: Any) -> None:
    counter[name] = counter.get(name, 0) + 1
