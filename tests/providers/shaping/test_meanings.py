"""Values that dialects say differently, there and back."""

from typing import Any

import msgspec
import pytest

from ai_gateway.providers.shaping.meanings import (
    anthropic_choice,
    anthropic_format,
    at,
    chat_choice,
    flat_choice,
    flat_format,
    inner_choice,
    inner_format,
    listed,
    opposite,
)

NAMED = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}


@pytest.mark.parametrize("choice", ["auto", "none", "required", NAMED])
def test_a_choice_comes_back_as_it_was_said(choice: Any) -> None:
    assert chat_choice(anthropic_choice(choice)) == choice
    assert inner_choice(flat_choice(choice)) == choice


def test_choices_of_the_dialects_own_are_taken_as_they_are() -> None:
    own = {"type": "tool", "name": "f", "disable_parallel_tool_use": True}
    assert anthropic_choice(own) == own
    assert chat_choice({"type": "new"}) == {"type": "new"}
    assert flat_choice({"type": "web_search"}) == {"type": "web_search"}


@pytest.mark.parametrize("value", [3, None, "sometimes", {}])
def test_a_choice_that_cannot_be_said_is_not(value: Any) -> None:
    assert anthropic_choice(value) is msgspec.UNSET


def test_a_form_comes_back_as_it_was_said() -> None:
    assert inner_format(flat_format(SCHEMA)) == SCHEMA
    assert flat_format({"type": "json_object"}) == {"type": "json_object"}
    assert anthropic_format(SCHEMA) == {"type": "json_schema", "schema": {"type": "object"}}
    assert anthropic_format(anthropic_format(SCHEMA)) == anthropic_format(SCHEMA)


@pytest.mark.parametrize(
    "value", [3, {"type": "json_object"}, {"type": "json_schema"}, {"type": "json_schema", "json_schema": 3}]
)
def test_a_form_without_a_schema_cannot_be_said_there(value: Any) -> None:
    assert anthropic_format(value) is msgspec.UNSET


def test_small_things() -> None:
    assert at("a.b", "c").paths == (("a", "b"), ("c",))
    assert listed("x") == ["x"]
    assert listed(["x"]) == ["x"]
    assert opposite(True) is False
    assert opposite("yes") is msgspec.UNSET
