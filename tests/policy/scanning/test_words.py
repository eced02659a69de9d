import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.scanning import ScanSpec
from ai_gateway.policy.scanning.words import WordFinder, folded
from policy.scanning.running import most_held, pieces_of, redactor, run


def blocked(words: tuple[str, ...], text: str) -> str:
    make = redactor(ScanSpec(words=words))
    made = run(make, [text])
    assert run(make, text) == made
    return made[0]


@pytest.mark.parametrize(
    ("words", "text", "made"),
    [
        (("falcon",), "Falcon, FALCON falcons falcon", "#, # falcons #"),
        (("project falcon",), "the Project\nFalcon", "the #"),
        (("foo", "foobar"), "foobar foo foobars", "# # foobars"),
        (("foo bar", "foo"), "foo bar foo baz", "# # baz"),
        (("c++", ".env"), "c++x .env c+ x.env", "#x # c+ x#"),
        (("don't",), "DON'T", "#"),
        (("straße",), "STRASSE Straße STRAẞE strassen", "# # # strassen"),
        (("école",), "ÉCOLE écoles", "# écoles"),
        (("иван",), "ИВАН Иванов", "# Иванов"),
        (("ΣΊΣΥΦΟΣ",), "σίσυφος", "#"),
        (("東京",), "在東京都", "在#都"),
        (("кот", "пёс"), "КОТ и ПЁС, котик", "# и #, котик"),
        (("secret",), "ｓｅｃｒｅｔ se\u200bcret", "# #"),
        (("k",), "\u212a", "#"),  # the sign for kelvin
        (("a_b",), "a_b xa_b", "# xa_b"),
        (("naïve",), "naïvety naïve", "naïvety #"),
        (("😀",), "x😀x", "x#x"),
    ],
)
def test_a_word_is_found_however_it_is_written(words: tuple[str, ...], text: str, made: str) -> None:
    assert blocked(words, text) == made


def test_more_letters_than_there_are_codes_are_told_apart() -> None:
    """33 letters of Russian share 25 codes: words that are coded alike are not the same."""
    alphabet = "абвгдежзийклмнопрстуфхцчшщъыьэюяё"
    words = tuple(char * 3 for char in alphabet)
    finder = WordFinder(words)
    assert finder.lens.shares
    for char in alphabet:
        for shift in (char, char.upper()):
            found = finder.view(shift * 3).first(0)
            assert found is not None and (found.start, found.end) == (0, 3)
        assert blocked((words[0], *words[26:]), char * 3) == ("#" if char in "а" + alphabet[26:] else char * 3)
    assert blocked(words, "абв ааа") == "абв #"


@given(
    st.lists(st.text(alphabet="abé日-+ ß", min_size=1, max_size=4), min_size=1, max_size=5),
    st.text(alphabet="abABéÉ日-+ ßs_\u200b", max_size=25),
    st.data(),
)
def test_the_pieces_make_no_difference(words: list[str], text: str, data: st.DataObject) -> None:
    some = tuple(word for word in words if word.strip())
    make = redactor(ScanSpec(words=some or ("a",)))
    whole = run(make, [text])
    assert run(make, data.draw(pieces_of(text))) == whole
    assert run(make, text) == whole


def test_a_long_list_is_one_pass_and_holds_back_no_more_than_a_word() -> None:
    words = tuple(f"word{number:03d}" + chr(0x430 + number % 32) * 90 for number in range(256))
    assert blocked(words, f"a {words[17].upper()} b") == "a # b"
    assert most_held(redactor(ScanSpec(words=words)), "words are written, and wordy ones too; word017 " * 3) == 7
    assert most_held(redactor(ScanSpec(words=words)), words[3][:-1]) == 96


@given(st.characters())
def test_folding_keeps_one_character_one(char: str) -> None:
    assert len(folded(char)) == 1
    assert folded(folded(char)) == folded(char)
