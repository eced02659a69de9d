"""OpenTelemetry traces, an extra: one SERVER span a request, one CLIENT span an attempt, both built after the answer
from times that were taken anyway. Nothing of OpenTelemetry is on the line, and without the extra nothing is loaded.

The id of an attempt's span is worked out from the attempt's id, so that the `traceparent` which went upstream names
the span that is exported later. Names: https://opentelemetry.io/docs/specs/semconv/gen-ai/
"""

from hashlib import blake2b
from typing import Any, Final, final

from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime.telemetry import Ended

NANO: Final = 1_000_000_000
OPERATIONS: Final = {
    "chat": "chat",
    "messages": "chat",
    "embeddings": "embeddings",
    "completions": "text_completion",
    "images": "generate_content",
    "count_tokens": "count_tokens",
}


def span_id_of(attempt_id: str) -> str:
    """16 hex digits."""
    return blake2b(attempt_id.encode(), digest_size=8).hexdigest()


@final
class Tracing:
    """`processor` is an OpenTelemetry SpanProcessor; it batches and sends in a thread of its own."""

    def __init__(self, processor: Any, version: str) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator

        class NamedSpans(IdGenerator):
            """Random ids, but for the one span whose id is known already."""

            next_span: int | None = None

            def __init__(self) -> None:
                self._random = RandomIdGenerator()

            def generate_span_id(self) -> int:
                known, self.next_span = self.next_span, None
                return self._random.generate_span_id() if known is None else known

            def generate_trace_id(self) -> int:
                return self._random.generate_trace_id()

        self._ids = NamedSpans()
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": "ai-gateway", "service.version": version}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("ai_gateway")

    def note(self, it: Ended) -> None:
        from opentelemetry import trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = None
        if it.traceparent is not None:
            parent = TraceContextTextMapPropagator().extract({"traceparent": it.traceparent})
        server = self._tracer.start_span(
            f"{it.operation} {it.model}" if it.model else it.operation,
            context=parent,
            kind=trace.SpanKind.SERVER,
            start_time=round(it.started_wall * NANO),
            attributes={"http.response.status_code": it.status, "ai_gateway.request.id": it.request_id},
        )
        if it.fault is not None:
            server.set_attribute("error.type", it.fault.category.value)
            server.set_status(trace.StatusCode.ERROR)
        inside = trace.set_span_in_context(server)
        for receipt in it.receipts:
            self._attempt(receipt, inside)
        server.end(round((it.started_wall + it.seconds) * NANO))

    def close(self) -> None:
        self._provider.shutdown()

    def _attempt(self, receipt: Receipt, inside: Any) -> None:
        from opentelemetry import trace

        self._ids.next_span = int(span_id_of(receipt.attempt_id), 16)
        span = self._tracer.start_span(
            f"{OPERATIONS[receipt.operation.value]} {receipt.model}",
            context=inside,
            kind=trace.SpanKind.CLIENT,
            start_time=round(receipt.started_at * NANO),
            attributes={
                "gen_ai.operation.name": OPERATIONS[receipt.operation.value],
                "gen_ai.provider.name": receipt.provider.value,
                "gen_ai.request.model": receipt.model,
                "gen_ai.usage.input_tokens": receipt.usage.input_tokens,
                "gen_ai.usage.output_tokens": receipt.usage.output_tokens,
                "ai_gateway.endpoint": receipt.endpoint,
                "ai_gateway.outcome": receipt.outcome.value,
            },
        )
        if receipt.outcome.value != "ok":
            span.set_attribute("error.type", receipt.outcome.value)
            span.set_status(trace.StatusCode.ERROR)
        span.end(round((receipt.started_at + receipt.total_ms / 1000) * NANO))


def open_tracing(endpoint: str, version: str) -> Tracing:
    """Traces to an OTLP/HTTP collector at `endpoint`. Raises ModuleNotFoundError without the `otel` extra."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return Tracing(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")), version)


def next_span(traceparent: str, attempt_id: str) -> str:
    """W3C Trace Context: the same trace, the attempt as the parent span."""
    version, trace, _, flags = traceparent.split("-")
    return f"{version}-{trace}-{span_id_of(attempt_id)}-{flags}"
