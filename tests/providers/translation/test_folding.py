"""Events in the order of a stream, and what they add up to."""

import pytest

from ai_gateway.domain.chat import ProviderError, Usage
from ai_gateway.domain.conversation import Citation, Maker, Opaque, Refusal, Text, Thinking, ToolCall
from ai_gateway.domain.reply import (
    Alive,
    Began,
    Choice,
    Cited,
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
    Weighed,
)
from ai_gateway.providers.translation.folding import fold

A_THOUGHT = PartBegan(0, 0, PartKind.THINKING, maker=Maker.ANTHROPIC, thought_id="t1")


def folded(*events: Event) -> Reply:
    whole = fold([Began("r1", "m1", usage=Usage(input_tokens=3)), *events, Ended()])
    assert isinstance(whole, Reply)
    return whole


@pytest.mark.parametrize(
    ("events", "part"),
    [
        ([PartBegan(0, 0, PartKind.TEXT), Piece(0, 0, "a"), Piece(0, 0, "b"), PartEnded(0, 0)], Text("ab")),
        ([Piece(0, 0, "a"), Alive(), Piece(0, 0, "b")], Text("ab")),
        ([Piece(0, 0, "a"), Cited(0, 0, Citation(url="u"))], Text("a", citations=(Citation(url="u"),))),
        ([PartBegan(0, 0, PartKind.REFUSAL), Piece(0, 0, "no")], Refusal("no")),
        (
            [A_THOUGHT, Piece(0, 0, "hm"), Signed(0, 0, "s"), Signed(0, 0, "g")],
            Thinking("hm", "sg", None, Maker.ANTHROPIC, "t1"),
        ),
        (
            [A_THOUGHT, Signed(0, 0, "e", is_encrypted=True)],
            Thinking("", None, "e", Maker.ANTHROPIC, "t1"),
        ),
        (
            [PartBegan(0, 0, PartKind.TOOL_CALL, call_id="c", call_name="f"), Piece(0, 0, '{"x"'), Piece(0, 0, ":1}")],
            ToolCall("c", "f", '{"x":1}'),
        ),
        ([PartWhole(0, 0, Opaque("anthropic", "k", {"a": 1}))], Opaque("anthropic", "k", {"a": 1})),
    ],
)  # fmt: skip
def test_a_part_is_the_sum_of_its_pieces(events: list[Event], part: object) -> None:
    assert folded(*events).choices == (Choice(index=0, parts=(part,)),)  # pyright: ignore[reportArgumentType]


def test_parts_and_choices_that_come_mixed_are_told_apart() -> None:
    whole = folded(
        PartBegan(0, 0, PartKind.TOOL_CALL, "a", "f"),
        PartBegan(0, 1, PartKind.TOOL_CALL, "b", "g"),
        Piece(0, 1, "2"),
        Piece(1, 0, "other"),
        Piece(0, 0, "1"),
        Stopped(1, Stop.LENGTH),
        Stopped(0, Stop.TOOL_CALLS),
    )
    assert whole.choices == (
        Choice(index=0, parts=(ToolCall("a", "f", "1"), ToolCall("b", "g", "2")), stop=Stop.TOOL_CALLS),
        Choice(index=1, parts=(Text("other"),), stop=Stop.LENGTH),
    )


def test_the_last_count_holds_and_the_first_where_there_is_no_other() -> None:
    assert folded(Piece(0, 0, "a")).usage == Usage(input_tokens=3)
    counted = folded(Counted(Usage(1, 1)), Counted(Usage(3, 9), "flex"))
    assert (counted.usage, counted.service_tier) == (Usage(3, 9), "flex")


def test_probabilities_are_joined() -> None:
    weighed = [Weighed(0, {"content": [1], "refusal": None}), Weighed(0, {"content": [2, 3], "refusal": None})]
    assert folded(*weighed).choices[0].logprobs == {"content": [1, 2, 3], "refusal": None}


def test_a_cut_stream_adds_up_to_nothing_and_a_failed_one_to_its_error() -> None:
    error = ProviderError(status=None, message="overloaded")
    assert fold([Began("r1"), Piece(0, 0, "a")]) is None
    assert fold([Began("r1"), Piece(0, 0, "a"), Failed(error)]) == error
