from typing import Any

import pytest
from hypothesis import given

from ai_gateway.domain.rules import Tally, TextPipe
from ai_gateway.policy.scanning import ScanSpec, rewrite_json
from ai_gateway.policy.scanning.rewriting import Names
from policy.scanning.json_texts import VALUES
from policy.scanning.running import redactor

MAKE = redactor(ScanSpec(detect=("email", "card", "api_key")), "[gone]")


def make() -> TextPipe:
    return MAKE(Tally())


@pytest.mark.parametrize(
    ("value", "made"),
    [
        ({"to": ["joe@example.com", 1]}, {"to": ["[gone]", 1]}),
        ({"joe@example.com": 1, "ann@example.com": 2, "x": 3}, {"[gone]": 1, "[gone] (2)": 2, "x": 3}),
        ({"joe@example.com": 1, "[gone]": 2}, {"[gone]": 1, "[gone] (2)": 2}),
        ({"[gone] (2)": 0, "a@b.co": 1, "c@d.co": 2}, {"[gone] (2)": 0, "[gone]": 1, "[gone] (3)": 2}),
        (4111111111111111, "[gone]"),
        (4111111111111112, 4111111111111112),
        (4111111111111111.0, "[gone].0"),
        ([True, None, 1.50, -0.0], [True, None, 1.5, -0.0]),
        ("sk-dev", "[gone]"),
        ({}, {}),
    ],
)
def test_strings_names_and_numbers_go_through_pipes(value: Any, made: Any) -> None:
    assert rewrite_json(value, make) == made


@given(VALUES)
def test_nothing_is_lost_and_nothing_stays(value: Any) -> None:
    before = repr(value)
    made = rewrite_json(value, make)
    assert size(made) == size(value)
    assert "a@b.co" not in repr(made)
    assert repr(value) == before


def size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(size, value.values()))
    return 1 + sum(map(size, value)) if isinstance(value, list) else 1


def test_depth_is_no_problem() -> None:
    value: Any = "a@b.co"
    for _ in range(50_000):
        value = [value]
    made = rewrite_json(value, make)
    for _ in range(50_000):
        (made,) = made
    assert made == "[gone]"


def test_many_names_that_become_one_are_counted_on() -> None:
    names = Names()
    assert [names.behind(f"n{number}", "x") for number in range(3)] == ["", " (2)", " (3)"]
    assert names.behind("n1", "x") == " (2)"
    assert names.behind("y", "x (4)") == ""
    assert names.behind("n4", "x") == " (5)"
