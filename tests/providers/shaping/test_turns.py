"""Turns, their roles and what is said in them."""

import json
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.rules import RuleError, Where
from ai_gateway.providers.shaping.raw_json import raw_of
from ai_gateway.providers.shaping.turns import (
    Turn,
    Words,
    is_system,
    items_in,
    joined,
    last_of_user,
    leading,
    spoken,
    turn_of,
    turns_of,
    with_text,
    with_words,
)

SYSTEM, USER, LATE = {"role": "system"}, {"role": "user"}, {"role": "developer"}


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (Turn("system"), True),
        (Turn("developer", "message"), True),
        (Turn(" SYSTEM "), True),
        (Turn("developer", "additional_tools"), False),
        (Turn("user"), False),
        (Turn(None), False),
        (Turn("root"), False),
    ],
)
def test_who_speaks_as_the_system(turn: Turn, expected: bool) -> None:
    assert is_system(turn) is expected


@pytest.mark.parametrize("odd", [3, "text", None, [], {"role": 3}, {"role": None}, {"role": "user", "type": {}}])
def test_an_odd_turn_does_not_hide_the_others(odd: Any) -> None:
    turns, items = turns_of(raw_of([odd, SYSTEM, USER]))
    assert [turn.role for turn in turns[1:]] == ["system", "user"]
    assert len(items) == len(turns)
    assert turn_of(raw_of(odd)) == turns[0]


def test_what_is_not_there_has_no_turns_and_what_is_no_list_is_said() -> None:
    assert turns_of(None) == ([], [])
    assert items_in(raw_of(None)) == []
    with pytest.raises(RuleError):
        turns_of(raw_of("text"))


def test_parts_of_the_prompt_are_found_anywhere_and_at_the_beginning() -> None:
    turns, items = turns_of(raw_of([SYSTEM, LATE, USER, SYSTEM, USER]))
    assert leading(items) == 2
    assert leading(items[:2]) == 2
    assert last_of_user(turns) == 4
    assert last_of_user(turns[:2]) is None
    assert [bytes(item) for item in spoken(turns, items)] == [bytes(raw_of(USER))] * 2


def test_words_are_parted_by_an_empty_line_where_there_are_any() -> None:
    assert joined("a", Where.START, "b") == "b\n\na"
    assert joined("a", Where.END, "b") == "a\n\nb"
    assert joined("", Where.END, "b") == "b"
    assert joined("a", Where.END, "") == "a"


@pytest.mark.parametrize("content", [3, {"type": "text"}, True])
def test_words_cannot_be_added_to_what_has_none(content: Any) -> None:
    with pytest.raises(RuleError):
        with_text(raw_of(content), Words("a", Where.END, "text"))


def test_beside_new_words_all_keeps_its_bytes() -> None:
    raw = msgspec.Raw(b'[{"a":1.0 },{"role":"user", "content":[{"x":2.50 }]},{"b":3 }]')
    said = with_words(items_in(raw), 1, Words("b", Where.END, "text"))
    assert bytes(said) == b'[{"a":1.0 },{"role":"user","content":[{"x":2.50 },{"type":"text","text":"b"}]},{"b":3 }]'


def test_some_parts_are_never_behind_new_words() -> None:
    said = with_text(raw_of([{"type": "r"}, {"type": "r"}, {"type": "t"}]), Words("a", Where.START, "text", "r"))
    assert [json.loads(bytes(raw_of(it)))["type"] for it in said] == ["r", "r", "text", "t"]
