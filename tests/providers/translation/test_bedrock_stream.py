"""ConverseStream: what the pieces add up to is what the whole answer says, however the bytes are cut."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.conversation import Image, Maker, Source, Text
from ai_gateway.domain.faults import Category
from ai_gateway.domain.reply import (
    Began,
    Choice,
    Counted,
    Ended,
    Event,
    Failed,
    PartBegan,
    PartEnded,
    PartKind,
    PartWhole,
    Piece,
    Reply,
    Signed,
    Stop,
    Stopped,
)
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.translation.bedrock_reply import read_reply
from ai_gateway.providers.translation.bedrock_stream import BedrockDecoder
from ai_gateway.providers.translation.folding import fold
from providers.translation.aws_wire import a_frame, an_event, an_exception, streamed, unary
from providers.translation.bedrock_answers import ANSWERS
from providers.translation.partitions import CUTS, decoded, pieces_of, same_for_every_split

HELLO = (Choice(parts=(Text("hello"),)), "end_turn", {"usage": {"inputTokens": 3, "outputTokens": 1}})


@given(ANSWERS, CUTS)
def test_the_pieces_add_up_to_the_whole_answer(answer: Any, cuts: list[int]) -> None:
    choice, stop, beside = answer
    body = b"".join(streamed(choice, stop, beside))
    assert fold(decoded(BedrockDecoder(), *pieces_of(body, cuts))) == read_reply(unary(choice, stop, beside))


def test_every_split_gives_the_same_events() -> None:
    same_for_every_split(BedrockDecoder, b"".join(streamed(*HELLO)))
    same_for_every_split(BedrockDecoder, an_event("messageStart", role="assistant") + b"not a frame at all")


def test_an_answer_event_by_event() -> None:
    assert decoded(BedrockDecoder(), *streamed(*HELLO)) == [
        Began(),
        PartBegan(0, 0, PartKind.TEXT),
        Piece(0, 0, "he"),
        Piece(0, 0, "llo"),
        PartEnded(0, 0),
        Counted(Usage(3, 1)),
        Stopped(0, Stop.END),
        Ended(),
    ]


def test_a_thought_is_told_with_its_signature() -> None:
    events = decoded(
        BedrockDecoder(),
        an_event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"text": "hm"}}),
        an_event("contentBlockDelta", contentBlockIndex=0, delta={"reasoningContent": {"signature": "s1"}}),
    )
    assert events == [
        Began(),
        PartBegan(0, 0, PartKind.THINKING, maker=Maker.ANTHROPIC),
        Piece(0, 0, "hm"),
        Signed(0, 0, "s1"),
    ]


def test_a_call_without_input_has_an_empty_object() -> None:
    start = {"toolUse": {"toolUseId": "t", "name": "now"}}
    events = decoded(
        BedrockDecoder(),
        an_event("contentBlockStart", contentBlockIndex=0, start=start),
        an_event("contentBlockStop", contentBlockIndex=0),
    )
    assert events[1:] == [PartBegan(0, 0, PartKind.TOOL_CALL, "t", "now"), Piece(0, 0, "{}"), PartEnded(0, 0)]


def test_an_image_comes_whole() -> None:
    events = decoded(
        BedrockDecoder(),
        an_event("contentBlockStart", contentBlockIndex=0, start={"image": {"format": "png"}}),
        an_event("contentBlockDelta", contentBlockIndex=0, delta={"image": {"source": {"bytes": "eA=="}}}),
        an_event("contentBlockDelta", contentBlockIndex=0, delta={"image": {"source": {"bytes": "eQ=="}}}),
        an_event("contentBlockStop", contentBlockIndex=0),
    )
    assert events[1:] == [PartWhole(0, 0, Image(Source(data="eHk=", media_type="image/png")))]


C = Category


@pytest.mark.parametrize(
    ("name", "message", "category"),
    [
        ("throttlingException", "Too many requests, please wait before trying again.", C.RATE_LIMIT),
        ("modelStreamErrorException", "The model returned an error.", C.PROVIDER_ERROR),
        ("internalServerException", "It broke.", C.PROVIDER_ERROR),
        ("serviceUnavailableException", "Bedrock is unable to process your request.", C.OVERLOADED),
        ("modelTimeoutException", "It took too long.", C.TIMEOUT),
        ("validationException", "messages: at least one is required", C.INVALID_REQUEST),
        ("validationException", "Input is too long for requested model.", C.CONTEXT_LENGTH),
    ],
)
def test_an_exception_within_a_stream_is_the_ending_that_it_names(name: str, message: str, category: Category) -> None:
    before = streamed(*HELLO)[:3]
    events = decoded(BedrockDecoder(), *before, an_exception(name, message), *streamed(*HELLO))
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert (failed.error.type, failed.error.message) == (name, message)
    assert classify(ProviderType.BEDROCK, failed.error).category is category
    assert fold(events) == failed.error
    assert len(events) == 5


def test_an_error_frame_fails_it_too() -> None:
    headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": "An internal error."}
    assert decoded(BedrockDecoder(), a_frame(headers)) == [
        Failed(ProviderError(status=None, message="An internal error.", type="InternalError"))
    ]


def test_a_damaged_frame_fails_it_after_what_was_whole() -> None:
    frames = streamed(*HELLO)
    broken = bytearray(frames[2])
    broken[-1] ^= 1
    events = decoded(BedrockDecoder(), frames[0], frames[1], bytes(broken), frames[3])
    assert events[:3] == [Began(), PartBegan(0, 0, PartKind.TEXT), Piece(0, 0, "he")]
    assert isinstance(events[3], Failed)
    assert len(events) == 4


@pytest.mark.parametrize("kept", range(len(streamed(*HELLO)) - 2))
def test_a_cut_stream_has_no_end(kept: int) -> None:
    assert not any(isinstance(event, (Ended, Failed)) for event in decoded(BedrockDecoder(), *streamed(*HELLO)[:kept]))


def test_a_stream_that_said_why_it_stopped_is_whole_without_its_usage() -> None:
    reply = fold(decoded(BedrockDecoder(), *streamed(*HELLO)[:-1]))
    assert isinstance(reply, Reply)
    assert (reply.choices[0].stop, reply.usage) == (Stop.END, None)


def test_after_the_end_nothing_is_read() -> None:
    decoder = BedrockDecoder()
    decoded(decoder, *streamed(*HELLO))
    assert (decoder.feed(streamed(*HELLO)[1]), decoder.end()) == ([], [])


def test_events_that_mean_nothing_are_passed_over() -> None:
    frames = streamed(*HELLO)
    odd = [
        an_event("contentBlockDelta", contentBlockIndex="x", delta={"text": 7}),
        an_event("contentBlockDelta", contentBlockIndex=9, delta={"toolUse": {"input": "{"}}),
        an_event("contentBlockDelta", contentBlockIndex=9, delta={"text": ""}),
        an_event("contentBlockStart", contentBlockIndex=8, start={}),
        an_event("contentBlockStop", contentBlockIndex=7),
        an_event("somethingNew", x=1),
        a_frame({":event-type": "metadata2", ":message-type": "event"}, b"\xff"),
    ]
    assert decoded(BedrockDecoder(), frames[0], *odd, *frames[1:]) == decoded(BedrockDecoder(), *frames)


KEYS = (
    "contentBlockIndex delta start text toolUse input toolResult image source bytes "
    "reasoningContent redactedContent signature citation usage stopReason"
)
_NAMES = st.sampled_from(
    ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.text(max_size=5),
    lambda it: (
        st.lists(it, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS.split()),
            it,
            max_size=4,
        )
    ),
)


@given(st.lists(st.tuples(_NAMES, _JSON), max_size=8))
def test_no_payload_makes_it_raise(said: list[tuple[str, object]]) -> None:
    frames = [
        a_frame({":event-type": name, ":message-type": "event"}, json.dumps(payload).encode()) for name, payload in said
    ]
    events: list[Event] = decoded(BedrockDecoder(), *frames)
    fold(events)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    decoded(BedrockDecoder(), body)
