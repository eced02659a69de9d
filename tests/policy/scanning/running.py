"""Texts through pipes, whole and in pieces."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from hypothesis import strategies as st

from ai_gateway.domain.rules import MakePipe, Tally, TextPipe
from ai_gateway.policy.scanning import ScanSpec, compile_scan

Made = tuple[str, tuple[str, ...]]


def flow(pipe: TextPipe, pieces: Iterable[str]) -> str:
    return "".join([pipe.feed(piece) for piece in pieces]) + pipe.end()


def run(make: MakePipe, pieces: Iterable[str]) -> Made:
    """What came out, and what was noted."""
    tally = Tally()
    return flow(make(tally), pieces), tally.notes()


def redactor(spec: ScanSpec, replacement: str = "#") -> MakePipe:
    return compile_scan(spec).redactor(1, replacement)


def redacting(*detectors: str) -> Callable[[str], str]:
    """What is made of a text; it comes to the same when it comes character by character."""
    make = redactor(ScanSpec(detect=detectors))

    def redact(text: str) -> str:
        made = run(make, [text])
        assert run(make, text) == made
        return made[0]

    return redact


def most_held(make: MakePipe, text: str) -> int:
    """Characters that waited at once while a text without a match came one by one."""
    pipe, out, most = make(Tally()), 0, 0
    for count, char in enumerate(text, 1):
        out += len(pipe.feed(char))
        most = max(most, count - out)
    assert out + len(pipe.end()) == len(text)
    return most


def pieces_of(text: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.integers(1, max(1, len(text))), max_size=12).map(lambda cuts: cut(text, cuts))


def cut(text: str, cuts: list[int]) -> list[str]:
    places = [0, *sorted({place for place in cuts if place < len(text)}), len(text)]
    return [text[start:end] for start, end in pairwise(places)]
