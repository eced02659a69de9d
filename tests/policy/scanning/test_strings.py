import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.scanning import chain
from ai_gateway.policy.scanning.rewriting import Names
from ai_gateway.policy.scanning.strings import JsonString, encoded
from policy.scanning.running import pieces_of


def read(pieces: list[str], names: Names | None = None) -> str:
    string = JsonString(lambda: chain([]), names)
    out: list[str] = []
    for piece in pieces:
        assert string.take(piece, 0, out) == len(piece)
    return "".join(out) + ("" if string.is_closed else string.end())


@given(st.text(), st.booleans(), st.data())
def test_a_string_means_the_same_afterwards(text: str, plain: bool, data: st.DataObject) -> None:
    written = json.dumps(text, ensure_ascii=not plain)[1:]
    made = read(data.draw(pieces_of(written)))
    assert json.loads('"' + made) == text


@pytest.mark.parametrize(
    ("written", "made"),
    [
        (r"\u0040\/\n\u00e9", "@/\\né"),
        (r"\ud83d\ude00", "😀"),
        (r"\ud83dx\ude00", r"\ud83dx\ude00"),
        (r"\ud83d\ud83d\ude00", r"\ud83d😀"),
        (r"\'\x\u12g", "'xu12g"),  # as JavaScript reads it
        ("a\nb", r"a\nb"),
        ("\\\\u0040", "\\\\u0040"),
    ],
)
def test_escapes_are_read(written: str, made: str) -> None:
    assert read([written + '"']) == made + '"'
    assert read(list(written + '"')) == made + '"'


@pytest.mark.parametrize(
    ("written", "made"), [("ab", "ab"), ("a\\", "a\\\\"), (r"\u00", "u00"), (r"\ud83d\u", r"\ud83du")]
)
def test_a_string_that_never_ends_is_given_out(written: str, made: str) -> None:
    assert read([written]) == read(list(written)) == made


def test_a_name_says_at_its_end_what_number_it_has() -> None:
    names = Names()
    assert [read(list(name + '"'), names) for name in ("a", "b", r"\u0061")] == ['a"', 'b"', 'a"']


@given(st.text())
def test_what_is_encoded_can_be_sent(text: str) -> None:
    assert json.loads(f'"{encoded(text)}"') == text
    encoded("\ud83d" + text).encode()
