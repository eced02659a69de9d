from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from ai_gateway.runtime.telemetry import Telemetry
from ai_gateway.runtime.tracing import Tracing, span_id_of
from ai_gateway.runtime.upstream import CannotConnect
from support.line import BEARER, Line, a_line
from support.upstream import Pause
from support.wire import CHAT_BODY, CHAT_REPLY

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = {**BEARER, "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


async def a_traced_line(exporter: InMemorySpanExporter) -> Line:
    tracing = Tracing(SimpleSpanProcessor(exporter), "1.2.3")
    return await a_line(telemetry=Telemetry((tracing.note,)))


def by_kind(exporter: InMemorySpanExporter, kind: SpanKind) -> list[ReadableSpan]:
    return [it for it in exporter.get_finished_spans() if it.kind is kind]


async def test_a_request_is_one_server_span_and_each_attempt_one_client_span(exporter: InMemorySpanExporter) -> None:
    line = await a_traced_line(exporter)
    line.upstream.will_answer(Pause(0.5), CHAT_REPLY)

    await line.post("/v1/chat/completions", CHAT_BODY)

    (server,), (client,) = by_kind(exporter, SpanKind.SERVER), by_kind(exporter, SpanKind.CLIENT)
    assert (server.name, client.name) == ("chat gpt-4o-mini", "chat gpt-4o-mini")
    assert client.parent is not None
    assert client.parent.span_id == server.context.span_id
    assert _attributes(client)["gen_ai.usage.input_tokens"] == 12
    assert _attributes(client)["gen_ai.provider.name"] == "openai"
    assert _attributes(server)["http.response.status_code"] == 200
    assert client.end_time - client.start_time == 500_000_000  # type: ignore[operator]
    assert server.resource.attributes["service.name"] == "ai-gateway"


async def test_the_span_that_went_upstream_is_the_one_that_is_exported(exporter: InMemorySpanExporter) -> None:
    line = await a_traced_line(exporter)
    line.upstream.will_answer(CHAT_REPLY)

    await line.post("/v1/chat/completions", CHAT_BODY, PARENT)

    _, trace, span, _ = dict(line.upstream.sent[0].headers)["traceparent"].split("-")
    (server,), (client,) = by_kind(exporter, SpanKind.SERVER), by_kind(exporter, SpanKind.CLIENT)
    assert f"{client.context.span_id:016x}" == span == span_id_of(line.receipts[0].attempt_id)
    assert f"{client.context.trace_id:032x}" == f"{server.context.trace_id:032x}" == trace == TRACE
    assert server.parent is not None
    assert f"{server.parent.span_id:016x}" == "b7ad6b7169203331"


async def test_what_failed_is_marked(exporter: InMemorySpanExporter) -> None:
    line = await a_traced_line(exporter)
    line.upstream.will_fail(CannotConnect("no"))

    await line.post("/v1/chat/completions", CHAT_BODY)

    (server,), (client,) = by_kind(exporter, SpanKind.SERVER), by_kind(exporter, SpanKind.CLIENT)
    assert server.status.status_code is client.status.status_code is StatusCode.ERROR
    assert _attributes(server)["error.type"] == "provider_error"


async def test_a_refused_request_has_a_server_span_alone(exporter: InMemorySpanExporter) -> None:
    line = await a_traced_line(exporter)
    await line.post("/v1/chat/completions", b"{}")
    assert len(exporter.get_finished_spans()) == 1


def test_a_span_id_is_sixteen_hex_digits_of_the_attempt() -> None:
    assert len(span_id_of("att_1_1")) == 16
    assert int(span_id_of("att_1_1"), 16)
    assert span_id_of("att_1_1") != span_id_of("att_1_2")


def _attributes(span: ReadableSpan) -> Any:
    return span.attributes
