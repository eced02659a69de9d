"""Streams for Anthropic's callers: in sequence whatever the order of the provider, and read back to the same answer."""

import itertools
import json
from typing import Any

import pytest
from anthropic.types import RawMessageDeltaEvent, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.conversation import Citation, Maker, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolKind
from ai_gateway.domain.reply import (
    Alive,
    Began,
    Choice,
    Cited,
    Counted,
    Ended,
    Event,
    PartBegan,
    PartEnded,
    PartKind,
    PartWhole,
    Piece,
    Reply,
    Signed,
    Stop,
    Stopped,
    Weighed,
)
from ai_gateway.providers.sse import EventSplitter, read_event
from ai_gateway.providers.translation.anthropic_back import AnthropicBack
from ai_gateway.providers.translation.anthropic_encoder import MessageEncoder
from ai_gateway.providers.translation.folding import fold

STREAM_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
USAGE = Usage(12, 7, 3, 2, 1, 4)
BEGAN = Began("msg_1", "claude", usage=Usage(12))
STOPPED = [Stopped(0, Stop.END), Counted(USAGE)]


def encoded(*events: Event) -> bytes:
    encoder = MessageEncoder("msg_r1", "asked")
    return b"".join([encoder.write(event) for event in events]) + encoder.end()


def told(*events: Event) -> list[dict[str, Any]]:
    """What an encoder writes, without what opens and ends a message."""
    return [it for it in every(encoded(BEGAN, *events)) if not it["type"].startswith("message_")]


def every(written: bytes) -> list[dict[str, Any]]:
    datas: list[dict[str, Any]] = []
    for event in EventSplitter().feed(written):
        read = read_event(event)
        said = json.loads(read.data or b"")
        assert said["type"] == read.name.decode()
        datas.append(said)
    return datas


def shape(*events: Event) -> list[str]:
    """`0:text`, `0+ab`, `0.`: a block begins, grows, ends."""
    said: list[str] = []
    for it in told(*events):
        match it:
            case {"type": "content_block_start", "index": index, "content_block": {"type": kind}}:
                said.append(f"{index}:{kind}")
            case {"type": "content_block_delta", "index": index, "delta": {"type": _, **rest}}:
                said.append(f"{index}+{next(iter(rest.values()))}")
            case {"type": "content_block_stop", "index": index}:
                said.append(f"{index}.")
            case _:
                said.append(it["type"])
    return said


def a_call(part: int, id_: str = "c", maker: Maker | None = None) -> PartBegan:
    return PartBegan(0, part, PartKind.TOOL_CALL, id_, "f", maker=maker)


def test_a_stream_begins_and_ends_as_the_dialect_does() -> None:
    start, *_, delta, stop = every(encoded(BEGAN, Piece(0, 0, "hi"), *STOPPED))
    assert start["message"] | {"usage": None} == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": None,
    }
    assert (start["message"]["usage"]["input_tokens"], start["message"]["usage"]["output_tokens"]) == (12, 0)
    assert delta["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert delta["usage"] == {
        "input_tokens": 6,  # 12 less 3 read and 2 + 1 written
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 3,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 1},
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 4},
    }
    assert stop == {"type": "message_stop"}


GOLDEN = """\
event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude",\
"content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":0,\
"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},\
"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"let me \\"see\\""}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"c","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\":1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":12,\
"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"cache_creation":{"ephemeral_5m_input_tokens":0,\
"ephemeral_1h_input_tokens":0},"output_tokens":5}}

event: message_stop
data: {"type":"message_stop"}

"""


def test_the_bytes_of_a_stream() -> None:
    events: list[Event] = [Piece(0, 0, 'let me "see"'), a_call(1), Piece(0, 1, '{"a":1}'), Counted(Usage(12, 5))]
    assert encoded(BEGAN, *events, Stopped(0, Stop.TOOL_CALLS)).decode() == GOLDEN


@pytest.mark.parametrize("first", [Alive(), Piece(0, 0, "hi"), Counted(USAGE), Stopped(0, Stop.END)])
def test_the_start_is_first_whatever_comes_first(first: Event) -> None:
    start, *_ = every(encoded(first))
    assert (start["type"], start["message"]["id"], start["message"]["model"]) == ("message_start", "msg_r1", "asked")


def test_a_part_begins_with_its_first_piece_and_an_empty_one_is_none() -> None:
    assert shape(PartBegan(0, 0, PartKind.TEXT), PartEnded(0, 0), Piece(0, 1, "a"), Piece(0, 1, "b")) == [
        "0:text", "0+a", "0+b", "0.",
    ]  # fmt: skip


def test_a_text_that_is_interrupted_goes_on_in_a_new_block() -> None:
    thought = PartBegan(0, 1, PartKind.THINKING, maker=Maker.ANTHROPIC)
    signed = (Signed(0, 1, "si"), Signed(0, 1, "g"))
    assert shape(Piece(0, 0, "a"), thought, Piece(0, 1, "hm"), *signed, Piece(0, 0, "b")) == [
        "0:text", "0+a", "0.", "1:thinking", "1+hm", "1+sig", "1.", "2:text", "2+b", "2.",
    ]  # fmt: skip


def test_parallel_calls_come_one_after_the_other() -> None:
    mixed: list[Event] = [
        a_call(0, "a"),
        a_call(1, "b"),
        Piece(0, 0, '{"x'),
        Piece(0, 1, '{"y'),
        Piece(0, 0, '":1}'),
        Piece(0, 2, "text"),
        Piece(0, 1, '":2}'),
    ]
    whole = ["0:tool_use", '0+{"x', '0+":1}', "0.", "1:tool_use", '1+{"y', '1+":2}', "1.", "2:text", "2+text", "2."]
    assert shape(*mixed) == whole
    assert shape(*mixed, PartEnded(0, 0), PartEnded(0, 1), PartEnded(0, 2)) == whole
    assert shape(*mixed[:5], PartEnded(0, 0), *mixed[5:]) == whole


def test_a_call_whose_arguments_are_whole_is_over_when_the_next_one_begins() -> None:
    """So that a long second call is seen while it comes."""
    encoder = MessageEncoder("m", "x")
    first: list[Event] = [BEGAN, a_call(0, "a"), Piece(0, 0, '{"x"'), Piece(0, 0, ":1}")]
    for event in first:
        encoder.write(event)
    assert b'"content_block_stop","index":0' in encoder.write(a_call(1, "b"))
    assert b'"index":1' in encoder.write(Piece(0, 1, '{"y"'))
    assert encoder.write(Piece(0, 0, " ")) == b""  # blanks after the end of it
    assert b"content_block_stop" not in encoder.write(PartBegan(0, 2, PartKind.TEXT))


def test_a_call_that_is_whole_at_once_is_one_delta() -> None:
    assert shape(PartWhole(0, 0, ToolCall("a", "f", '{"x": 1}'))) == ["0:tool_use", '0+{"x": 1}', "0."]


def test_arguments_that_are_no_object_are_wrapped() -> None:
    custom = PartBegan(0, 0, PartKind.TOOL_CALL, "a", "f", ToolKind.CUSTOM)
    for begun, pieces, arguments in (
        (a_call(0), ["  ", 'say "', 'hi"'], '  say "hi"'),
        (custom, ['{"a"', ":1}"], '{"a":1}'),
        (custom, [], ""),
    ):
        written = shape(begun, *(Piece(0, 0, piece) for piece in pieces))
        assert json.loads("".join(it[2:] for it in written[1:-1])) == {"gateway:arguments": arguments}


def test_a_signed_call_has_its_signature_before_it() -> None:
    call = a_call(0, maker=Maker.GOOGLE)
    assert shape(call, Piece(0, 0, "{}"), Signed(0, 0, "sig"), PartEnded(0, 0)) == [
        "0:thinking", "0+gateway:google:sig", "0.", "1:tool_use", "1+{}", "1.",
    ]  # fmt: skip


def test_a_thought_that_is_not_shown_is_redacted() -> None:
    thought = PartBegan(0, 0, PartKind.THINKING, maker=Maker.ANTHROPIC)
    (start, _) = told(thought, Signed(0, 0, "en", is_encrypted=True), Signed(0, 0, "c", is_encrypted=True))
    assert start["content_block"] == {"type": "redacted_thinking", "data": "enc"}


def test_a_thought_that_nobody_ends_comes_before_what_follows_it() -> None:
    thought = PartBegan(0, 0, PartKind.THINKING, maker=Maker.OPENAI)
    hidden = Signed(0, 0, "enc", is_encrypted=True)
    for after in ([a_call(1), Piece(0, 1, "{}")], [Piece(0, 1, "hi")], [PartWhole(0, 1, Text("hi"))]):
        assert next(it for it in shape(thought, hidden, *after) if ":" in it) == "0:redacted_thinking"


def test_a_ping_is_passed_on_and_probabilities_are_not() -> None:
    assert shape(Piece(0, 0, "a"), Alive(), Weighed(0, {"content": []}), Piece(1, 0, "other")) == [
        "0:text", "0+a", "ping", "0.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([Stopped(0, Stop.STOP_SEQUENCE, "X")], "stop_sequence"),
        ([a_call(0), Stopped(0, Stop.END)], "tool_use"),
        ([a_call(0), Stopped(0, Stop.LENGTH)], "max_tokens"),
        ([PartBegan(0, 0, PartKind.REFUSAL), Piece(0, 0, "no"), Stopped(0, Stop.END)], "refusal"),
        ([], "end_turn"),
    ],
)
def test_the_reason_fits_what_was_said(events: list[Event], reason: str) -> None:
    assert every(encoded(*events))[-2]["delta"]["stop_reason"] == reason


# Letters that JSON escapes, a pair of surrogates in UTF-16, a line separator: texts are cut anywhere among them.
TEXTS = st.text(st.sampled_from('ab "\\\n{}\u2028é😀'), min_size=1, max_size=12)
SIGNATURES = st.text(st.sampled_from("abc+/="), min_size=1, max_size=8)
ARGUMENTS = st.one_of(st.sampled_from(['{"a":1}', "{}", '{"b": [1, "x"]}', "plain", "[1]"]), TEXTS.filter(str.strip))
THOUGHTS = st.builds(
    Thinking,
    st.one_of(st.just(""), TEXTS),
    st.one_of(st.none(), SIGNATURES),
    st.one_of(st.none(), SIGNATURES),
    st.sampled_from(Maker),
    st.one_of(st.none(), st.just("rs_1")),
).filter(lambda it: bool(it.text or it.signature or it.encrypted))
CITATIONS = st.builds(
    Citation, url=st.just("https://x"), title=TEXTS, cited_text=TEXTS, extra=st.just({"encrypted_index": "e"})
)
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, TEXTS, citations=st.lists(CITATIONS, max_size=2).map(tuple)),
    THOUGHTS,
    st.builds(
        lambda text: ToolCall("c1", "f", text), ARGUMENTS.filter(lambda it: not it.startswith("{") or is_object(it))
    ),
    st.builds(
        lambda text, sig: ToolCall("c1", "f", text, signature=sig, maker=Maker.GOOGLE), st.just('{"a":1}'), SIGNATURES
    ),
    st.just(
        Opaque(
            "anthropic",
            "server_tool_use",
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
        )
    ),
)


def is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def pieces_of(number: int, part: Part, cuts: list[int]) -> list[Event]:
    """A part as a provider streams it, in pieces of these sizes."""

    def pieces(text: str) -> list[str]:
        places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
        return [text[start:end] for start, end in itertools.pairwise(places)]

    match part:
        case Text():
            cited = [Cited(0, number, it) for it in part.citations]
            begun = PartBegan(0, number, PartKind.TEXT)
            return [begun, *(Piece(0, number, it) for it in pieces(part.text)), *cited, PartEnded(0, number)]
        case Thinking():
            begun = PartBegan(0, number, PartKind.THINKING, maker=part.maker, thought_id=part.id)
            said = [Piece(0, number, it) for it in pieces(part.text)]
            signed = [Signed(0, number, it) for it in pieces(part.signature or "")]
            hidden = [Signed(0, number, it, is_encrypted=True) for it in pieces(part.encrypted or "")]
            return [begun, *said, *signed, *hidden, PartEnded(0, number)]
        case ToolCall():
            begun = PartBegan(0, number, PartKind.TOOL_CALL, part.id, part.name, maker=part.maker)
            signed = [Signed(0, number, it) for it in pieces(part.signature or "")]
            return [begun, *(Piece(0, number, it) for it in pieces(part.arguments)), *signed, PartEnded(0, number)]
        case _:
            return [PartWhole(0, number, part), PartEnded(0, number)]


def test_a_service_that_clients_do_not_know_comes_back() -> None:
    decoder = AnthropicBack().decoder()
    read = fold([*decoder.feed(encoded(BEGAN, Counted(USAGE, "flex"), Stopped(0, Stop.END))), *decoder.end()])
    assert isinstance(read, Reply)
    assert read.service_tier == "flex"


@given(st.lists(PARTS, max_size=5), st.lists(st.integers(0, 40), max_size=6), st.data())
def test_what_is_encoded_is_decoded_to_the_same_answer(parts: list[Part], cuts: list[int], data: st.DataObject) -> None:
    """However the text was cut, however the bytes are, and whether or not the provider says that a part is over."""
    events = [event for number, part in enumerate(parts) for event in pieces_of(number, part, cuts)]
    if data.draw(st.booleans()):
        events = [event for event in events if not isinstance(event, PartEnded)]
    written = encoded(BEGAN, *events, *STOPPED)
    decoder = AnthropicBack().decoder()
    at = data.draw(st.integers(0, len(written)))
    read = fold([*decoder.feed(written[:at]), *decoder.feed(written[at:]), *decoder.end()])
    calls = any(isinstance(part, ToolCall) for part in parts)
    stop = Stop.TOOL_CALLS if calls else Stop.END
    assert read == Reply(id="msg_1", model="claude", choices=(Choice(parts=tuple(parts), stop=stop),), usage=USAGE)


@given(st.lists(PARTS, max_size=4), st.lists(st.integers(0, 40), max_size=6))
def test_anthropics_client_reads_every_event(parts: list[Part], cuts: list[int]) -> None:
    events = [event for number, part in enumerate(parts) for event in pieces_of(number, part, cuts)]
    usage: dict[str, int] = {}
    for said in every(encoded(Began("m", "x"), *events, *STOPPED)):
        event = STREAM_EVENT.validate_python(said)
        if isinstance(event, RawMessageDeltaEvent):
            told = event.usage
            usage["input"] = sum((told.input_tokens or 0, told.cache_read_input_tokens or 0))
            usage["input"] += told.cache_creation_input_tokens or 0
            usage["output"] = told.output_tokens
    assert usage == {"input": USAGE.input_tokens, "output": USAGE.output_tokens}


@given(st.lists(PARTS, max_size=4), st.lists(st.integers(0, 40), max_size=4), st.randoms(use_true_random=False))
def test_mixed_parts_come_out_whole(parts: list[Part], cuts: list[int], rng: Any) -> None:
    """Texts may be in several blocks then, and no call is."""
    queues = [pieces_of(number, part, cuts) for number, part in enumerate(parts)]
    mixed: list[Event] = []
    while any(queues):
        mixed.append(rng.choice([queue for queue in queues if queue]).pop(0))
    decoder = AnthropicBack().decoder()
    read = fold([*decoder.feed(encoded(BEGAN, *mixed, *STOPPED)), *decoder.end()])
    assert isinstance(read, Reply)
    said = read.choices[0].parts if read.choices else ()
    for kind in (Text, Thinking):
        texts = [sorted("".join(it.text for it in among if isinstance(it, kind))) for among in (parts, said)]
        assert texts[0] == texts[1]
    arguments = [sorted(it.arguments for it in among if isinstance(it, ToolCall)) for among in (parts, said)]
    assert arguments[0] == arguments[1]


def test_a_refusal_is_a_text() -> None:
    assert shape(PartWhole(0, 0, Refusal("no")), Ended()) == ["0:text", "0+no", "0."]
