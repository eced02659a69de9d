import json
from typing import Any

import pytest

from ai_gateway.domain.chat import Operation, ServiceTier, Usage
from ai_gateway.providers.openai import OpenAICodec
from ai_gateway.providers.responses import ResponsesReader, read_reply
from ai_gateway.providers.sse import read_event
from ai_gateway.providers.watch import Verdict
from providers.calls import a_shaped

USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 2},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 27,
}
LANES = Usage(20, 7, cache_read_tokens=8, cache_write_5m_tokens=2, reasoning_tokens=4)


def event(kind: str, **members: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode()


CREATED = event("response.created", response={"id": "resp_1", "status": "in_progress", "output": [], "usage": None})
DELTA = event("response.output_text.delta", delta="x", item_id="msg_1", sequence_number=4)
COMPLETED = event("response.completed", response={"id": "resp_1", "output": [{}], "usage": USAGE})
INCOMPLETE = event("response.incomplete", response={"id": "resp_1", "output": [], "usage": USAGE})
FAILED = event(
    "response.failed",
    response={"error": {"code": "rate_limit_exceeded", "message": "slower"}, "usage": USAGE},
)


def test_a_call_is_posted_below_responses() -> None:
    request = OpenAICodec().encode(a_shaped(Operation.RESPONSES, '{"model":"m","input":"hi","stream":true}'), "gpt-5")
    assert (request.method, request.path) == ("POST", "/responses")
    assert json.loads(request.body) == {"model": "gpt-5", "input": "hi", "stream": True}  # type: ignore[arg-type]


def test_the_lanes_of_a_whole_answer() -> None:
    reading = read_reply(json.dumps({"output": [], "usage": USAGE, "error": None, "status": "completed"}).encode())
    assert (reading.usage, reading.error) == (LANES, None)
    flex = read_reply(json.dumps({"output": [], "usage": USAGE, "service_tier": "flex"}).encode()).usage
    assert flex is not None
    assert flex.service_tier is ServiceTier.FLEX


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no content"),
        (b"{}", "no content"),
        (b'{"output":{}}', "no content"),
        (b"<html><title>Welcome</title></html>", "Welcome"),
        (b'{"output":[],"error":{"message":"boom"}}', "boom"),
        (b'{"output":[],"status":"failed","error":{"code":"server_error","message":"boom"}}', "boom"),
    ],
)
def test_an_answer_without_its_payload_is_an_error(body: bytes, words: str) -> None:
    error = OpenAICodec().read_reply(Operation.RESPONSES, body).error
    assert error is not None
    assert words in error.message


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (CREATED, Verdict.ASIDE),
        (event("response.queued", response={}), Verdict.ASIDE),
        (event("response.in_progress", response={}), Verdict.ASIDE),
        (DELTA, Verdict.CONTENT),
        (event("response.something_new"), Verdict.CONTENT),
        (COMPLETED, Verdict.LAST),
        (INCOMPLETE, Verdict.LAST),
        (FAILED, Verdict.ERROR),
        (event("error", code="server_error", message="m"), Verdict.ERROR),
        (b'event: error\ndata: {"message":"m"}\n\n', Verdict.ERROR),
        (b'data: {"error":{"message":"m"}}\n\n', Verdict.ERROR),
        (b"data: [DONE]\n\n", Verdict.WITHHELD),
        (b": ping\n\n", Verdict.ASIDE),
        (b'data: {"x":1}\n\n', Verdict.ASIDE),
        (b"data: <html>\n\n", Verdict.ERROR),
    ],
)
def test_the_verdict_on_an_event(said: bytes, expected: Verdict) -> None:
    assert ResponsesReader().read(read_event(said)) is expected


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        (DELTA, True),
        (DELTA + DELTA, True),
        (CREATED, False),
        (COMPLETED, False),
        (COMPLETED.replace(b": {", b":{"), False),
        (FAILED, False),
        (event("error", message="m"), False),
        (b"data: [DONE]\n\n", False),
        (event("response.output_text.delta", delta='"response": "error"'), True),
    ],
)
def test_the_verdict_on_bytes(said: bytes, plain: bool) -> None:
    assert ResponsesReader().is_plain(said) is plain


def test_a_stream_begins_with_its_first_content_and_ends_with_its_last_event() -> None:
    watch = OpenAICodec().watch(a_shaped(Operation.RESPONSES))
    assert watch.feed(CREATED) == CREATED
    assert not watch.started
    assert watch.feed(DELTA) == DELTA
    assert watch.started
    assert watch.feed(COMPLETED + b"data: [DONE]\n\n") == b""
    assert (watch.finished, watch.usage) == (True, LANES)
    end = watch.end()
    assert (end.complete, end.tail) == (True, COMPLETED)


def test_a_stream_without_its_last_event_is_cut() -> None:
    watch = OpenAICodec().watch(a_shaped(Operation.RESPONSES))
    watch.feed(CREATED + DELTA)
    assert not watch.end().complete


@pytest.mark.parametrize("before", [b"", DELTA])
def test_a_failure_is_told_in_its_own_words(before: bytes) -> None:
    watch = OpenAICodec().watch(a_shaped(Operation.RESPONSES))
    watch.feed(CREATED + before + FAILED)
    error = watch.error
    assert error is not None
    assert (error.code, error.message, watch.usage) == ("rate_limit_exceeded", "slower", LANES)
