"""Pieces of arguments find their places, and nothing hostile grows a list without end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.providers.translation.google_partial_args import MOST_INDEX, put


@pytest.mark.parametrize(
    ("pieces", "arguments"),
    [
        ([("$.a", {"stringValue": "x"}), ("$.a", {"stringValue": "y"})], {"a": "xy"}),
        ([("$.a.b", {"numberValue": 1.5}), ("$.a.c", {"boolValue": False})], {"a": {"b": 1.5, "c": False}}),
        ([("$.a[0].b", {"stringValue": "x"}), ("$.a[2]", {"stringValue": "z"})], {"a": [{"b": "x"}, None, "z"]}),
        ([("$['a b']", {"stringValue": "x"})], {"a b": "x"}),
        ([("$.a", {"nullValue": "NULL_VALUE"})], {"a": None}),
        ([("$.a", {"stringValue": "x"}), ("$.a.b", {"stringValue": "y"})], {"a": "x"}),
        ([("a", {"stringValue": "x"}), ("$", {}), ("$.", {}), ("$..a", {}), (7, {})], {}),
        ([(f"$.a[{MOST_INDEX + 1}]", {"stringValue": "x"})], {}),
    ],
)
def test_pieces_are_put_where_they_say(pieces: list[tuple[Any, dict[str, Any]]], arguments: dict[str, Any]) -> None:
    built: dict[str, Any] = {}
    for path, value in pieces:
        put(built, {"jsonPath": path, **value})
    assert built == arguments


@given(st.lists(st.tuples(st.text(alphabet="$.[]'ab012", max_size=12), st.text(max_size=3)), max_size=6))
def test_no_path_makes_it_raise(pieces: list[tuple[str, str]]) -> None:
    built: dict[str, Any] = {}
    for path, value in pieces:
        put(built, {"jsonPath": path, "stringValue": value})
    put(built, None)
