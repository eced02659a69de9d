"""A stream and a whole answer of Google's say the same."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.conversation import Maker, Text, Thinking, ToolCall
from ai_gateway.domain.faults import Category
from ai_gateway.domain.reply import Alive, Began, Counted, Ended, Failed, Piece, Reply, Stop, Stopped
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.translation.google_replies import read_google_reply
from tests.providers.translation.google_streams import ANSWERS, Answer, decoded, folded


@given(ANSWERS, st.integers(1, 5), st.sampled_from(["\n", "\r\n"]))
def test_what_a_stream_adds_up_to_is_what_the_whole_answer_says(answer: Answer, size: int, line_end: str) -> None:
    whole = read_google_reply(answer.whole())
    assert isinstance(whole, Reply)
    assert folded(answer.stream(size, line_end)) == whole


@given(ANSWERS, st.lists(st.integers(0, 3000), max_size=12))
def test_any_partition_of_the_bytes_gives_the_same_events(answer: Answer, cuts: list[int]) -> None:
    stream = answer.stream()
    assert decoded(stream, cuts) == decoded(stream)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    decoded(data)
    decoded(b"data: " + data + b"\r\n\r\n")
    read_google_reply(data)


MEMBERS = ["candidates", "content", "parts", "text", "functionCall", "args", "partialArgs", "jsonPath", "index", "web"]
MEMBERS += ["usageMetadata", "promptTokenCount", "groundingMetadata", "groundingChunks", "groundingSupports", "segment"]
MEMBERS += ["endIndex", "finishReason", "logprobsResult", "chosenCandidates", "promptFeedback"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(MEMBERS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_no_json_makes_it_raise(said: object) -> None:
    text = json.dumps(said).encode()
    read_google_reply(text)
    decoded(b"data: " + text + b"\n\n")
    decoded(b'data: {"candidates":[{"content":{"parts":[' + text + b"]}}]}\n\n")
    decoded(b'data: {"candidates":[{"finishReason":"STOP","groundingMetadata":' + text + b"}]}\n\n")


def test_parts_are_told_as_they_come_and_the_reason_at_the_end() -> None:
    stream = (
        b'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"responseId":"a",'
        b'"modelVersion":"m"}\r\n\r\n'
        b'data: {"candidates":[{"content":{"parts":[{"text":" you"}]},"finishReason":"STOP"}],'
        b'"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":2}}\r\n\r\n'
    )
    events = decoded(stream)
    assert events[0] == Began("a", "m")
    assert [it.text for it in events if isinstance(it, Piece)] == ["Hi", " you"]
    assert events[-3:] == [Counted(Usage(1, 2)), Stopped(0, Stop.END), Ended()]


def test_a_stream_that_stops_before_it_said_why_is_cut() -> None:
    events = decoded(b'data: {"candidates":[{"content":{"parts":[{"text":"Hi"}]}}]}\n\n')
    assert not any(isinstance(it, (Ended, Stopped)) for it in events)
    assert not any(isinstance(it, Ended) for it in decoded(b""))


def test_each_of_several_answers_has_to_say_why_it_stopped() -> None:
    one = b'data: {"candidates":[{"index":0,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}\n\n'
    other = b'data: {"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]}}]}\n\n'
    assert folded(one + other) is None
    reply = folded(other + one + b'data: {"candidates":[{"index":1,"finishReason":"MAX_TOKENS"}]}\n\n')
    assert isinstance(reply, Reply)
    assert [(it.index, it.parts, it.stop) for it in reply.choices] == [
        (0, (Text("a"),), Stop.END),
        (1, (Text("b"),), Stop.LENGTH),
    ]


BLOCKED = b'{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":4,"totalTokenCount":4}}'


def test_a_blocked_prompt_is_refused_by_the_filter_and_counted() -> None:
    whole = read_google_reply(BLOCKED)
    events = decoded(b"data: " + BLOCKED + b"\n\n")
    assert isinstance(whole, ProviderError)
    assert events[-2:] == [Counted(Usage(input_tokens=4)), Failed(whole)]
    assert classify(ProviderType.GEMINI, whole).category is Category.CONTENT_FILTER


def test_an_answer_that_is_filtered_is_an_answer() -> None:
    reply = read_google_reply(b'{"candidates":[{"finishReason":"SAFETY","index":0}],"usageMetadata":{}}')
    assert isinstance(reply, Reply)
    (choice,) = reply.choices
    assert (choice.parts, choice.stop, choice.others) == ((), Stop.CONTENT_FILTER, {"finishReason": "SAFETY"})


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"{}", b"[]", b'{"candidates":[]}', b"null"])
def test_what_has_no_answer_is_an_error(body: bytes) -> None:
    error = read_google_reply(body)
    assert isinstance(error, ProviderError)
    assert error.message


ERROR = b'{"error":{"code":429,"message":"Resource exhausted.","status":"RESOURCE_EXHAUSTED"}}'


@pytest.mark.parametrize(
    "stream",
    [
        b"data: " + ERROR + b"\r\n\r\n",
        ERROR,
        b"[" + ERROR + b"\r\n]",
        b"data: [" + ERROR + b"]\n\n",
        b'data: {"candidates":[{"content":{"parts":[{"text":"a"}]}}]}\n\n' + ERROR + b"\n",
    ],
)
def test_an_error_in_any_form_fails_the_stream(stream: bytes) -> None:
    for cuts in ([], list(range(len(stream)))):
        error = folded(stream, cuts)
        assert isinstance(error, ProviderError)
        assert (error.type, error.code) == ("RESOURCE_EXHAUSTED", "429")
        assert classify(ProviderType.VERTEX, error).category is Category.RATE_LIMIT


def test_an_error_under_200_is_one() -> None:
    assert isinstance(read_google_reply(ERROR), ProviderError)
    assert isinstance(read_google_reply(b"[" + ERROR + b"]"), ProviderError)


def test_a_stream_that_is_an_array_is_read_too() -> None:
    answer = Answer((({"text": "Hello"},),))
    chunks = [it.removeprefix("data: ") for it in answer.stream().decode().split("\r\n\r\n") if it]
    assert folded(("[" + ",\r\n".join(chunks) + "\n]\n").encode()) == read_google_reply(answer.whole())


def test_what_is_no_chunk_is_passed_over() -> None:
    stream = b'data: nonsense\n\ndata: {"other":1}\n\n: comment\n\n' + Answer((({"text": "Hello"},),)).stream()
    assert folded(stream) == read_google_reply(Answer((({"text": "Hello"},),)).whole())
    assert decoded(b": hi\n\n") == [Alive()]


def test_signatures_come_on_calls_thoughts_and_texts() -> None:
    reply = read_google_reply(
        Answer(
            (
                (
                    {"text": "hm", "thought": True},
                    {"text": "Hello", "thoughtSignature": "S1"},
                    {"functionCall": {"name": "f", "args": {"a": 1}, "id": "x"}, "thoughtSignature": "S2"},
                    {"text": " bye"},
                ),
            )
        ).whole()
    )
    assert isinstance(reply, Reply)
    assert reply.choices[0].parts == (
        Thinking("hm", maker=Maker.GOOGLE),
        Text("Hello"),
        Thinking("", "S1", maker=Maker.GOOGLE),
        ToolCall("x", "f", '{"a":1}', signature="S2", maker=Maker.GOOGLE),
        Text(" bye"),
    )
    assert reply.choices[0].stop is Stop.TOOL_CALLS


def test_when_it_was_made_and_under_which_name() -> None:
    reply = read_google_reply(
        b'{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],'
        b'"createTime":"2026-05-04T20:01:02.26Z","responseId":"R","modelVersion":"gemini-3-flash"}'
    )
    assert isinstance(reply, Reply)
    assert (reply.id, reply.model, reply.created) == ("R", "gemini-3-flash", 1_777_924_862)
