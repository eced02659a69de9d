import pytest

from ai_gateway.domain.chat import Dialect, Operation, Usage
from ai_gateway.providers.anthropic import AnthropicCodec, MessageReader
from ai_gateway.providers.sse import read_event
from ai_gateway.providers.watch import Verdict
from providers.calls import a_shaped

CODEC = AnthropicCodec()
START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"type":"message","content":[],"usage":'
    b'{"input_tokens":10,"cache_read_input_tokens":3,"cache_creation_input_tokens":7,'
    b'"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":5},"output_tokens":1}}       }\n\n'
)
DELTA = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":%s}\n\n'
TEXT = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"x"}     }\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"    }\n\n'


@pytest.mark.parametrize(
    ("operation", "query", "path"),
    [
        (Operation.MESSAGES, "", "/v1/messages"),
        (Operation.MESSAGES, "beta=true", "/v1/messages?beta=true"),
        (Operation.COUNT_TOKENS, "beta=true", "/v1/messages/count_tokens?beta=true"),
    ],
)
def test_a_request_keeps_its_query(operation: Operation, query: str, path: str) -> None:
    request = CODEC.encode(a_shaped(operation, query=query), "up")
    assert (request.method, request.path, request.body) == ("POST", path, b'{"model":"up","messages":[]}')


@pytest.mark.parametrize(
    ("forward", "version"),
    [((), "2023-06-01"), ((("anthropic-version", "2099-01-01"), ("anthropic-beta", "b")), "2099-01-01")],
)
def test_the_version_is_the_caller_s_or_the_usual_one(forward: tuple[tuple[str, str], ...], version: str) -> None:
    headers = CODEC.encode(a_shaped(Operation.MESSAGES, forward=forward), "up").headers
    assert [value for name, value in headers if name == "anthropic-version"] == [version]
    assert set(forward) <= set(headers)


def test_a_stream_is_not_asked_for_anything_more() -> None:
    body = CODEC.encode(a_shaped(Operation.MESSAGES, '{"model":"m","stream":true}'), "m").body
    assert body == b'{"model":"m","stream":true}'


def test_it_speaks_anthropic() -> None:
    assert CODEC.dialect is Dialect.ANTHROPIC
    assert CODEC.operations == {Operation.MESSAGES, Operation.COUNT_TOKENS}


def test_a_message_is_read() -> None:
    body = b'{"type":"message","content":[],"usage":{"input_tokens":3,"output_tokens":0,"cache_read_input_tokens":4}}'
    reading = CODEC.read_reply(Operation.MESSAGES, body)
    assert (reading.usage, reading.error) == (Usage(7, 0, cache_read_tokens=4), None)


def test_counting_tokens_uses_none() -> None:
    reading = CODEC.read_reply(Operation.COUNT_TOKENS, b'{"input_tokens":1114}')
    assert (reading.usage, reading.error) == (Usage(), None)


@pytest.mark.parametrize("operation", [Operation.MESSAGES, Operation.COUNT_TOKENS])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no content"),
        (b"{}", "no content"),
        (b'{"type":"message","input_tokens":"x"}', "no content"),
        (b'{"content":[]}', "no content"),
        (b'{"type":"completion","content":[]}', "no content"),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "Overloaded"),
        (b"<html>Welcome</html>", "Welcome"),
    ],
)
def test_an_answer_without_its_payload_is_an_error(operation: Operation, body: bytes, words: str) -> None:
    error = CODEC.read_reply(operation, body).error
    assert error is not None
    assert words in error.message


def test_an_error_answer_is_read_with_its_status() -> None:
    error = CODEC.read_error(529, {}, b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    assert (error.status, error.type, error.message) == (529, "overloaded_error", "Overloaded")


def test_a_stream_goes_through_as_it_is() -> None:
    watch = CODEC.watch(a_shaped(Operation.MESSAGES))
    delta = DELTA % b'{"output_tokens":30}'
    assert watch.feed(START + PING + TEXT + delta + STOP) == START + PING + TEXT + delta
    end = watch.end()
    assert (end.tail, end.complete) == (STOP, True)
    assert watch.usage == Usage(20, 30, cache_read_tokens=3, cache_write_5m_tokens=2, cache_write_1h_tokens=5)


def test_the_output_of_message_start_is_a_placeholder() -> None:
    watch = CODEC.watch(a_shaped(Operation.MESSAGES))
    watch.feed(START + TEXT)
    assert watch.usage is not None
    assert (watch.usage.input_tokens, watch.usage.output_tokens) == (20, 0)


def test_the_last_cumulative_usage_wins() -> None:
    watch = CODEC.watch(a_shaped(Operation.MESSAGES))
    watch.feed(START + DELTA % b'{"output_tokens":30}' + DELTA % b'{"input_tokens":100,"output_tokens":0}')
    assert watch.usage is not None
    assert (watch.usage.input_tokens, watch.usage.output_tokens) == (110, 0)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (START, Verdict.CONTENT),
        (TEXT, Verdict.CONTENT),
        (PING, Verdict.ASIDE),
        (b": comment\n\n", Verdict.ASIDE),
        (b'data: {"hello":1}\n\n', Verdict.ASIDE),
        (STOP, Verdict.LAST),
        (b'event: error\ndata: {"type":"error","error":{"message":"m"}}\n\n', Verdict.ERROR),
        (b'data: {"error":{"message":"m"}}\n\n', Verdict.ERROR),
        (b"data: <html>\n\n", Verdict.ERROR),
    ],
)
def test_the_verdict_on_an_event(event: bytes, expected: Verdict) -> None:
    assert MessageReader().read(read_event(event)) is expected


@pytest.mark.parametrize(
    ("event", "plain"), [(TEXT, True), (PING, True), (START, False), (STOP, False), (b"event:error\n\n", False)]
)
def test_the_verdict_on_bytes(event: bytes, plain: bool) -> None:
    assert MessageReader().is_plain(event) is plain


def test_an_error_before_the_message_does_not_commit_and_one_after_it_stops() -> None:
    error = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    early, late = CODEC.watch(a_shaped(Operation.MESSAGES)), CODEC.watch(a_shaped(Operation.MESSAGES))
    assert early.feed(PING + error) == PING
    assert not early.started
    assert late.feed(START + TEXT + error + STOP) == START + TEXT
    assert late.started
    assert late.error is not None
    assert late.error.type == "overloaded_error"
