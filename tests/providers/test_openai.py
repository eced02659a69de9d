import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Dialect, Operation, ServiceTier, Usage
from ai_gateway.providers import Reading
from ai_gateway.providers.differences import Differences
from ai_gateway.providers.openai import ChatReader, OpenAICodec, UsageChunk, read_any_reply
from ai_gateway.providers.sse import read_event
from ai_gateway.providers.usage import OpenAICounts, OpenAIDetails
from ai_gateway.providers.watch import Verdict
from providers.calls import a_shaped

CODEC = OpenAICodec()


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (Operation.CHAT, "/chat/completions"),
        (Operation.EMBEDDINGS, "/embeddings"),
        (Operation.COMPLETIONS, "/completions"),
        (Operation.IMAGES, "/images/generations"),
    ],
)
def test_a_request_goes_below_the_base_url(operation: Operation, path: str) -> None:
    request = CODEC.encode(a_shaped(operation, query="a=b"), "up")
    assert (request.method, request.path) == ("POST", path)
    assert request.body == b'{"model":"up","messages":[]}'
    assert not {"authorization", "x-api-key", "cookie"} & {name for name, _ in request.headers}


def test_it_speaks_openai() -> None:
    assert CODEC.dialect is Dialect.OPENAI
    assert CODEC.operations == {
        Operation.CHAT,
        Operation.EMBEDDINGS,
        Operation.COMPLETIONS,
        Operation.IMAGES,
        Operation.RESPONSES,
    }


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ("", '"stream_options":{"include_usage":true}'),
        (',"stream_options":null', '"stream_options":{"include_usage":true}'),
        (',"stream_options":{"a":[1, 2]}', '"stream_options":{"a":[1, 2],"include_usage":true}'),
        (',"stream_options":{"include_usage":false}', '"stream_options":{"include_usage":true}'),
        (',"stream_options":{"include_usage":true}', '"stream_options":{"include_usage":true}'),
        (',"stream_options":7', '"stream_options":7'),
    ],
)
def test_a_stream_is_asked_for_its_usage(options: str, sent: str) -> None:
    body = CODEC.encode(a_shaped(body=f'{{"model":"m","stream":true{options}}}'), "up").body
    assert body == f'{{"model":"up","stream":true,{sent}}}'.encode()


@pytest.mark.parametrize(
    ("operation", "body"),
    [(Operation.CHAT, '{"model":"m"}'), (Operation.CHAT, '{"model":"m","stream":false}')],
)
def test_what_is_no_stream_is_not_asked(operation: Operation, body: str) -> None:
    assert b"stream_options" not in CODEC.encode(a_shaped(operation, body), "m").body


def test_embeddings_are_never_asked_for_a_stream_s_usage() -> None:
    shaped = a_shaped(Operation.EMBEDDINGS, '{"model":"m","input":"x","stream":true}')
    assert b"stream_options" not in CODEC.encode(shaped, "m").body


def test_a_streamed_text_is_asked_for_its_usage_too() -> None:
    shaped = a_shaped(Operation.COMPLETIONS, '{"model":"m","prompt":"x","stream":true}')
    assert b'"stream_options":{"include_usage":true}' in bytes(CODEC.encode(shaped, "m").body)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (
            b'{"created":1,"data":[{"b64_json":"x"}],"usage":{"input_tokens":50,"output_tokens":4160,"total_tokens":'
            b'4210,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}',
            Usage(input_tokens=50, output_tokens=4160, image_input_tokens=40),
        ),
        (b'{"created":1,"data":[{"url":"x"},{"url":"y"}]}', Usage(output_tokens=2)),
        (b'{"created":1,"data":[{"url":"x"}],"usage":null}', Usage(output_tokens=1)),
        (b'{"created":1,"data":[{"url":"x"}],"usage":{"input_tokens":0,"output_tokens":0}}', Usage(output_tokens=1)),
    ],
)
def test_a_picture_is_counted_in_tokens_or_as_one(body: bytes, usage: Usage) -> None:
    reading = CODEC.read_reply(Operation.IMAGES, body)
    assert (reading.error, reading.usage) == (None, usage)


@pytest.mark.parametrize("body", [b'{"created":1,"data":[]}', b"{}", b'{"error":{"message":"no"}}'])
def test_no_picture_is_an_error(body: bytes) -> None:
    assert CODEC.read_reply(Operation.IMAGES, body).error is not None


def test_a_text_is_whole_when_every_prompts_text_is() -> None:
    """Two prompts, one text each: `n` does not say how many there are."""
    shaped = a_shaped(Operation.COMPLETIONS, '{"model":"m","prompt":["a","b"],"stream":true}')
    watch = CODEC.watch(msgspec.structs.replace(shaped, call=msgspec.structs.replace(shaped.call, choices=2)))
    for index, finish in ((0, '"stop"'), (1, "null")):
        watch.feed(f'data: {{"choices":[{{"index":{index},"text":"x","finish_reason":{finish}}}]}}\n\n'.encode())
    assert not watch.end().complete


def test_a_chat_answer_is_read() -> None:
    body = b'{"choices":[{"message":{"content":"half \\ud83d"}}],"usage":{"prompt_tokens":3,"completion_tokens":5}}'
    reading = CODEC.read_reply(Operation.CHAT, body)
    assert reading.usage == Usage(3, 5)
    assert reading.error is None


PLAIN_ANSWER: dict[str, object] = {
    "id": "c1",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "é"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
}


@pytest.mark.parametrize(
    ("more", "usage"),
    [
        ({}, Usage(3, 5)),
        ({"service_tier": "default", "error": None, "x_groq": {"usage": {"prompt_tokens": 9}}}, Usage(3, 5)),
        ({"service_tier": "flex"}, Usage(3, 5, service_tier=ServiceTier.FLEX)),
        ({"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}}}, Usage(9, cache_read_tokens=4)),
        ({"usage": {}}, None),
        ({"usage": None}, None),
        ({"usage": {"prompt_tokens": -1, "completion_tokens": 5}}, None),
        ({"choices": []}, None),
        ({"choices": [7]}, None),
        ({"error": {"message": "boom"}}, None),
        ({"error": False}, None),
        ({"service_tier": 7}, None),
    ],
)
def test_the_usage_of_a_plain_chat_is_read_at_once(more: dict[str, object], usage: Usage | None) -> None:
    body = msgspec.json.encode(PLAIN_ANSWER | more)
    assert CODEC.read_chat_usage(body) == usage
    assert usage is None or read_any_reply(Operation.CHAT, body) == Reading(usage=usage)


VALUES = st.recursive(
    st.sampled_from([None, True, False, 0, 3, -1, 10**13, 1.5, "", "flex", "default", "x", [], {}]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["prompt_tokens", "total_tokens", "cached_tokens", "usage"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)
COUNTS = st.dictionaries(
    st.sampled_from(list(OpenAICounts.__struct_fields__)),
    st.integers(0, 9) | st.dictionaries(st.sampled_from(list(OpenAIDetails.__struct_fields__)), st.integers(0, 9)),
)


@given(
    st.fixed_dictionaries({"choices": st.just([{}]) | VALUES, "usage": COUNTS | VALUES}),
    st.dictionaries(st.sampled_from(["service_tier", "error", "x_groq", "data", "object"]), VALUES),
    st.integers(0, 60) | st.none(),
    st.sampled_from([b"", b",", b"}", b"\xff", b"NaN", b'"']),
)
def test_what_is_read_at_once_is_what_the_whole_reading_says(
    said: dict[str, object], more: dict[str, object], at: int | None, odd: bytes
) -> None:
    body = msgspec.json.encode(said | more)
    if at is not None:
        body = body[:at] + odd + body[at:]
    usage = CODEC.read_chat_usage(body)
    assert usage is None or read_any_reply(Operation.CHAT, body) == Reading(usage=usage)


def test_a_server_with_other_words_is_not_spoken_to_plainly() -> None:
    assert CODEC.speaks_plainly
    assert not OpenAICodec(Differences(renamed=(("max_completion_tokens", "max_tokens"),))).speaks_plainly


def test_an_answer_without_usage_has_none() -> None:
    reading = CODEC.read_reply(Operation.CHAT, b'{"choices":[{}],"usage":null}')
    assert (reading.usage, reading.error) == (None, None)


def test_embeddings_are_read() -> None:
    body = b'{"data":[{"embedding":[0.1]}],"usage":{"prompt_tokens":8,"total_tokens":8}}'
    reading = CODEC.read_reply(Operation.EMBEDDINGS, body)
    assert (reading.usage, reading.error) == (Usage(8, 0), None)


@pytest.mark.parametrize("operation", [Operation.CHAT, Operation.EMBEDDINGS])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no content"),
        (b"{}", "no content"),
        (b"null", "null"),
        (b"[]", "no content"),
        (b'{"choices":[],"data":[]}', "no content"),
        (b'{"choices":{},"data":7}', "no content"),
        (b'{"error":{"message":"boom"},"choices":[{}],"data":[{}]}', "boom"),
        (b'{"error":"boom"}', "boom"),
        (b"<html><title>Welcome</title></html>", "Welcome"),
        (b'{"choices":[{"message":"secret"}],"data":[{}]', "not valid JSON"),
    ],
)
def test_an_answer_without_its_payload_is_an_error(operation: Operation, body: bytes, words: str) -> None:
    error = CODEC.read_reply(operation, body).error
    assert error is not None
    assert words in error.message
    assert error.status is None


def test_an_answer_without_its_payload_keeps_what_it_used() -> None:
    reading = CODEC.read_reply(Operation.CHAT, b'{"usage":{"prompt_tokens":3,"completion_tokens":5}}')
    assert reading.usage == Usage(3, 5)
    assert reading.error is not None


def test_an_error_answer_is_read_with_its_status() -> None:
    error = CODEC.read_error(429, {"retry-after": "3"}, b'{"error":{"message":"m"}}')
    assert (error.status, error.message, error.retry_after_seconds) == (429, "m", 3.0)


PLAIN = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}],"usage":null}\n\n'


def verdict(reader: ChatReader, event: bytes) -> Verdict:
    return reader.read(read_event(event))


@pytest.mark.parametrize(
    ("event", "plain"),
    [
        (PLAIN, True),
        (PLAIN.replace(b":null", b": null"), True),
        (PLAIN + PLAIN, True),
        (PLAIN.replace(b'"finish_reason":null', b'"finish_reason":"stop"'), False),
        (PLAIN.replace(b'"usage":null', b'"usage":{}'), False),
        (PLAIN.replace(b'"content":"x"', rb'"content":"\"usage\": 1 \"finish_reason\""'), True),
        (b"data: [DONE]\n\n", False),
        (b'data: {"error":1}\n\n', False),
        (b"event: error\ndata: x\n\n", False),
    ],
)
def test_the_verdict_on_bytes(event: bytes, plain: bool) -> None:
    assert ChatReader(UsageChunk.WITHHELD).is_plain(event) is plain
    assert ChatReader(UsageChunk.WITHHELD, 2).is_plain(event) is False


AZURE_FIRST = b'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{}]}\n\n'
USAGE_ONLY = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
USAGE_WITH_CHOICES = b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
GROQ = b'data: {"choices":[{"delta":{}}],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}}\n\n'


@pytest.mark.parametrize(
    ("event", "usage_chunk", "expected"),
    [
        (AZURE_FIRST, UsageChunk.WITHHELD, Verdict.ASIDE),
        (USAGE_ONLY, UsageChunk.WITHHELD, Verdict.WITHHELD),
        (USAGE_ONLY, UsageChunk.WANTED, Verdict.ASIDE),
        (USAGE_WITH_CHOICES, UsageChunk.WITHHELD, Verdict.CONTENT),
        (GROQ, UsageChunk.WITHHELD, Verdict.CONTENT),
        (b'data: {"hello":1}\n\n', UsageChunk.WITHHELD, Verdict.ASIDE),
        (b": comment\n\n", UsageChunk.WITHHELD, Verdict.ASIDE),
        (b"data:[DONE]\n\n", UsageChunk.WITHHELD, Verdict.LAST),
        (b"data: <html>\n\n", UsageChunk.WITHHELD, Verdict.ERROR),
    ],
)
def test_the_verdict_on_an_event(event: bytes, usage_chunk: UsageChunk, expected: Verdict) -> None:
    assert verdict(ChatReader(usage_chunk), event) is expected


@pytest.mark.parametrize("event", [USAGE_ONLY, USAGE_WITH_CHOICES, GROQ])
def test_usage_is_read_wherever_it_stands(event: bytes) -> None:
    reader = ChatReader(UsageChunk.WITHHELD)
    verdict(reader, event)
    assert reader.usage == Usage(1, 2)


def test_an_error_event_may_carry_usage() -> None:
    reader = ChatReader(UsageChunk.WITHHELD)
    event = b'data: {"error":{"code":400},"choices":[{}],"usage":{"prompt_tokens":43,"completion_tokens":1}}\n\n'
    assert verdict(reader, event) is Verdict.ERROR
    assert reader.usage == Usage(43, 1)


@pytest.mark.parametrize(("n", "whole"), [("1", True), ("2", False), ("null", True), ('"x"', True)])
def test_the_number_of_choices_comes_from_the_request(n: str, whole: bool) -> None:
    shaped = a_shaped(body=json.dumps({"model": "m", "stream": True, "n": json.loads(n)}))
    watch = CODEC.watch(shaped)
    role, other, stop = (
        b'data: {"choices":[{"index":%d,"delta":{},"finish_reason":%s}]}\n\n' % part
        for part in ((0, b"null"), (1, b"null"), (0, b'"stop"'))
    )
    watch.feed(role)
    if n == "2":
        watch.feed(other)
    watch.feed(stop)
    assert watch.end().complete is whole


def test_the_usage_chunk_goes_to_who_asked_for_it() -> None:
    asked = a_shaped(body='{"model":"m","stream":true,"stream_options":{"include_usage":true}}')
    silent = a_shaped(body='{"model":"m","stream":true}')
    assert CODEC.watch(asked).feed(PLAIN + USAGE_ONLY) == PLAIN + USAGE_ONLY
    assert CODEC.watch(silent).feed(PLAIN + USAGE_ONLY) == PLAIN
