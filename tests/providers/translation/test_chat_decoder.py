"""Answers of providers of the chat dialect: whole and streamed they are one, however strange the server."""

import json
from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ProviderError, ServiceTier, Usage
from ai_gateway.domain.conversation import Citation, Image, Maker, Refusal, Source, Text, Thinking, ToolCall, ToolKind
from ai_gateway.domain.reply import Alive, Choice, Ended, Event, Failed, Piece, Reply, Stop
from ai_gateway.providers.translation.chat_decoder import ChatReader, read_reply
from ai_gateway.providers.translation.folding import fold
from ai_gateway.providers.translation.sse_decoder import SseDecoder
from tests.providers.translation import chat_wire
from tests.providers.translation.chat_made import replies


def decoded(*chunks: bytes) -> list[Event]:
    decoder = SseDecoder(ChatReader(Maker.UNKNOWN))
    return [event for chunk in chunks for event in decoder.feed(chunk)] + decoder.end()


def stream_of(*chunks: Any) -> bytes:
    return b"".join(
        b"data: " + (json.dumps(chunk).encode() if chunk != "[DONE]" else b"[DONE]") + b"\n\n" for chunk in chunks
    )


def delta(index: int = 0, finish: str | None = None, **members: Any) -> dict[str, Any]:
    return {"id": "r1", "model": "m1", "choices": [{"index": index, "delta": members, "finish_reason": finish}]}


def folded(*chunks: Any) -> Choice:
    reply = fold(decoded(stream_of(*chunks)))
    assert isinstance(reply, Reply)
    return reply.choices[0]


@given(replies(), st.randoms(use_true_random=False))
def test_a_stream_adds_up_to_the_whole_answer_however_its_bytes_come(reply: Reply, rng: Random) -> None:
    answer = plain(reply)
    stream = chat_wire.streamed(answer, rng)
    cuts = sorted(rng.randint(0, len(stream)) for _ in range(6))
    events = decoded(*(stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])))
    assert [event for event in events if event != Alive()] == [event for event in decoded(stream) if event != Alive()]
    assert fold(events) == read_reply(chat_wire.whole(answer), Maker.UNKNOWN) == answer


def plain(reply: Reply) -> Reply:
    """What a provider says in the dialect's own words."""
    found: list[Choice] = []
    for choice in reply.choices:
        parts = tuple(part for part in choice.parts if isinstance(part, Text | Thinking | Refusal | ToolCall))
        parts = tuple(
            Text(part.text, citations=tuple(plain_citation(one) for one in part.citations))
            if isinstance(part, Text)
            else part
            for part in parts
        )
        stop = choice.stop if choice.stop in chat_wire.FINISHES else Stop.LENGTH
        if stop is Stop.END and any(isinstance(part, ToolCall) for part in parts):
            stop = Stop.TOOL_CALLS
        if stop is Stop.END and any(isinstance(part, Refusal) for part in parts):
            stop = Stop.LENGTH
        found.append(Choice(index=choice.index, parts=parts, stop=stop, logprobs=choice.logprobs))
    return msgspec.structs.replace(reply, choices=tuple(found))


def plain_citation(citation: Citation) -> Citation:
    return Citation(
        url=citation.url,
        title=citation.title,
        answer_start=citation.answer_start,
        answer_end=citation.answer_end,
    )


@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b"data: ", b"\n\n", b'{"choices":[{"delta":', b"[DONE]"]), max_size=9
    )
)
def test_no_bytes_are_an_exception(chunks: list[bytes]) -> None:
    decoded(*chunks)
    read_reply(b"".join(chunks), Maker.UNKNOWN)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "text",
                    "index",
                    "id",
                    "function",
                    "name",
                    "arguments",
                    "url",
                    "google",
                    "extra_content",
                    "data",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "content",
                "reasoning_details",
                "reasoning",
                "refusal",
                "tool_calls",
                "function_call",
                "annotations",
                "images",
                "audio",
            ]
        ),
        VALUES,
    ),
    VALUES,
    VALUES,
    VALUES,
)
def test_members_of_any_form_are_no_exception(members: Any, index: Any, finish: Any, usage: Any) -> None:
    chunk = {
        "id": finish,
        "model": index,
        "created": usage,
        "usage": usage,
        "citations": usage,
        "choices": [{"index": index, "delta": members, "finish_reason": finish, "logprobs": usage}],
    }
    decoded(stream_of(chunk, chunk, "[DONE]"))
    read_reply(json.dumps({**chunk, "choices": [{"index": index, "message": members}]}).encode(), Maker.UNKNOWN)


A_CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
OPENAIS = {"format": "openai-responses-v1", "index": 0}
ONE_CALL = (ToolCall("c1", "f", "{}"),)


@pytest.mark.parametrize(
    ("chunks", "parts"),
    [
        ([delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]), delta(content="4")],
         (Thinking("hm"), Text("4"))),
        ([delta(content=[{"type": "text", "text": "a"}, {"type": "reference", "reference_ids": [1]}])], (Text("a"),)),
        ([delta(reasoning="a"), delta(reasoning_content="b"), delta(content="c")], (Thinking("ab"), Text("c"))),
        ([delta(reasoning="a", reasoning_details=[{"type": "reasoning.text", "text": "a", "index": 0}])],
         (Thinking("a"),)),
        ([delta(reasoning_details=[{"type": "reasoning.summary", "summary": "s", **OPENAIS}]),
          delta(reasoning_details=[{"type": "reasoning.encrypted", "data": "e", **OPENAIS, "id": "rs"}])],
         (Thinking("s", None, None, Maker.OPENAI), Thinking("", None, "e", Maker.OPENAI, "rs"))),
        ([delta(tool_calls=[A_CALL])], ONE_CALL),
        ([delta(tool_calls=[{**A_CALL, "index": 0}]), delta(tool_calls=[{**A_CALL, "index": 0, "id": "c2"}])],
         (ToolCall("c1", "f", "{}"), ToolCall("c2", "f", "{}"))),
        ([delta(tool_calls=[{"index": 0, "id": "c1"}]), delta(tool_calls=[{"index": 0, "function": {"name": "f"}}]),
          delta(tool_calls=[{"index": 0, "function": {"arguments": "{}"}}])], ONE_CALL),
        ([delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": "{}"}}])],
         (ToolCall("call_r1_0", "f", "{}"),)),
        ([delta(function_call={"name": "f", "arguments": "{"}), delta(function_call={"arguments": "}"})],
         (ToolCall("call_r1_0", "f", "{}"),)),
        ([delta(tool_calls=[{"index": 0, "id": "c1", "type": "custom", "custom": {"name": "f", "input": "x"}}])],
         (ToolCall("c1", "f", "x", ToolKind.CUSTOM),)),
        ([delta(tool_calls=[{**A_CALL, "extra_content": {"google": {"thought_signature": "s"}}}])],
         (ToolCall("c1", "f", "{}", ToolKind.FUNCTION, "s", Maker.GOOGLE),)),
        ([delta(content="a"), delta(tool_calls=[A_CALL]), delta(content="b")], (Text("ab"), *ONE_CALL)),
        ([delta(refusal="no"), delta(content=None)], (Refusal("no"),)),
        ([delta(images=[{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}])],
         (Image(Source(data="AA==", media_type="image/png")),)),
        ([delta(content="[1]"), {"choices": [], "citations": ["https://a.example"]}],
         (Text("[1]", citations=(Citation(url="https://a.example"),)),)),
    ],
)  # fmt: skip
def test_what_servers_send_is_understood(chunks: list[Any], parts: Any) -> None:
    assert folded(*chunks, delta(finish="stop"), "[DONE]").parts == parts


@pytest.mark.parametrize(
    ("last", "stop"),
    [
        (delta(finish="stop"), Stop.TOOL_CALLS),
        (delta(finish="length"), Stop.LENGTH),
        (delta(finish=""), Stop.TOOL_CALLS),
    ],
)
def test_calls_end_in_calls_whatever_the_provider_says(last: Any, stop: Stop) -> None:
    assert folded(delta(tool_calls=[A_CALL]), last, "[DONE]").stop is stop


def test_a_stream_without_a_goodbye_is_whole_once_all_its_choices_have_ended() -> None:
    chunks = [delta(0, content="a"), delta(1, content="b"), delta(0, finish="stop")]
    assert fold(decoded(stream_of(*chunks))) is None
    assert decoded(stream_of(*chunks, delta(1, finish="length")))[-1] == Ended()


def test_nothing_but_a_goodbye_is_an_end_without_content() -> None:
    assert decoded(stream_of("[DONE]")) == [Ended()]


def test_azures_first_chunk_says_nothing_yet() -> None:
    first = {"id": "", "model": "", "object": "", "choices": [], "prompt_filter_results": []}
    reply = fold(decoded(stream_of(first, delta(content="a"), delta(finish="stop"), "[DONE]")))
    assert isinstance(reply, Reply)
    assert (reply.id, reply.model) == ("r1", "m1")


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b'data: {"error":{"message":"busy","code":502},"user_id":"u"}\n\n', "busy"),
        (b'event: error\ndata: {"message":"busy"}\n\n', "busy"),
        (b'data: {"object":"error","message":"busy"}\n\n', "busy"),
        (b'data: {"choices":[{"index":0,"delta":{},"error":{"message":"busy"}}]}\n\n', "busy"),
    ],
)
def test_an_error_within_a_stream_ends_it(stream: bytes, message: str) -> None:
    events = decoded(stream_of(delta(content="a")) + stream + stream_of(delta(content="b")))
    assert isinstance(events[-1], Failed)
    assert events[-1].error.message == message
    assert Piece(0, 0, "b") not in events


@pytest.mark.parametrize(
    ("usage", "place"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 4}, "usage"),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 4}}, "x_groq"),
    ],
)
def test_usage_is_found_where_it_stands_and_with_its_service(usage: Any, place: str) -> None:
    last = {**delta(finish="stop"), place: usage, "service_tier": "flex"}
    reply = fold(decoded(stream_of(delta(content="a"), last)))
    assert isinstance(reply, Reply)
    assert reply.usage == Usage(3, 4, service_tier=ServiceTier.FLEX)
    assert reply.service_tier == "flex"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>no</html>", b"null", b"[]", b'{"choices":[]}', b'{"choices":null}',
        b'{"error":{"message":"no"}}', b'{"choices":[{"message":{"content":"half"},"error":{"message":"no"}}]}',
    ],
)  # fmt: skip
def test_an_answer_without_choices_is_an_error(body: bytes) -> None:
    error = read_reply(body, Maker.UNKNOWN)
    assert isinstance(error, ProviderError)
    assert error.message


def test_half_an_emoji_hides_nothing() -> None:
    body = (
        b'{"id":"r1","choices":[{"message":{"content":"\\ud83d"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}'
    )
    reply = read_reply(body, Maker.UNKNOWN)
    assert isinstance(reply, Reply)
    assert reply.choices[0].parts == (Text("\ufffd"),)
    assert reply.usage == Usage(1, 0)


def test_what_only_this_dialect_knows_of_an_answer_rides_along() -> None:
    body = {
        "id": "r1",
        "provider": "p",
        "choices": [{"message": {"content": "a"}, "finish_reason": "stop", "native_finish_reason": "EOS"}],
    }
    reply = read_reply(json.dumps(body).encode(), Maker.UNKNOWN)
    assert isinstance(reply, Reply)
    assert (reply.others, reply.choices[0].others) == ({"provider": "p"}, {"native_finish_reason": "EOS"})


def test_choices_that_cannot_be_read_do_not_hide_the_usage() -> None:
    events = decoded(
        stream_of(delta(content="a"), {"choices": [7], "usage": {"prompt_tokens": 2}}, delta(finish="stop"))
    )
    reply = fold(events)
    assert isinstance(reply, Reply)
    assert reply.usage == Usage(2, 0)


@pytest.mark.parametrize("call_id", ["", "same", None])
def test_every_call_of_a_whole_message_is_one_of_its_own(call_id: str | None) -> None:
    calls = [{"id": call_id, "function": {"name": name, "arguments": "{}"}} for name in ("f", "g")]
    body = {"choices": [{"index": 0, "message": {"role": "assistant", "tool_calls": calls}, "finish_reason": "stop"}]}
    reply = read_reply(json.dumps(body).encode(), Maker.UNKNOWN)
    assert isinstance(reply, Reply)
    assert [(it.name, it.arguments) for it in reply.choices[0].parts if isinstance(it, ToolCall)] == [
        ("f", "{}"),
        ("g", "{}"),
    ]
