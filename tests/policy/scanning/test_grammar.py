from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ai_gateway.policy.scanning import grammar
from ai_gateway.policy.scanning.engine import ANYWHERE, AT_START, WHOLE, Program, Refused, compile_pattern
from policy.scanning.generated import PATTERNS, TEXTS


def parsed(pattern: str) -> tuple[grammar.Node, Program]:
    try:
        return grammar.parse(pattern), compile_pattern(pattern)
    except Refused:  # a repetition of a repetition
        assume(False)
        raise


def first(program: Program, anchor: Any, data: bytes) -> tuple[int, int]:
    return program.Match(anchor, data, 0, len(data))[0]


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


@given(PATTERNS, TEXTS)
def test_what_is_written_anew_means_the_same(pattern: str, text: str) -> None:
    node, program = parsed(pattern)
    again = compile_pattern(grammar.text_of(node))
    data = encode(text)
    for anchor in (WHOLE, AT_START):
        assert (first(again, anchor, data)[0] < 0) == (first(program, anchor, data)[0] < 0)


@given(PATTERNS, TEXTS, st.data())
def test_whatever_a_longer_text_decides_is_open(pattern: str, text: str, data: st.DataObject) -> None:
    """Each match that goes on behind the text, or ends at its end with a condition, begins at an open place."""
    node, program = parsed(pattern)
    seen = encode(text[: data.draw(st.integers(0, len(text)))])
    whole = encode(text)
    opened = compile_pattern(grammar.open_tail(node), most_instructions=1 << 20).Match(ANYWHERE, seen, 0, len(seen))[0][
        0
    ]
    for start in range(opened):
        if (start and whole[start] & 0xC0 == 0x80) or start > len(seen):
            continue
        now = program.Match(AT_START, seen, start, len(seen))
        later = program.Match(AT_START, whole, start, len(whole))
        assert now == later, f"{start} is not open, but decided later"


@given(PATTERNS, TEXTS)
def test_lengths_and_first_characters_are_bounds(pattern: str, text: str) -> None:
    node, program = parsed(pattern)
    start, end = first(program, ANYWHERE, encode(text))
    assume(start >= 0)
    match = encode(text)[start:end].decode("utf-8", "surrogatepass")
    longest = grammar.longest(node)
    assert grammar.shortest(node) <= len(match)
    assert longest is None or len(match) <= longest
    assert match or grammar.may_be_empty(node)
    if not grammar.may_be_empty(node):
        assert first(compile_pattern(grammar.first_of(node)), WHOLE, encode(match[0]))[0] == 0


@pytest.mark.parametrize(
    ("pattern", "text", "opened"),
    [
        ("OpenAI", "ask Open", 4),
        ("OpenAI", "ask OpenA", 4),
        ("OpenAI", "ask OpenAI", 10),  # it is decided
        ("OpenAI", "ask Opel", 8),
        (r"OpenAI\b", "ask OpenAI", 4),  # not without the next character
        ("a+", "baa", 1),
        ("a{2,3}", "aa", 0),
        ("a{2,3}", "aaa", 1),
        ("(?i)ab|[cd]e", "xA", 1),
        (r"\Qa+b\Ec", "a+b", 0),
        ("[]a-]x", "]", 0),
        ("[[:digit:]]x", "7", 0),
        (r"\x{61}\141b", "aa", 0),
        ("a{,5}b", "a{,", 0),  # no count: it means itself
    ],
)
def test_where_a_match_may_be_in_progress(pattern: str, text: str, opened: int) -> None:
    program = compile_pattern(grammar.open_tail(grammar.parse(pattern)))
    assert first(program, ANYWHERE, text.encode())[0] == opened


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a(?i)b", r"'\(\?i\)' at character 2 has to stand at the start, or be '\(\?i:\.\.\.\)'"),
        (r"a\Cb", r"'\\C' at character 2 would cut characters in pieces; use '\.'"),
        ("(" * 101 + "a" + ")" * 101, "nested more than 100 deep"),
    ],
)
def test_unusual_patterns_are_asked_to_be_written_differently(pattern: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        grammar.parse(pattern)
