import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.admin.strict_json import MAX_DEPTH, parse_object
from ai_gateway.domain.faults import InvalidRequest

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(_TEXT, _VALUES, max_size=5), st.booleans())
def test_whatever_is_proper_json_comes_through_unchanged(value: dict[str, object], ascii_only: bool) -> None:
    assert parse_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_a_clear_refusal(body: bytes) -> None:
    with suppress(InvalidRequest):
        assert isinstance(parse_object(body), dict)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"[]", "not an object"),
        (b"1", "not an object"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"x":{"a":1,"a":2}}', "twice"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "Infinity"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"\\udc00":1}', "surrogate"),
        (b'{"a":"\\u0000"}', "NUL"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b"\xef\xbb\xbf{}", "JSON"),
        (b'{"a":1', "line 1"),
        (b"{'a':1}", "line 1"),
        (b'{"a":' + b"9" * 5000 + b"}", "digits"),
        (b'{"a":1e999999999}', "range"),
        (b'{"a":1e99999999999999999999}', "range"),
        (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", "deeper"),
        (b'{"a":' * 100_000, "deeper"),
        (b"[" * 500_000, "deeper"),
    ],
)
def test_improper_json_is_refused_and_the_text_says_why(body: bytes, word: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_object(body)
    assert refused.value.status == 400
    assert word in refused.value.message


def test_the_deepest_allowed_nesting_is_taken() -> None:
    levels = MAX_DEPTH - 1  # the object itself is one
    assert parse_object(b'{"a":' + b"[" * levels + b"]" * levels + b"}")


def test_a_surrogate_pair_and_an_escaped_backslash_are_no_trouble() -> None:
    assert parse_object(b'{"a":"\\ud83d\\ude00","b":"\\\\u0000"}') == {"a": "😀", "b": "\\u0000"}


def test_numbers_with_a_point_never_become_floats() -> None:
    assert parse_object(b'{"a":0.10}')["a"] == Decimal("0.10")
    assert isinstance(parse_object(b'{"a":0.10}')["a"], Decimal)
