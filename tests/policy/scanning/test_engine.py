import pytest

from ai_gateway.policy.scanning.engine import ANYWHERE, AT_START, Alphabet, Refused, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a(?=b)", "look-ahead is not supported, as it cannot be done in linear time; found '(?=' (character 2)"),
        ("a(?!b)", "look-ahead is not supported, as it cannot be done in linear time; found '(?!' (character 2)"),
        ("(?<=a)b", "look-behind is not supported, as it cannot be done in linear time; found '(?<=' (character 1)"),
        ("(?<!a)b", "look-behind is not supported, as it cannot be done in linear time; found '(?<!' (character 1)"),
        (r"(a)\1", r"'\1' is no escape that is supported (back references are not) (character 4)"),
        ("a(b", "a parenthesis is never closed: 'a(b'"),
        ("a)b", "a parenthesis is closed that was never opened: 'a)b'"),
        ("[a", "the bracket in '[a' is never closed"),
        ("[z-a]", "'z-a' is no range or class of characters (character 2)"),
        ("*a", "there is nothing before '*' that could be repeated (character 1)"),
        ("a**", "'**' repeats a repetition; use parentheses (character 2)"),
        ("a{1001}", "'{1001}' is no count of at most 1000 (character 2)"),
        ("a\\", "it ends in a single backslash"),
        (r"\pX", r"'\pX' is no range or class of characters"),
        (r"(\pL{100}){10}", "it is too large when compiled; use smaller counts in braces, or fewer of them"),
        ("(?P<a b>x)", "'(?P<a b>' is no name of a group (character 1)"),
        ("a\ud800", "character 2 is half of a surrogate pair, which no text has"),
    ],
)
def test_a_pattern_is_refused_in_words(pattern: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        compile_pattern(pattern)
    assert str(refused.value) == words


def test_a_pattern_that_would_be_large_is_refused_before_it_runs() -> None:
    with pytest.raises(Refused, match="too large"):
        compile_pattern("[ab]{900}", most_instructions=800)
    compile_pattern("[ab]{900}", most_instructions=2000)


def test_what_stands_around_a_window_counts() -> None:
    program = compile_pattern(r"\bfoo\b")
    assert program.Match(ANYWHERE, b"a foo b", 2, 5) == [(2, 5)]
    assert program.Match(ANYWHERE, b"a fooxb", 2, 5) == [(-1, -1)]
    assert program.Match(AT_START, b"axfoo b", 2, 5) == [(-1, -1)]
    assert compile_pattern("^foo|foo$").Match(ANYWHERE, b"a foo b", 2, 5) == [(-1, -1)]


def test_one_byte_may_be_one_character() -> None:
    assert compile_pattern("[^a]\xe0", Alphabet.BYTES).Match(ANYWHERE, b"a\xff\xe0", 0, 3) == [(1, 3)]
