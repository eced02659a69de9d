"""Only what is on the way is opened."""

from typing import Any

import msgspec
import pytest

from ai_gateway.domain.rules import RuleError
from ai_gateway.providers.shaping.raw_json import (
    drop_in,
    found_in,
    items_of,
    members_of,
    put_in,
    raw_of,
    renamed,
    renamed_in,
    text_of,
    value_of,
    whole_of,
)

RAW = msgspec.Raw(b'{"a":{"b":[{"c": 1.50 },{"d":2}], "e":"\\u0041"},"f" :null}')


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("a", "b", "c"), 1.5),
        (("a", "b", "d"), 2),
        (("f",), None),
        (("g",), msgspec.UNSET),
        (("a", "e", "x"), msgspec.UNSET),
        (("a", "b", "x"), msgspec.UNSET),
    ],
)
def test_the_first_of_a_list_that_has_it_is_found(path: tuple[str, ...], expected: Any) -> None:
    assert found_in(RAW, path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("f", "x"), b'{"a":{"b":[{"c": 1.50 },{"d":2}], "e":"\\u0041"},"f":{"x":9}}'),
        (("a", "b", "c"), b'{"a":{"b":[{"c":9},{"d":2,"c":9}],"e":"\\u0041"},"f":null}'),
        (("x", "y"), b'{"a":{"b":[{"c": 1.50 },{"d":2}], "e":"\\u0041"},"f":null,"x":{"y":9}}'),
    ],
)
def test_what_is_beside_the_way_keeps_its_bytes(path: tuple[str, ...], expected: bytes) -> None:
    assert bytes(put_in(RAW, path, raw_of(9))) == expected


@pytest.mark.parametrize("path", [("a", "e", "x"), ("a", "b", "c", "x")])
def test_something_else_in_the_way_is_said(path: tuple[str, ...]) -> None:
    with pytest.raises(RuleError):
        put_in(RAW, path, raw_of(9))


def test_what_is_dropped_is_dropped_from_all_of_a_list() -> None:
    raw = msgspec.Raw(b'[{"a":1,"b":1.0},{"a":2},{"b":3},4]')
    assert bytes(drop_in(raw, ("a",)) or b"") == b'[{"b":1.0},{},{"b":3},4]'
    assert drop_in(raw, ("c",)) is None
    assert drop_in(raw_of("text"), ("a",)) is None
    assert drop_in(RAW, ("a", "b", "x")) is None


def test_what_is_renamed_keeps_its_place() -> None:
    assert bytes(renamed_in(RAW, ("a", "b", "d"), "z") or b"").startswith(b'{"a":{"b":[{"c": 1.50 },{"z":2}],')
    assert renamed_in(RAW, ("a", "b", "x"), "z") is None
    assert renamed_in(raw_of(1), ("a",), "z") is None
    members = {"a": raw_of(1), "b": raw_of(2), "c": raw_of(3)}
    assert list(renamed(members, "a", "c") or {}) == ["c", "b"]
    assert value_of((renamed(members, "a", "c") or {})["c"]) == 1
    assert renamed(members, "x", "c") is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(None, ""), (b"null", ""), (b'"a\\u0041"', "aA"), (b'"\\ud800"', "\ufffd"), (b"[]", None), (b"3", None)],
)
def test_a_text_is_told_from_something_else(raw: bytes | None, expected: str | None) -> None:
    assert text_of(None if raw is None else msgspec.Raw(raw)) == expected


def test_what_is_of_another_kind_is_none() -> None:
    assert members_of(msgspec.Raw(b"[]")) is None
    assert items_of(msgspec.Raw(b"{}")) is None
    assert value_of(msgspec.Raw(b"[1,")) is None


def test_fractions_of_a_whole_value_stay_text() -> None:
    assert bytes(raw_of(whole_of(msgspec.Raw(b'[1.10, {"a":2E5}, null]')))) == b'[1.10,{"a":2E5},null]'
    assert whole_of(msgspec.Raw(b"null")) is None
    with pytest.raises(RuleError):
        whole_of(msgspec.Raw(b"[1,"))


@pytest.mark.parametrize("value", [object(), {1: object()}, "\ud800"])
def test_what_json_cannot_say_is_said(value: Any) -> None:
    with pytest.raises(RuleError):
        raw_of(value)
