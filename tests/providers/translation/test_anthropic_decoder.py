"""Anthropic's streams add up to its whole answers, however their bytes are cut, and nothing in them raises."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.conversation import Opaque, ToolCall
from ai_gateway.domain.reply import Alive, Began, Counted, Ended, Event, Failed, PartWhole, Piece, Reply, Stop, Stopped
from ai_gateway.providers.translation.anthropic_back import AnthropicBack
from ai_gateway.providers.translation.anthropic_reply import read_message
from ai_gateway.providers.translation.folding import fold
from tests.providers.translation.anthropic_streams import Message, event, stream, whole
from tests.providers.translation.test_anthropic_reply import a_message

TEXTS = st.text(st.sampled_from('ab "\\\n{}\u2028é😀'), max_size=12)
INPUTS = st.dictionaries(TEXTS, st.one_of(st.integers(), TEXTS, st.lists(st.booleans(), max_size=2)), max_size=3)
CITATIONS = st.lists(
    st.builds(
        lambda text: {
            "type": "page_location",
            "cited_text": text,
            "document_index": 0,
            "start_page_number": 1,
            "end_page_number": 2,
        },
        TEXTS,
    ),
    min_size=1,
    max_size=2,
)
BLOCKS: st.SearchStrategy[Message] = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXTS),
    st.builds(lambda text, cited: {"type": "text", "text": text, "citations": cited}, TEXTS, CITATIONS),
    st.builds(lambda text: {"type": "thinking", "thinking": text, "signature": "sig"}, TEXTS),
    st.just({"type": "redacted_thinking", "data": "enc"}),
    st.builds(lambda said: {"type": "tool_use", "id": "t", "name": "f", "input": said}, INPUTS),
    st.builds(lambda said: {"type": "server_tool_use", "id": "s", "name": "web_search", "input": said}, INPUTS),
    st.just({"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]}),
)
MESSAGES = st.builds(
    lambda content, reason: a_message(
        *content, stop_reason=reason, stop_sequence="X" if reason == "stop_sequence" else None
    ),
    st.lists(BLOCKS, max_size=4),
    st.sampled_from(["end_turn", "max_tokens", "stop_sequence", "refusal", "pause_turn", "something_new"]),
)


def decoded(*chunks: bytes) -> list[Event]:
    decoder = AnthropicBack().decoder()
    events = [it for chunk in chunks for it in decoder.feed(chunk)]
    return [*events, *decoder.end()]


def told(name: str, **said: Any) -> bytes:
    return event(name, said)


@given(MESSAGES, st.integers(1, 5), st.lists(st.integers(0, 10_000), max_size=5))
def test_a_stream_adds_up_to_the_whole_answer_however_it_is_cut(message: Message, pieces: int, cuts: list[int]) -> None:
    body = stream(message, pieces)
    places = [0, *sorted(cut % len(body) for cut in cuts), len(body)]
    chunks = [body[start:end] for start, end in itertools.pairwise(places)]
    assert decoded(*chunks) == decoded(body)
    assert fold(decoded(*chunks)) == read_message(whole(message))


@given(MESSAGES, st.data())
def test_a_stream_that_is_cut_is_no_answer(message: Message, data: st.DataObject) -> None:
    body = stream(message)
    end = body.index(b"event: message_delta")
    assert fold(decoded(body[: data.draw(st.integers(0, end))])) is None


@given(
    st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([b"data: ", b"\n\n", b"event: error\n"])), max_size=8)
)
def test_no_bytes_raise(chunks: list[bytes]) -> None:
    decoded(*chunks)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["type", "index", "text", "thinking", "signature", "data", "input", "id", "name", "citations", "usage"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)
KINDS = st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "text_delta",
    "thinking_delta", "input_json_delta", "signature_delta", "citations_delta", "compaction_delta"])  # fmt: skip
NAMES = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "ping",
        "new",
    ]
)


@st.composite
def hostile_events(draw: st.DrawFn) -> bytes:
    """The right names with anything in them."""
    said: dict[str, Any] = {}
    for name in ("message", "content_block", "delta", "usage"):
        value = draw(JSON)
        said[name] = value | {"type": draw(KINDS)} if isinstance(value, dict) else value
    said["index"] = draw(st.one_of(st.just(0), JSON))
    return event(draw(NAMES), said)


@given(st.lists(hostile_events(), max_size=8))
def test_no_events_raise(events: list[bytes]) -> None:
    folded = fold(decoded(*events))
    assert folded is None or isinstance(folded, Reply | ProviderError)


def test_the_first_count_of_the_output_is_none_and_the_last_holds() -> None:
    began, alive, *_, counted, stopped, ended = decoded(stream(a_message({"type": "text", "text": "hi"})))
    assert began == Began("msg_1", "claude", usage=Usage(8, 0, 2, 1))
    assert alive == Alive()
    assert counted == Counted(Usage(8, 3, 2, 1))
    assert (stopped, ended) == (Stopped(0, Stop.END), Ended())


def test_an_error_ends_the_stream() -> None:
    events = decoded(
        told("message_start", message={"id": "m"}),
        told("error", error={"type": "overloaded_error", "message": "busy"}),
        told("ping"),
    )
    assert isinstance(events[-1], Failed)
    assert (events[-1].error.type, events[-1].error.message) == ("overloaded_error", "busy")


def test_a_provider_that_hangs_up_after_the_reason_was_whole() -> None:
    body = stream(a_message({"type": "text", "text": "hi"}))
    assert fold(decoded(body[: body.index(b"event: message_stop")])) == read_message(
        whole(a_message({"type": "text", "text": "hi"}))
    )


def test_a_block_that_only_the_dialect_knows_is_told_whole() -> None:
    events = decoded(
        told("content_block_start", index=0, content_block={"type": "compaction", "content": None}),
        told("content_block_delta", index=0, delta={"type": "compaction_delta", "content": "so "}),
        told("content_block_delta", index=0, delta={"type": "compaction_delta", "content": "far"}),
        told("content_block_stop", index=0),
    )
    block = {"type": "compaction", "content": "so far"}
    assert events[0] == PartWhole(0, 0, Opaque("anthropic", "compaction", block))


def test_a_call_of_somebody_elses_is_told_whole() -> None:
    caller = {"type": "code_execution_20260120", "tool_id": "s"}
    block = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": caller}
    reply = fold(decoded(stream(a_message(block))))
    assert isinstance(reply, Reply)
    assert reply.choices[0].parts == (Opaque("anthropic", "tool_use", block),)
    assert reply.choices[0].stop is Stop.END


@pytest.mark.parametrize("tool_input", [{}, {"a": 1}])
def test_input_that_comes_with_the_beginning_counts_where_no_pieces_come(tool_input: dict[str, Any]) -> None:
    block = {"type": "tool_use", "id": "t", "name": "f", "input": tool_input}
    events = decoded(told("content_block_start", index=0, content_block=block), told("content_block_stop", index=0))
    assert Piece(0, 0, json.dumps(tool_input, separators=(",", ":"))) in events


def test_words_that_are_no_json_are_passed_on_as_they_came() -> None:
    pieces = ['{"gate', 'way:arguments": oops']
    events = decoded(
        told("content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}}),
        *(
            told("content_block_delta", index=0, delta={"type": "input_json_delta", "partial_json": it})
            for it in pieces
        ),
        told("content_block_stop", index=0),
        told("message_delta", delta={"stop_reason": "tool_use"}),
    )
    reply = fold([*events])
    assert isinstance(reply, Reply)
    assert reply.choices[0].parts == (ToolCall("t", "f", "".join(pieces)),)


def test_half_an_emoji_does_not_hide_the_text_beside_it() -> None:
    events = decoded(
        told("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi \\ud83d"}}\n\n',
    )
    assert events[-1] == Piece(0, 0, "hi \ufffd")
