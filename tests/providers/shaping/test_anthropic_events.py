"""Streams of Anthropic's message events under rules: the law, and a table of every effect."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import AnswerRules
from ai_gateway.providers.shaping.anthropic_events import MessageShaper
from ai_gateway.providers.shaping.anthropic_reply import shape_message
from ai_gateway.providers.shaping.tables import texts_of_events
from tests.providers.shaping.adding_up import Body, message_of, said_in, shaped, without_nothing
from tests.providers.shaping.pipes import Arguments, digits, forbids, literal, same
from tests.providers.shaping.rules import MESSAGE_RULES
from tests.providers.shaping.streams import frame, message_streams
from tests.providers.translation.partitions import CUTS


def whole(body: bytes, answer: AnswerRules) -> Body:
    return without_nothing(json.loads(shape_message(json.dumps(message_of(body)).encode(), answer)))


@given(events=message_streams(), answer=MESSAGE_RULES, cuts=CUTS)
def test_a_shaped_stream_adds_up_to_the_shaped_answer(
    events: list[bytes], answer: AnswerRules, cuts: list[int]
) -> None:
    body = b"".join(events)
    assert without_nothing(message_of(shaped(MessageShaper(answer), body, cuts))) == whole(body, answer)


START = {
    "type": "message_start",
    "message": {
        "id": "msg_9",
        "type": "message",
        "role": "assistant",
        "model": "claude-x-1",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 12345, "output_tokens": 1},
    },
}
REDACTS = AnswerRules(pipes=(literal("secret", "[x]"),), arguments=Arguments)


def a(**members: Any) -> AnswerRules:
    return AnswerRules(request_id="req_77", arguments=Arguments, **members)


def event(said: Body) -> bytes:
    return frame(said, name=said["type"])


def stream(*said: Body) -> bytes:
    return b"".join(map(event, said))


def block(index: int, begun: Body, *deltas: Body) -> list[Body]:
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int, *pieces: str) -> list[Body]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": it} for it in pieces))


def ended(reason: str = "end_turn", **more: Any) -> list[Body]:
    delta = {"stop_reason": reason, "stop_sequence": None, **more}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 5}}, {"type": "message_stop"}]


def names(body: bytes) -> list[str]:
    return [said["type"].removeprefix("content_block_") for said in said_in(body)]


CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
PIECES = [{"type": "input_json_delta", "partial_json": it} for it in ('{"a":"sec', 'ret"}')]
SAYS = [START, *text(0, "my sec", "ret"), *ended()]
CALLS = [START, *block(0, CALL, *PIECES), *ended("tool_use")]


def test_what_is_held_back_comes_before_the_end_of_its_block() -> None:
    got = said_in(shaped(MessageShaper(REDACTS), stream(START, *text(0, "a sec", "ret sec"), *ended())))
    assert [it["delta"]["text"] for it in got if it["type"] == "content_block_delta"] == ["a ", "[x] ", "sec"]
    assert [it["type"] for it in got][-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_a_delta_with_held_text_only_is_left_out() -> None:
    body = stream(START, *text(0, "sec", "ret"), *ended())
    assert names(shaped(MessageShaper(REDACTS), body)) == [
        "message_start", "start", "delta", "stop", "message_delta", "message_stop"
    ]  # fmt: skip


def test_a_signature_stays_behind_its_thought() -> None:
    thought = [{"type": "thinking_delta", "thinking": "a sec"}, {"type": "signature_delta", "signature": "secret"}]
    body = stream(START, *block(0, {"type": "thinking", "thinking": "", "signature": ""}, *thought), *ended())
    got = [it["delta"] for it in said_in(shaped(MessageShaper(REDACTS), body)) if it["type"] == "content_block_delta"]
    assert got == [
        {"type": "thinking_delta", "thinking": "a "},
        {"type": "thinking_delta", "thinking": "sec"},
        thought[1],
    ]


def test_a_block_that_nobody_ended_is_ended_by_the_message() -> None:
    body = stream(START, *text(0, "a sec")[:-1], *ended())
    assert message_of(shaped(MessageShaper(REDACTS), body))["content"] == [{"type": "text", "text": "a sec"}]


def test_deltas_of_a_block_that_has_ended_are_not_told() -> None:
    late = text(0, "ret")[1]
    said = [START, *text(0, "a sec"), late, late, *ended()]
    assert message_of(shaped(MessageShaper(REDACTS), stream(*said)))["content"] == [{"type": "text", "text": "a sec"}]
    again = [START, *text(0, "a sec"), *text(0, "again"), *ended()]
    assert b"again" in shaped(MessageShaper(REDACTS), stream(*again))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_no_rule_concerns_keeps_its_bytes(end: str) -> None:
    said = [*SAYS[:2], {"type": "ping"}, *text(0, 'all "fine" 😀')[1:], *ended()]
    body = b"".join([*(frame(it, name=it["type"], end=end, spaced=True) for it in said), f": hi{end}{end}".encode()])
    assert shaped(MessageShaper(REDACTS), body) == body
    padded = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0    }\n\n'
    assert MessageShaper(REDACTS).feed(padded) == padded


EFFECTS: dict[str, tuple[AnswerRules, list[Body], Callable[[Body], Any], Any]] = {
    "pipe": (REDACTS, SAYS, lambda it: it["content"], [{"type": "text", "text": "my [x]"}]),
    "pipes, in order": (
        a(pipes=(literal("secret", "1234"), digits)),
        SAYS,
        lambda it: it["content"][0]["text"],
        "my [n]",
    ),
    "arguments": (REDACTS, CALLS, lambda it: it["content"][0]["input"], {"a": "[x]"}),
    "input at once": (
        REDACTS,
        [START, *block(0, {**CALL, "input": {"secret": ["secret", 1.5]}}), *ended("tool_use")],
        lambda it: it["content"][0]["input"],
        {"[x]": ["[x]", 1.5]},
    ),
    "why it refused": (
        REDACTS,
        [START, *ended("refusal", stop_details={"type": "refusal", "explanation": "a secret"})],
        lambda it: it["stop_details"]["explanation"],
        "a [x]",
    ),
    "names": (
        a(names=(lambda it: it.replace("claude", "corp"), str.upper)),
        SAYS,
        lambda it: (it["id"], it["model"]),
        ("MSG_9", "CORP-X-1"),
    ),
    "hidden": (
        AnswerRules(hidden_as="company-model", request_id="req_77"),
        [{**START, "message": {**START["message"], "provider": "P"}}, *SAYS[1:]],
        lambda it: (it["id"], it["model"], "provider" in it),
        ("msg_77", "company-model", False),
    ),
    "drop": (
        a(drop=(("stop_sequence",), ("usage", "input_tokens"), ("content", "text"))),
        SAYS,
        lambda it: (it["content"], it["usage"], "stop_sequence" in it),
        ([{"type": "text"}], {"output_tokens": 5}, False),
    ),
    "drop, within an input": (
        a(drop=(("content", "input", "a"),)),
        CALLS,
        lambda it: it["content"][0]["input"],
        {"a": "secret"},
    ),
    "put": (
        a(put=((("a", "b"), 1), (("stop_sequence",), "x"), (("content", "text"), "told"))),
        SAYS,
        lambda it: (it["a"], it["stop_sequence"], it["content"]),
        ({"b": 1}, "x", [{"type": "text", "text": "told"}]),
    ),
    "metadata": (a(metadata={"by": "us"}), SAYS, lambda it: it["metadata"], {"by": "us"}),
    "append": (
        a(appended=" Bye."),
        SAYS,
        lambda it: it["content"],
        [{"type": "text", "text": "my secret"}, {"type": "text", "text": " Bye."}],
    ),
    "append, not to calls": (a(appended=" Bye."), CALLS, lambda it: len(it["content"]), 1),
    "append, not to pauses": (
        a(appended=" Bye."),
        [*SAYS[:-2], *ended("pause_turn")],
        lambda it: len(it["content"]),
        1,
    ),
}


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_streamed_and_whole(name: str) -> None:
    answer, said, look, want = EFFECTS[name]
    body = stream(*said)
    assert look(message_of(shaped(MessageShaper(answer), body))) == want
    assert look(json.loads(shape_message(json.dumps(message_of(body)).encode(), answer))) == want


def test_what_is_appended_is_a_block_of_its_own_before_the_end() -> None:
    got = shaped(MessageShaper(a(appended="Bye.")), stream(*SAYS))
    assert names(got)[-5:] == ["start", "delta", "stop", "message_delta", "message_stop"]
    assert [it["index"] for it in said_in(got) if it["type"] == "content_block_start"] == [0, 1]


def test_hiding_takes_comments_too() -> None:
    assert MessageShaper(a(hidden_as="m")).feed(b": some provider\n\n") == b": \n\n"


def test_nothing_forbidden_and_nothing_after_it_goes_out() -> None:
    shaper = MessageShaper(AnswerRules(pipes=(forbids("bomb"),)))
    said = [START, *text(0, "fine bo", "mb and more", " still more")]
    out = shaper.feed(stream(*said[:3]))
    with pytest.raises(Blocked):
        shaper.feed(stream(*said[3:]))
    assert message_of(out)["content"] == [{"type": "text", "text": "fine "}]


STRANGE: list[Body] = [
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ["secret"]}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 12345}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "odd_delta", "words": {"a": ["secret"]}}},
    {"type": "content_block_delta", "index": "0", "delta": "secret"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": ["x"], "partial_json": {"a": "secret"}}},
    {"type": "content_block_start", "index": 0, "content_block": "secret"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": {"a": "secret"}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "input": "secret"}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "new", "words": ["secret"], "x": "secret"}},
    {
        "type": "message_start",
        "message": {"content": [{"type": "text", "text": "secret"}, "secret", 7], "note": "secret"},
    },
    {"type": "message_start", "message": {"content": "secret"}},
    {
        "type": "message_delta",
        "delta": {"stop_details": {"explanation": "secret"}},
        "note": "secret",
        "notes": ["secret"],
    },
    {"type": "news", "words": ["secret"], "note": "secret"},
    {"type": ["x"], "words": "secret"},
]


@pytest.mark.parametrize("said", STRANGE, ids=range(len(STRANGE)))
def test_texts_in_strange_places_are_piped(said: Body) -> None:
    answer = a(
        pipes=(literal("secret", "[x]"), digits), drop=(("content", "x", "y"),), put=((("content", "a", "b"), 1),)
    )
    body = frame(said, name="x")
    assert b"secret" not in shaped(MessageShaper(answer), body)
    assert b"12345" not in shaped(MessageShaper(answer), body)


@pytest.mark.parametrize(
    "body", [{"content": [{"text": 12345}, "secret"]}, {"content": {"a": "secret"}}, ["secret"], "secret"]
)
def test_texts_in_strange_whole_answers_are_piped(body: Any) -> None:
    got = shape_message(json.dumps(body).encode(), a(pipes=(literal("secret", "[x]"), digits), appended="x"))
    assert b"secret" not in got
    assert b"12345" not in got


@pytest.mark.parametrize(
    "said",
    [
        b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"secret\n\n',
        b'event: content_block_delta\ndata: "secret"\n\n',
        b"data: secret\n\n",
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"secret \xff"}}\n\n',
    ],
)
def test_what_nobody_can_read_is_dropped(said: bytes) -> None:
    shaper = MessageShaper(REDACTS)
    shaper.feed(stream(*SAYS[:2]))
    assert shaper.feed(said) == b""


@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            [
                b'data: {"type":"content_block_delta","index":',
                b'data: {"type":"message_start","message":',
                b'"delta":{"type":"text_delta","text":',
                *(b"0", b'"s"', b"}", b"\n\n", b"\r", b"[", b"{", b",", b"null", b"\xff"),
            ]
        ),
        max_size=20,
    ).map(b"".join)
)
def test_hostile_bytes_are_no_exception(noise: bytes) -> None:
    answer = a(pipes=(same,), metadata={"a": "b"}, appended="x", hidden_as="m", drop=(("content", "citations"),))
    shaper = MessageShaper(answer)
    shaper.feed(noise + b"\n\n")
    shaper.feed(noise)
    shaper.end()
    shape_message(noise, answer)


def test_the_texts_of_events_are_what_pipes_would_see() -> None:
    body = stream(*SAYS[:-2], *block(1, CALL, *PIECES), *ended())
    assert "\n".join(texts_of_events(Operation.MESSAGES, body)) == 'my secret\n{"a":"secret"}'
