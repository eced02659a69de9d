import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ai_gateway.domain.rules import RuleError
from ai_gateway.policy.scanning import ScanSpec, SpecError, patterns
from ai_gateway.policy.scanning.engine import AT_START, compile_pattern
from policy.scanning.generated import PATTERNS, TEXTS
from policy.scanning.running import most_held, pieces_of, redactor, run


def said(pattern: str, most: int, text: str) -> str:
    """The module's first paragraph, done place by place."""
    program, out, at = compile_pattern(pattern), "", 0
    data = text.encode("utf-8", "surrogatepass")
    places = [len(text[:end].encode("utf-8", "surrogatepass")) for end in range(len(text) + 1)]
    while at < len(text):
        limit = places[min(len(text), at + most)]
        low, high = program.Match(AT_START, data, places[at], limit)[0]
        if low >= 0:
            out, at = out + "#", places.index(high)
        else:
            out, at = out + text[at], at + 1
    return out


@given(PATTERNS, TEXTS, st.integers(1, 8), st.data())
def test_a_pattern_finds_what_is_said_in_any_partition(pattern: str, text: str, most: int, data: st.DataObject) -> None:
    try:
        make = redactor(ScanSpec(pattern=pattern, max_length=most))
    except SpecError:
        assume(False)
        return
    made, notes = run(make, [text])
    assert made == said(pattern, most, text)
    assert run(make, data.draw(pieces_of(text))) == (made, notes)
    assert run(make, text) == (made, notes)
    assert most_held_or_found(make, text) <= most


def most_held_or_found(make: object, text: str) -> int:
    make = make if callable(make) else None
    assert make is not None
    from ai_gateway.domain.rules import Tally

    pipe, most = make(Tally()), 0
    for char in text:
        pipe.feed(char)
        most = max(most, len(pipe._kept) - pipe._out)
    return most
