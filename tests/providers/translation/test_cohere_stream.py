"""Cohere's streams: what the pieces add up to is what the whole answer says, however the bytes are cut."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.conversation import Maker, Text, ToolCall
from ai_gateway.domain.faults import Category
from ai_gateway.domain.reply import (
    Began,
    Counted,
    Ended,
    Failed,
    PartBegan,
    PartEnded,
    PartKind,
    Piece,
    Reply,
    Stop,
    Stopped,
)
from ai_gateway.policy.error_handler import classify
from ai_gateway.providers.translation.cohere_reply import read_reply
from ai_gateway.providers.translation.cohere_stream import CohereReader
from ai_gateway.providers.translation.cohere_turns import PLAN
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.sse_decoder import SseDecoder
from providers.translation.cohere_wire import FINISHES, USAGES, an_event, parts, streamed, unary
from providers.translation.partitions import CUTS, decoded, pieces_of, same_for_every_split


def decoder() -> SseDecoder:
    return SseDecoder(CohereReader())


@given(parts(), FINISHES, USAGES, CUTS)
def test_the_pieces_add_up_to_the_whole_answer(said: Any, finish: str, usage: Any, cuts: list[int]) -> None:
    body = streamed(said, finish, usage)
    assert fold(decoded(decoder(), *pieces_of(body, cuts))) == read_reply(unary(said, finish, usage))


def test_every_split_gives_the_same_events() -> None:
    same_for_every_split(decoder, streamed((Text("héllo"),), "COMPLETE", None))


def test_an_answer_event_by_event() -> None:
    usage = {"billed_units": {"input_tokens": 3, "output_tokens": 1}}
    assert decoded(decoder(), streamed((Text("hello"),), "COMPLETE", usage)) == [
        Began(id="r1"),
        PartBegan(0, 0, PartKind.TEXT),
        Piece(0, 0, "he"),
        Piece(0, 0, "llo"),
        Counted(Usage(3, 1)),
        Stopped(0, Stop.END),
        Ended(),
    ]


def test_a_plan_is_a_thought_and_calls_are_numbered_apart_from_content() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{"}}
    events = decoded(
        decoder(),
        an_event("tool-plan-delta", message={"tool_plan": "I will"}),
        an_event("tool-call-start", index=0, message={"tool_calls": call}),
        an_event("tool-call-delta", index=0, message={"tool_calls": {"function": {"arguments": "}"}}}),
        an_event("tool-call-end", index=0),
        an_event("message-end", delta={"finish_reason": "TOOL_CALL"}),
    )
    assert events == [
        Began(),
        PartBegan(0, 0, PartKind.THINKING, maker=Maker.COHERE, thought_id=PLAN),
        Piece(0, 0, "I will"),
        PartBegan(0, 1, PartKind.TOOL_CALL, "c1", "f"),
        Piece(0, 1, "{"),
        Piece(0, 1, "}"),
        PartEnded(0, 1),
        Stopped(0, Stop.TOOL_CALLS),
        Ended(),
    ]


@pytest.mark.parametrize(
    ("event", "category"),
    [
        (an_event("message-end", delta={"finish_reason": "ERROR", "error": "it broke"}), Category.PROVIDER_ERROR),
        (an_event("message-end", delta={"finish_reason": "TIMEOUT"}), Category.TIMEOUT),
        (b'data: {"id":"x","message":"too many requests"}\n\n', Category.PROVIDER_ERROR),
        (b'event: error\ndata: {"message":"it is overloaded"}\n\n', Category.OVERLOADED),
    ],
)
def test_a_failure_within_a_stream(event: bytes, category: Category) -> None:
    begun = an_event("content-delta", index=0, message={"content": {"text": "a"}})
    events = decoded(decoder(), begun, event, begun)
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert failed.error.message
    assert classify(ProviderType.COHERE, failed.error).category is category
    assert len(events) == 4


def test_a_cut_stream_has_no_end() -> None:
    body = streamed((Text("hello"),), "COMPLETE", None)
    events = decoded(decoder(), body[: body.index(b"event: message-end")])
    assert not any(isinstance(event, (Ended, Failed)) for event in events)


def test_events_that_mean_nothing_are_passed_over() -> None:
    odd = [
        an_event("content-delta", index="x", message={"content": {"text": 7}}),
        an_event("content-delta", index=3, message={"content": {"text": ""}}),
        an_event("tool-call-delta", index=9, message={"tool_calls": {"function": {"arguments": "x"}}}),
        an_event("citation-start", index=0, message={"citations": {"start": 0}}),
        an_event("debug", x=1),
        b"data: not json\n\n",
    ]
    body = streamed((Text("hello"),), "COMPLETE", None)
    head, tail = body.split(b"event: content-start", 1)
    found = decoded(decoder(), head, *odd, b"event: content-start" + tail)
    assert found == decoded(decoder(), body)


KINDS = (
    "message-start content-start content-delta content-end tool-plan-delta tool-call-start tool-call-delta "
    "tool-call-end citation-start citation-end message-end"
)
KEYS = "message content text thinking tool_plan tool_calls function citations usage"
_KINDS = st.sampled_from(KINDS.split())
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


@given(st.lists(st.tuples(_KINDS, _JSON, _JSON), max_size=8))
def test_no_event_makes_it_raise(said: list[tuple[str, object, object]]) -> None:
    lines = [json.dumps({"type": kind, "index": index, "delta": delta}) for kind, index, delta in said]
    fold(decoded(decoder(), *(f"data: {line}\n\n".encode() for line in lines)))


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    decoded(decoder(), b"data: " + body + b"\n\n")


@pytest.mark.parametrize("told", [("null",), ("", "null")], ids=str)
def test_a_call_without_parameters_has_an_object_of_none(told: tuple[str, ...]) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": told[0]}}
    events = [an_event("message-start", id="r"), an_event("tool-call-start", index=0, message={"tool_calls": call})]
    for piece in told[1:]:
        said = {"tool_calls": {"function": {"arguments": piece}}}
        events.append(an_event("tool-call-delta", index=0, message=said))
    events.append(an_event("message-end", delta={"finish_reason": "TOOL_CALL"}))
    folded = fold(decoded(decoder(), *events))
    called = call | {"function": {"name": "f", "arguments": "null"}}
    message = {"role": "assistant", "content": [], "tool_calls": [called]}
    whole = read_reply(json.dumps({"id": "r", "message": message, "finish_reason": "TOOL_CALL"}).encode())
    assert isinstance(folded, Reply)
    assert isinstance(whole, Reply)
    assert folded.choices == whole.choices
    assert folded.choices[0].parts == (ToolCall("c", "f", "{}"),)
