"""Texts through pipes, whole and in pieces."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from ai_gateway.domain.rules import MakePipe, Tally, TextPipe
from ai_gateway.policy.scanning import ScanSpec, compile_scan
from ai_gateway.policy.scanning.engine import Alphabet, Program, Spans, compile_pattern


class Steps:
    """Counts what an engine is asked."""

    def __init__(self) -> None:
        self.calls = 0
        self.looked_at = 0

    def compiler(self, pattern: str, alphabet: Alphabet, most_instructions: int) -> Program:
        return _Counted(compile_pattern(pattern, alphabet, most_instructions), self)


class _Counted:
    def __init__(self, program: Program, steps: Steps) -> None:
        self.program = program
        self.steps = steps

    def Match(self, anchor: Any, text: bytes, start: int, end: int, /) -> Spans:
        self.steps.calls += 1
        match = self.program.Match(anchor, text, start, end)
        self.steps.looked_at += (end if match[0][0] < 0 else match[0][1]) - start
        return match


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
