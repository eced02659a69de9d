import msgspec
import pytest

from ai_gateway.providers.decoding import (
    as_list,
    as_object,
    as_text,
    decode,
    decode_any,
    first_of,
    says_something,
)


@pytest.mark.parametrize("data", [b"", b"{", b"[1,]", b'"\xff"', b"[" * 100_000, b"<html>", b"NaN", b"1e999"])
def test_what_does_not_decode_is_absent(data: bytes) -> None:
    assert decode_any(data) is None


def test_a_broken_part_does_not_hide_its_neighbour() -> None:
    class Part(msgspec.Struct):
        known: int = 0

    assert decode(b'{"other":"\\ud83d","known":3}', Part) == Part(3)
    assert decode(b'{"known":"x"}', Part) is None
    for odd in (b"NaN", b"-Infinity", b'"a\tb"', b'[NaN,"\n"]'):
        assert decode(b'{"other":%b,"known":3}' % odd, Part) == Part(3)


def test_what_is_not_a_number_is_null() -> None:
    assert decode_any(b'{"a":NaN,"b":"x\ty"}') == {"a": None, "b": "x\ty"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (rb'"a\ud83d"', "a\ufffd"),
        (rb'"\ude00b"', "\ufffdb"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\\ud83d\ud83d"', "\\ud83d\ufffd"),
    ],
)
def test_a_lone_surrogate_is_read_as_a_replacement(data: bytes, text: str) -> None:
    assert decode_any(data) == text


@pytest.mark.parametrize(
    ("raw", "says"),
    [(b"", False), (b"null", False), (b'""', False), (b"{}", False), (b' {"a":1}', True), (b'"x"', True), (b"0", True)],
)
def test_says_something(raw: bytes, says: bool) -> None:
    assert says_something(msgspec.Raw(raw)) is says


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), ("", None), (401, "401"), (True, None), (None, None), (1.5, None), ([], None), (10**30, None)],
)
def test_as_text(value: object, text: str | None) -> None:
    assert as_text(value) == text


def test_parts_of_the_wrong_kind_are_empty() -> None:
    assert as_object([1]) == {}
    assert as_list({"a": 1}) == []
    assert first_of([7, 8]) == 7
    assert first_of("abc") is None
