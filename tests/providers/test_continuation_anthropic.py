"""Two halves of a message stream become one message, or it is said that they do not fit."""

import msgspec
import pytest

from ai_gateway.domain.chat import Dialect
from ai_gateway.providers.continuation_anthropic import Block, MessagePast, MessageSoFar, may_be_continued
from providers.halves import TEXT, a_call, a_past, message_event, message_stream, read, so_far, spliced, text_delta

CALL = a_call(Dialect.ANTHROPIC)
WHOLE = message_stream(TEXT)
AGAIN = message_stream(TEXT, "2")
CUT = 40
TOOL = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
START, TEXT_START, PING, *_ = AGAIN
STOP = message_event("content_block_stop", index=0)
END = [
    message_event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 9}),
    message_event("message_stop"),
]


def a_tool(index: int) -> list[bytes]:
    return [
        message_event("content_block_start", index=index, content_block=TOOL),
        message_event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": "{}"}),
        message_event("content_block_stop", index=index),
    ]


@pytest.mark.parametrize("at", range(1, len(WHOLE) - 2))
def test_the_same_answer_again_is_the_rest_wherever_the_first_was_cut(at: int) -> None:
    given, failed = spliced(a_past(CALL, *WHOLE[:at]), AGAIN)
    assert not failed
    assert read(Dialect.ANTHROPIC, b"".join(WHOLE[:at]) + given) == (TEXT, "proper", ())


@pytest.mark.parametrize("at", range(6, len(WHOLE) - 3))
def test_what_a_prefilled_model_says_is_the_rest_wherever_the_first_was_cut(at: int) -> None:
    past = a_past(CALL, *WHOLE[:at])
    rest = message_stream(TEXT[len(past.text.rstrip()) :], "2")
    given, failed = spliced(past, rest, prefill=True)
    assert not failed
    assert read(Dialect.ANTHROPIC, b"".join(WHOLE[:at]) + given) == (TEXT, "proper", ())


def test_a_model_that_ignores_the_prefill_does_not_repeat_itself_to_the_caller() -> None:
    given, failed = spliced(a_past(CALL, *WHOLE[:CUT]), AGAIN, prefill=True)
    assert not failed
    assert read(Dialect.ANTHROPIC, b"".join(WHOLE[:CUT]) + given).text == TEXT


@pytest.mark.parametrize("other", ["", "other words", TEXT[:100], TEXT[:100] + "#" + TEXT[101:]])
def test_another_answer_gives_the_caller_nothing(other: str) -> None:
    assert spliced(a_past(CALL, *WHOLE[:CUT]), message_stream(other, "2")) == (b"", True)


@pytest.mark.parametrize("before", [[], [PING]])
def test_a_model_that_has_nothing_to_add_ends_the_block(before: list[bytes]) -> None:
    past = a_past(CALL, *WHOLE[:CUT])
    given, failed = spliced(past, [START, *before, *END], prefill=True)
    assert not failed
    assert read(Dialect.ANTHROPIC, b"".join(WHOLE[:CUT]) + given) == (past.text, "proper", ())


def test_text_that_stands_in_a_block_s_start_counts() -> None:
    past = a_past(CALL, *WHOLE[:2], text_delta("one "))
    start = message_event("content_block_start", index=0, content_block={"type": "text", "text": "one two"})
    given, failed = spliced(past, [START, start, STOP, *END])
    assert not failed
    assert read(Dialect.ANTHROPIC, b"".join([*WHOLE[:2], text_delta("one ")]) + given).text == "one two"


@pytest.mark.parametrize("text_first", [True, False])
def test_a_tool_may_follow_the_text_at_its_place_in_the_whole_message(text_first: bool) -> None:
    past = a_past(CALL, *WHOLE[:8])
    if text_first:
        given, failed = spliced(past, [START, TEXT_START, text_delta(past.text), STOP, *a_tool(1), *END])
    else:
        given, failed = spliced(past, [START, *a_tool(0), *END], prefill=True)
    assert not failed
    assert read(Dialect.ANTHROPIC, b"".join(WHOLE[:8]) + given) == (past.text, "proper", ("look",))


@pytest.mark.parametrize(
    "events",
    [
        [*a_tool(0)],
        [TEXT_START, STOP],
        [text_delta("x", index=3)],
        [TEXT_START, message_event("content_block_delta", index=0, delta={"type": "citations_delta"})],
        [*END],
        [END[1]],
    ],
)
def test_a_second_half_that_says_something_else_first_fails(events: list[bytes]) -> None:
    assert spliced(a_past(CALL, *WHOLE[:CUT]), [START, *events, *AGAIN[1:]]) == (b"", True)


def test_a_closed_block_is_met_by_an_equal_one_only() -> None:
    closed = WHOLE[: len(WHOLE) - 2]
    given, failed = spliced(a_past(CALL, *closed), AGAIN)
    assert (given, failed) == (b"".join(AGAIN[-2:]), False)
    for other in (TEXT[:-1], TEXT + "!"):
        assert spliced(a_past(CALL, *closed), message_stream(other, "2")) == (b"", True)


@pytest.mark.parametrize(
    "strange",
    [
        message_event("content_block_start", index=1, content_block={"type": "text", "text": ""}),
        message_event("content_block_delta", index=0, delta={"type": "citations_delta", "citation": {}}),
        message_event("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"}),
        message_event("message_delta", delta={"stop_reason": "end_turn"}),
        text_delta("x").replace(b'"x"', b'"\\ud83d"'),
        text_delta("x").replace(b'"x"', b"7"),
    ],
)
def test_what_is_more_than_one_block_of_plain_text_cannot_be_continued(strange: bytes) -> None:
    assert so_far(CALL, *WHOLE[:5]) is not None
    assert so_far(CALL, *WHOLE[:5], strange, WHOLE[5]) is None


@pytest.mark.parametrize(
    "block", [TOOL, {"type": "thinking", "thinking": ""}, {"type": "text", "text": "", "citations": [1]}]
)
def test_a_first_block_that_is_not_plain_text_cannot_be_continued(block: dict[str, object]) -> None:
    assert so_far(CALL, WHOLE[0], message_event("content_block_start", index=0, content_block=block)) is None


def test_text_outside_of_a_block_cannot_be_continued() -> None:
    assert so_far(CALL, WHOLE[0], text_delta("x")) is None
    assert so_far(CALL, *WHOLE[:4], STOP, text_delta("x")) is None


@pytest.mark.parametrize(
    ("thinking", "expected"),
    [(None, True), ({"type": "disabled"}, True), ({"type": "enabled"}, False), ({"type": "adaptive"}, False)],
)
def test_a_model_that_thinks_aloud_is_not_remembered(thinking: object, expected: bool) -> None:
    assert may_be_continued(CALL)
    assert may_be_continued(a_call(Dialect.ANTHROPIC, thinking=thinking)) is expected


def test_the_request_for_the_rest_has_the_text_and_less_room() -> None:
    past = a_past(CALL, *WHOLE[:13])  # three events and 10 pieces of 7 characters: 70 // 4 = 17 tokens
    asked = past.prefill(a_call(Dialect.ANTHROPIC, max_tokens=100))
    assert asked is not None
    assert msgspec.json.decode(asked.fields["messages"])[-1] == {"role": "assistant", "content": TEXT[:70].rstrip()}
    assert bytes(asked.fields["max_tokens"]) == b"83"


@pytest.mark.parametrize(
    "members",
    [
        {"tool_choice": {"type": "any"}},
        {"tool_choice": {"type": "tool", "name": "x"}},
        {"output_config": {"format": {}}},
    ],
)
def test_a_forced_form_is_not_asked_for_from_its_middle(members: dict[str, object]) -> None:
    assert a_past(CALL, *WHOLE[:13]).prefill(a_call(Dialect.ANTHROPIC, tool_choice={"type": "auto"})) is not None
    assert a_past(CALL, *WHOLE[:13]).prefill(a_call(Dialect.ANTHROPIC, **members)) is None


def test_the_end_of_a_closed_block_is_not_asked_for() -> None:
    past = a_past(CALL, *WHOLE[:-2])
    assert isinstance(past, MessageSoFar)
    assert past.block is Block.CLOSED
    assert past.prefill(CALL) is None


def test_nothing_is_read_after_what_is_lost() -> None:
    past = MessagePast()
    for event in (*WHOLE[:2], *a_tool(1), text_delta("x")):
        past.take(event)
    assert past.is_lost
    assert past.so_far().text == ""
