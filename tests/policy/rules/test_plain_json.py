from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.rules.plain_json import MOST_DEPTH, canonical, check_json, within
from ai_gateway.policy.rules.refused import RuleRefused

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=20,
)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "place", "words"),
    [
        ({"a": float("nan")}, "rule.a", "no number"),
        ({"a": [0, float("inf")]}, "rule.a[1]", "no number"),
        ({"a": 2**63}, "rule.a", "too large"),
        ({"a": -(2**63)}, "rule.a", "too large"),
        ({"a": "\ud800"}, "rule.a", "surrogate"),
        ({"\udfff": 1}, "rule", "surrogate"),
        ({"a": "x\x00"}, "rule.a", "NUL"),
        ({"a": "é" * (8 * 1024 + 1)}, "rule.a", "longer than 16 KiB"),
        ({"a": [1] * 257}, "rule.a", "more than 256"),
        ({str(index): 1 for index in range(257)}, "rule", "more than 256"),
        ({1: 1}, "rule", "not JSON"),
        ({"a": b"x"}, "rule.a", "not JSON"),
        ({"a": {1, 2}}, "rule.a", "not JSON"),
        (nested(MOST_DEPTH + 1), "rule" + "[0]" * (MOST_DEPTH + 1), "deeper than 32"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_its_place(value: Any, place: str, words: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        check_json(value, "rule")
    assert refused.value.place == place
    assert words in refused.value.message


@given(PLAIN)
def test_plain_json_passes(value: Any) -> None:
    check_json(value, "rule")
    check_json(nested(MOST_DEPTH), "rule")
    check_json({"a": "é" * 8 * 1024, "b": 2**63 - 1}, "rule")


def test_a_strange_name_is_cut_in_its_place() -> None:
    assert within("rules[0]", "x" * 100) == f"rules[0].{'x' * 64}"
    assert within("rules[0]", "a\n\x1bb") == "rules[0].ab"


def test_two_lists_that_say_the_same_have_the_same_text() -> None:
    assert canonical([{"a": 1, "b": [{"c": 2, "d": 3}]}]) == canonical(({"b": [{"d": 3, "c": 2}], "a": 1},))
    assert canonical([{"a": 1}]) != canonical([{"a": 2}])
    assert canonical([{"a": "\ud800é"}]).isascii()
