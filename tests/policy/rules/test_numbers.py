from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.faults import RuleFailed
from policy.rules.doing import done, refused

CAP = {"do": "cap", "field": "temperature", "max": 0.8}
FLOOR = {"do": "floor", "field": "temperature", "min": 0.2}


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (CAP, {"temperature": 1.4}, {"temperature": 0.8}),
        (CAP, {"temperature": 1}, {"temperature": 0.8}),
        (CAP, {"temperature": 0.8}, {"temperature": 0.8}),
        (CAP, {"temperature": 0.1}, {"temperature": 0.1}),
        (CAP, {}, {}),
        (CAP, {"temperature": None}, {"temperature": None}),
        (FLOOR, {"temperature": 0.1}, {"temperature": 0.2}),
        (FLOOR, {"temperature": 0}, {"temperature": 0.2}),
        (FLOOR, {"temperature": 0.9}, {"temperature": 0.9}),
        (FLOOR, {}, {}),
        ({"do": "cap", "field": "max_tokens", "max": 100.0}, {"max_tokens": 200}, {"max_tokens": 100}),
        (
            {"do": "cap", "field": "options.num_ctx", "max": 9},
            {"options": {"num_ctx": 10}},
            {"options": {"num_ctx": 9}},
        ),
    ],
)
def test_numbers_stay_within_their_bounds(rule: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    body = done(before, **rule).body
    assert body == after
    assert [type(value) for value in body.values()] == [type(value) for value in after.values()]


@given(st.floats(allow_nan=False) | st.integers())
def test_behind_a_cap_nothing_is_above_it_and_nothing_below_it_changed(number: float) -> None:
    after = done({"temperature": number}, **CAP).body["temperature"]
    assert after == min(number, 0.8)


@pytest.mark.parametrize("value", ["0.9", True, [1], {"a": 1}])
def test_what_is_no_number_cannot_be_bounded(value: Any) -> None:
    for rule in (CAP, FLOOR):
        with pytest.raises(RuleFailed) as failed:
            done({"temperature": value}, **rule)
        assert failed.value.detail == "rule 1: 'temperature' is no number in this request"
        assert done({"temperature": value}, on_error="skip", **rule).body == {"temperature": value}


@pytest.mark.parametrize(
    ("rule", "place", "words"),
    [
        ({"do": "cap", "field": "temperature"}, "rules[0].max", "is missing"),
        ({"do": "cap", "max": 1}, "rules[0].field", "is missing"),
        ({"do": "cap", "field": "temperature", "max": "1"}, "rules[0].max", "must be a number, not text"),
        ({"do": "cap", "field": "temperature", "max": None}, "rules[0].max", "must be a number, not null"),
        ({"do": "cap", "field": "temperature", "max": False}, "rules[0].max", "must be a number"),
        ({"do": "cap", "field": "temperature", "max": float("inf")}, "rules[0].max", "no number"),
        ({"do": "cap", "field": "max_tokens", "max": 1.5}, "rules[0].max", "whole number"),
        ({"do": "cap", "field": "model", "max": 1}, "rules[0].field", "is no number"),
        ({"do": "cap", "field": "messages", "max": 1}, "rules[0].field", "use 'inject'"),
        ({"do": "cap", "field": "a..b", "max": 1}, "rules[0].field", "names of members"),
        ({"do": "cap", "field": "temperature", "max": 1, "min": 0}, "rules[0].min", "is no member of 'cap'"),
        ({"do": "floor", "field": "temperature"}, "rules[0].min", "is missing"),
        ({"do": "floor", "field": "temperature", "min": []}, "rules[0].min", "must be a number, not a list"),
        ({"do": "floor", "field": "top_k", "min": 0.5}, "rules[0].min", "whole number"),
        ({"do": "floor", "field": "stream", "min": 1}, "rules[0].field", "caller's choice"),
    ],
)
def test_what_is_written_wrong_is_refused(rule: dict[str, Any], place: str, words: str) -> None:
    found = refused({"on": "request"} | rule)
    assert found[0] == place
    assert words in found[1]


@pytest.mark.parametrize("side", ["response", "both", None, 3, "Request"])
def test_they_are_of_requests(side: Any) -> None:
    assert refused({"on": side} | CAP) == ("rules[0].on", "must be 'request'")
