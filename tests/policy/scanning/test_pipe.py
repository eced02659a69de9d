import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.rules import Tally
from ai_gateway.policy.scanning.detectors.shape import Run
from ai_gateway.policy.scanning.finding import CONTEXT, Finder, Found, Tail, View
from ai_gateway.policy.scanning.patterns import PatternFinder
from ai_gateway.policy.scanning.pipe import ScanPipe
from policy.scanning.running import flow, pieces_of


def named(found: Found) -> str:
    return f"<{found.what}>"


class Tailed:
    """Another finder's matches, with a tail of x behind them, and their last character hidden only."""

    def __init__(self, finder: Finder) -> None:
        self.finder = finder
        self.shortest = finder.shortest

    def view(self, text: str) -> View:
        return _Tailed(self.finder.view(text))


class _Tailed:
    def __init__(self, view: View) -> None:
        self.inner = view
        self.open_from = view.open_from

    def first(self, start: int) -> Found | None:
        found = self.inner.first(start)
        tail: Tail = Run("x")
        return found and Found(found.start, found.end, "tailed", found.end - 1, tail)


def test_the_leftmost_wins_then_the_longest_then_the_first() -> None:
    finders = tuple(PatternFinder(pattern, 10) for pattern in ("bc+", "abc|d", "ab", "d"))
    assert flow(ScanPipe(finders, lambda found: f"<{found.end - found.start}>"), ["abcbccxd"]) == "<3><3>x<1>"


@given(st.text(alphabet="abcdx", max_size=25), st.data())
def test_several_finders_agree_in_any_partition(text: str, data: st.DataObject) -> None:
    finders = (PatternFinder("a[^b]*b", 4), PatternFinder(r"\bc+|dx", 3), Tailed(PatternFinder("cd|xa", 2)))
    whole = flow(ScanPipe(finders, named), [text])
    assert flow(ScanPipe(finders, named), data.draw(pieces_of(text))) == whole
    assert flow(ScanPipe(finders, named), text) == whole


def test_a_tail_is_swallowed_as_it_comes_and_what_is_not_hidden_stays() -> None:
    pipe = ScanPipe((Tailed(PatternFinder("ab", 2)),), named)
    assert [pipe.feed(text) for text in ("-a", "b", "xx", "x", "xca", "")] == ["-", "a<tailed>", "", "", "c", ""]
    assert pipe.end() == "a"
    assert flow(ScanPipe((Tailed(PatternFinder("ab", 2)),), named), ["ab", "xx"]) == "a<tailed>"


def test_what_went_out_is_still_seen_by_conditions() -> None:
    assert flow(ScanPipe((PatternFinder(r"\bfoo|^bar", 3),), named), ["a", "foo", " foo", "bar"]) == "afoo <pattern>bar"
    assert CONTEXT == 2


def test_what_is_raised_at_a_match_comes_out_of_the_pipe() -> None:
    tally = Tally()

    def stop(found: Found) -> str:
        tally.found(1, found.what)
        raise LookupError

    pipe = ScanPipe((PatternFinder("ab", 2),), stop)
    assert pipe.feed("a") == ""
    with pytest.raises(LookupError):
        pipe.feed("b")
    assert tally.notes() == ("rule 1: pattern, once",)
