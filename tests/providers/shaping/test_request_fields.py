"""Fields by their path, in any dialect."""

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.chat import Operation
from ai_gateway.domain.rules import RuleError
from providers.shaping.forms import a_form, body_of, text_of


@pytest.mark.parametrize("value", [0.8, 1, "a", None, True, [1, "x"], {"a": {"b": 1}}])
def test_what_is_put_is_found_and_can_be_dropped(value: Any) -> None:
    form = a_form(Operation.CHAT, {"model": "m"})
    for path in (("new",), ("deep", "er", "est")):
        form.put(path, value)
        assert form.get(path) == value
        assert form.drop(path)
        assert form.get(path) is msgspec.UNSET
        assert not form.drop(path)
    assert body_of(form) == {"model": "m", "deep": {"er": {}}}


def test_what_is_absent_is_told_from_null() -> None:
    form = a_form(Operation.CHAT, {"temperature": None, "max_tokens": None})
    assert form.get(("temperature",)) is None
    assert form.get(("max_tokens",)) is None
    assert form.get(("top_p",)) is msgspec.UNSET
    assert form.get(("user", "x")) is msgspec.UNSET


def test_a_member_keeps_its_place_when_it_is_changed_or_renamed() -> None:
    form = a_form(Operation.CHAT, '{"a":1.0,"temperature":2.50,"c":{"d":1e3,"e":2}}')
    form.put(("temperature",), 0.8)
    assert form.rename(("c", "e"), "f")
    assert form.rename(("a",), "b")
    assert text_of(form) == '{"b":1.0,"temperature":0.8,"c":{"d":1e3,"f":2}}'


def test_names_are_renamed_literally() -> None:
    form = a_form(Operation.CHAT, {"max_tokens": 5})
    assert not form.rename(("max_completion_tokens",), "x")
    assert form.rename(("max_tokens",), "max_completion_tokens")
    assert not form.rename(("x", "y"), "z")
    assert not form.rename(("max_completion_tokens", "y"), "z")
    assert body_of(form) == {"max_completion_tokens": 5}


def test_something_in_the_way_is_said_and_nothing_is_done() -> None:
    form = a_form(Operation.CHAT, {"metadata": "text"})
    with pytest.raises(RuleError):
        form.put(("metadata", "team"), "red")
    assert body_of(form) == {"metadata": "text"}


def test_what_was_given_out_does_not_change_any_more() -> None:
    form = a_form(Operation.CHAT, {"temperature": 1})
    before = form.fields()
    form.put(("temperature",), 0)
    form.put(("top_p",), 0)
    assert list(before) == ["temperature"]
    assert bytes(before["temperature"]) == b"1"
