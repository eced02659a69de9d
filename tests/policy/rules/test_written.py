from typing import Any, Literal

import pytest

from ai_gateway.domain.rules import OnError
from ai_gateway.policy.rules.refused import RuleRefused
from ai_gateway.policy.rules.written import Kind, Lines, Made, OnEither, Placed, Text, Written


class Paint(Written, frozen=True, kw_only=True, tag="paint"):
    on: OnEither
    colour: Literal["red", "blue"]
    walls: Lines | None = None
    coats: int = 1
    label: Text = "none"


def nothing(rule: Paint, placed: Placed) -> Made:
    return Made()


PAINT = Kind(Paint, nothing)


def test_a_kind_says_what_may_be_written() -> None:
    assert PAINT.name == "paint"
    assert PAINT.sides == ("request", "response")
    assert set(PAINT.members) == {"on", "when", "on_error", "name", "colour", "walls", "coats", "label"}


def test_a_rule_is_read_with_its_defaults() -> None:
    rule = PAINT.read({"do": "paint", "on": "request", "colour": "red", "when": None}, "rules[0]")
    assert (rule.colour, rule.coats, rule.when, rule.on_error, rule.name) == ("red", 1, None, OnError.FAIL, None)


@pytest.mark.parametrize(
    ("said", "place", "words"),
    [
        ({"colour": None}, "rules[4].colour", "must be 'red' or 'blue'"),
        ({"colour": "green"}, "rules[4].colour", "must be 'red' or 'blue'"),
        ({"colour": 3}, "rules[4].colour", "must be 'red' or 'blue'"),
        ({"walls": "all"}, "rules[4].walls", "must be a list, not text"),
        ({"walls": []}, "rules[4].walls", "must not be empty"),
        ({"walls": ["a", 2]}, "rules[4].walls[1]", "must be text, not a whole number"),
        ({"walls": ["a", ""]}, "rules[4].walls[1]", "must not be empty"),
        ({"walls": ["a", "b" * 257]}, "rules[4].walls[1]", "must have at most 256 characters"),
        ({"coats": "two"}, "rules[4].coats", "must be a whole number, not text"),
        ({"coats": 1.5}, "rules[4].coats", "must be a whole number, not a number"),
        ({"coats": True}, "rules[4].coats", "must be a whole number, not true or false"),
        ({"label": {}}, "rules[4].label", "must be text, not an object"),
        ({"colours": 1}, "rules[4].colours", "is no member of 'paint', which has: do, when"),
        ({"a\nb" * 30: 1}, "rules[4]." + "ab" * 21 + "a", "is no member of 'paint'"),
        ({"name": "n" * 65}, "rules[4].name", "must have at most 64 characters"),
        ({"on_error": "stop"}, "rules[4].on_error", "must be 'fail' or 'skip'"),
        ({"on_error": None}, "rules[4].on_error", "must be 'fail' or 'skip'"),
        ({"when": ""}, "rules[4].when", "must not be empty"),
        ({"when": 1}, "rules[4].when", "must be text, not a whole number"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_what_would_be_right(
    said: dict[str, Any], place: str, words: str
) -> None:
    with pytest.raises(RuleRefused) as refused:
        PAINT.read({"do": "paint", "on": "request", "colour": "red"} | said, "rules[4]")
    assert refused.value.place == place
    assert words in refused.value.message


def test_what_is_missing_is_named() -> None:
    with pytest.raises(RuleRefused) as refused:
        PAINT.read({"do": "paint", "on": "request"}, "rules[0]")
    assert (refused.value.place, refused.value.message) == ("rules[0].colour", "is missing")


def test_a_refusal_never_repeats_a_value() -> None:
    for member in ("colour", "on_error", "walls", "coats"):
        with pytest.raises(RuleRefused) as refused:
            PAINT.read({"do": "paint", "on": "request", "colour": "red"} | {member: "sk-secret"}, "rules[0]")
        assert "sk-secret" not in str(refused.value)


def test_a_rule_knows_its_sides_and_places() -> None:
    placed = Placed("rules[3]", 4, ("response",), lambda name: None)
    assert placed.at("text") == "rules[3].text"
    assert (placed.is_on_request, placed.is_on_response) == (False, True)
