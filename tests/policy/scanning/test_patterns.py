import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ai_gateway.domain.rules import RuleError
from ai_gateway.policy.scanning import ScanSpec, SpecError
from ai_gateway.policy.scanning.engine import AT_START, compile_pattern
from ai_gateway.policy.scanning.patterns import PatternFinder
from policy.scanning.generated import PATTERNS, TEXTS
from policy.scanning.running import Steps, most_held, pieces_of, redactor, run


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


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"a[^b]*b", "a" * 20_000),
        (r"a[^b]*b", ("a" * 300 + "b") * 70),
        (r"a[^b]*b", "a" * 20_000 + "b"),
        (r"\S+@", "a" * 20_000 + "@"),
        (r"(a+)+$", "a" * 20_000 + "b"),
        (r".*x", "yx" + "y" * 20_000),
        (r"é[^b]*b", ("é" * 300 + "b") * 70),
    ],
)
def test_no_text_costs_more_than_a_bound_a_character(pattern: str, text: str) -> None:
    steps = Steps()
    view = PatternFinder(pattern, 256, steps.compiler).view(text)
    start = 0
    while (found := view.first(start)) is not None:
        start = found.end
    assert steps.calls <= 64 + len(text) // 20
    assert steps.looked_at <= 40 * len(text)


def test_a_pattern_whose_matches_are_all_just_too_long_fails_instead_of_taking_its_time() -> None:
    steps = Steps()
    view = PatternFinder("(?:ab|x.{256})", 256, steps.compiler).view("x" * 100_000)
    with pytest.raises(RuleError, match="too many steps"):
        view.first(0)
    assert steps.looked_at <= 130 * 100_000


@pytest.mark.parametrize(
    ("pattern", "text", "most"),
    [
        ("OpenAI", "An open question about Opera and OpenAPI", 5),
        (r"\d{3}-\d{4}", "In 2024 we sold 1204 units at 350 or 123-4 each", 5),
        (r"secret-\w+", "the secretary keeps a secret of the house", 6),
    ],
)
def test_little_is_held_back(pattern: str, text: str, most: int) -> None:
    assert most_held(redactor(ScanSpec(pattern=pattern)), text) == most


def test_an_open_match_waits_for_its_longest() -> None:
    assert most_held(redactor(ScanSpec(pattern="a[^b]*b", max_length=10)), "xa" + "c" * 50) == 10


def test_halves_of_pairs_are_characters_like_others() -> None:
    make = redactor(ScanSpec(pattern="a.b"))
    assert run(make, ["a\ud83db \ud83d"])[0] == run(make, "a\ud83db \ud83d")[0] == "# \ud83d"
