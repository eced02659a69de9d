"""Entries of `reasoning_details` and the thoughts that they are."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.conversation import Maker, Thinking
from ai_gateway.providers.translation.chat_thoughts import read_details, write_details
from tests.providers.translation.chat_made import THOUGHTS


@given(st.lists(THOUGHTS, max_size=4))
def test_thoughts_are_read_as_they_were_written(thoughts: list[Thinking]) -> None:
    assert read_details(write_details(thoughts)) == tuple(thoughts)


def test_a_thought_that_is_shown_in_part_is_two_entries_of_one_index() -> None:
    assert write_details([Thinking("sum", None, "e", Maker.OPENAI, "rs_1")]) == [
        {"type": "reasoning.summary", "summary": "sum", "format": "openai-responses-v1", "index": 0, "id": "rs_1"},
        {"type": "reasoning.encrypted", "data": "e", "format": "openai-responses-v1", "index": 0, "id": "rs_1"},
    ]


@pytest.mark.parametrize(
    ("details", "thoughts"),
    [
        ([{"type": "reasoning.text", "text": "a"}, {"type": "reasoning.text", "text": "b"}], (Thinking("ab"),)),
        ([{"type": "reasoning.text", "text": "a", "index": 0}, {"type": "reasoning.text", "text": "b", "index": 1}],
         (Thinking("a"), Thinking("b"))),
        ([{"type": "reasoning.summary", "summary": "a", "index": 0},
          {"type": "reasoning.encrypted", "data": "e", "index": 0, "id": "rs"}],
         (Thinking("a"), Thinking("", None, "e", Maker.UNKNOWN, "rs"))),
        ([{"type": "reasoning.summary", "summary": "a", "index": 0},
          {"type": "reasoning.encrypted", "data": "e", "index": 0, "id": "rs"},
          {"type": "reasoning.summary", "summary": "b", "index": 0}],
         (Thinking("ab"), Thinking("", None, "e", Maker.UNKNOWN, "rs"))),
        ([{"type": "reasoning.summary", "summary": "a", "index": 0, "id": "rs1"},
          {"type": "reasoning.encrypted", "data": "e", "index": 0, "id": "rs2"},
          {"type": "reasoning.summary", "summary": "b", "index": 0}],
         (Thinking("ab", id="rs1"), Thinking("", None, "e", Maker.UNKNOWN, "rs2"))),
        ([7, None, {"type": "reasoning.text", "text": 7, "signature": [], "index": "x"}], (Thinking(),)),
    ],
)  # fmt: skip
def test_entries_of_others(details: list[Any], thoughts: tuple[Thinking, ...]) -> None:
    assert read_details(details) == thoughts
