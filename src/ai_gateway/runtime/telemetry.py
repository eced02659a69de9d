"""What is told about a request once it is over: one value, noted in O(1), turned into metrics, a log line and spans
somewhere else.

Counters are our own dictionaries, rendered by prometheus-client when somebody scrapes: the line pays one addition a
number and no label look-up. Labels are words of ours (operation, category, provider type): never a tenant, a model or
anything else that a caller can invent.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any, Final, final

import msgspec

from ai_gateway.domain.decisions import Step
from ai_gateway.domain.faults import Fault
from ai_gateway.domain.traffic import Receipt

BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)


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


@final
class Telemetry:
    """`listeners` are told of every end; they must not wait and must not raise."""

    def __init__(self, listeners: tuple[Listener, ...] = ()) -> None:
        self._listeners = listeners
        self.requests: dict[tuple[str, int], int] = {}
        self.faults: dict[tuple[str, str], int] = {}
        self.attempts: dict[tuple[str, str], int] = {}
        self.input_tokens = 0
        self.output_tokens = 0
        self.active = 0
        self.dropped: dict[str, int] = {}
        self.seconds: dict[str, list[float]] = {}

    def began(self) -> None:
        self.active += 1

    def ended(self, it: Ended) -> None:
        self.active -= 1
        _add(self.requests, (it.operation, it.status))
        if it.fault is not None:
            _add(self.faults, (it.fault.category.value, it.fault.origin.value))
        for receipt in it.receipts:
            if not receipt.cached:
                _add(self.attempts, (receipt.provider, receipt.outcome))
            usage = receipt.usage
            self.input_tokens += usage.input_tokens
            self.output_tokens += usage.output_tokens
        histogram = self.seconds.get(it.operation)
        if histogram is None:
            histogram = self.seconds[it.operation] = [0.0] * (len(BUCKETS) + 2)
        histogram[bisect_left(BUCKETS, it.seconds)] += 1
        histogram[-1] += it.seconds
        for listener in self._listeners:
            listener(it)

    def refused(self, fault: Fault) -> None:
        """A request that was turned away before it had an operation."""
        _add(self.requests, ("none", fault.status))
        _add(self.faults, (fault.category.value, fault.origin.value))

    def drop(self, what: str) -> None:
        """Count something that had to be left out; a dropped thing is a number, never silence."""
        _add(self.dropped, what)


def render(telemetry: Telemetry, cost_nano: int, gauges: Callable[[], dict[str, float]]) -> bytes:
    """The Prometheus text of this moment. `cost_nano` is what was booked, in nano-dollars; `gauges` gives values that
    are only known when asked."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    class Collector:
        def collect(self) -> Iterator[Any]:
            yield _counter("ai_gateway_requests", "Requests answered.", ("operation", "status"), telemetry.requests)
            yield _counter("ai_gateway_faults", "Requests that ended badly.", ("category", "origin"), telemetry.faults)
            yield _counter("ai_gateway_attempts", "Calls to providers.", ("provider", "outcome"), telemetry.attempts)
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
            seconds = HistogramMetricFamily("ai_gateway_request_seconds", "Time to answer.", labels=("operation",))
            for operation, counts in telemetry.seconds.items():
                total = 0.0
                buckets: list[tuple[str, float]] = []
                for bound, count in zip((*BUCKETS, None), counts[:-1], strict=True):
                    total += count
                    buckets.append(("+Inf" if bound is None else str(bound), total))
                seconds.add_metric((operation,), buckets, counts[-1])
            yield seconds

    def _counter(name: str, text: str, labels: tuple[str, ...], values: dict[Any, int]) -> CounterMetricFamily:
        family = CounterMetricFamily(name, text, labels=labels)
        for label_values, count in values.items():
            family.add_metric([str(value) for value in label_values], count)
        return family

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry)


def _add(counter: dict[Any, int], name: Any) -> None:
    counter[name] = counter.get(name, 0) + 1
