import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.scanning.lens import IDEOGRAPH, LENS, OTHER, WORD, ZERO_WIDTHS, Picture, is_unspaced, seen_as


@pytest.mark.parametrize(
    ("chars", "seen"),
    [
        ("４", "4"),
        ("٤", "4"),
        ("４", "4"),
        ("＠", "@"),
        ("Ａ", "A"),
        ("𝐀", "A"),
        ("ª", "a"),
        ("\u00a0\u2003\u3000", " "),
        ("\u2010\u2011\u2013\u2014\u2212\ufe63", "-"),
        ("。．", "."),
        ("éжΩ", WORD),
        ("日かカไ", IDEOGRAPH),
        ("€😀\ud83d\udc00", OTHER),
    ],
)
def test_look_alikes_are_seen_as_what_they_look_like(chars: str, seen: str) -> None:
    assert [seen_as(char) for char in chars] == [seen] * len(chars)


@given(st.characters())
def test_every_character_is_seen_as_one_byte(char: str) -> None:
    assert len(seen_as(char).encode("latin-1")) == 1


def test_plain_text_is_its_own_picture() -> None:
    assert LENS.look("a\x00b") == Picture(b"a\x00b")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a\u200bb", [0, 2, 3]),
        ("a\u200b\u200cb", [0, 2, 3, 4]),  # only the first one behind a character is not seen
        ("\u200ba", [0, 1, 2]),
        ("é\u00ad", [0, 2]),
    ],
)
def test_a_zero_width_character_behind_another_is_not_seen(text: str, at: list[int]) -> None:
    assert LENS.look(text).at == at


@given(st.text(alphabet=["a", "é", *sorted(ZERO_WIDTHS)], max_size=30))
def test_places_and_bytes_belong_to_each_other(text: str) -> None:
    picture = LENS.look(text)
    assert len(text) <= 2 * len(picture.data)
    assert picture.place(len(picture.data)) == len(text)
    for index in range(len(picture.data)):
        place = picture.place(index)
        assert picture.index(place) == index
        assert picture.end(index + 1) == place + 1


def test_scripts_without_spaces_are_known_by_their_names() -> None:
    assert all(is_unspaced(char) for char in "日本ひカไລខམ")
    assert not any(is_unspaced(char) for char in "aéж한א1")
    assert unicodedata.name("한").startswith("HANGUL")  # Korean has spaces
