"""What became of a value, told as few places as it takes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.json_changes import UNSET, Change, changes, same

ONE, TWO, NEW = {"role": "user", "content": "a"}, {"role": "user", "content": "b"}, {"role": "system"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [Change("a", 1, 2)]),
        ({"a": 1}, {"a": True}, [Change("a", 1, True)]),
        ({"a": 1}, {}, [Change("a", 1, UNSET)]),
        ({}, {"a": None}, [Change("a", UNSET, None)]),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, [Change("a.b[1].c", 2, 3)]),
        ({"m": [ONE, TWO]}, {"m": [NEW, ONE, TWO]}, [Change("m[0]", UNSET, NEW)]),
        ({"m": [NEW, ONE, TWO]}, {"m": [ONE, TWO]}, [Change("m[0]", NEW, UNSET)]),
        ({"m": [ONE]}, {"m": [ONE, ONE]}, [Change("m[1]", UNSET, ONE)]),
        (
            {"m": [ONE, NEW, TWO]},
            {"m": [ONE, TWO, TWO]},
            [Change("m[1].content", UNSET, "b"), Change("m[1].role", "system", "user")],
        ),
        ({"a": [1]}, {"a": {"0": 1}}, [Change("a", [1], {"0": 1})]),
        ("text", "other", [Change("", "text", "other")]),
    ],
)  # fmt: skip
def test_only_what_is_another_is_told(before: Any, after: Any, expected: list[Change]) -> None:
    found = sorted(changes(before, after), key=lambda it: it.path)
    assert found == expected


def test_true_is_not_one_to_who_reads_it() -> None:
    assert not same([1], [True])
    assert not same({"a": 0}, {"a": False})
    assert same({"a": [True, 1]}, {"a": [True, 1]})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=12,
)


@given(JSON, JSON)
def test_there_is_a_change_where_the_two_are_not_the_same(before: Any, after: Any) -> None:
    assert bool(list(changes(before, after))) is (
        json.dumps(before, sort_keys=True) != json.dumps(after, sort_keys=True)
    )


def test_a_value_of_any_depth_is_compared() -> None:
    deep: Any = 1
    other: Any = 2
    for _ in range(90):
        deep, other = [deep], [other]
    assert len(list(changes(deep, other))) == 1
