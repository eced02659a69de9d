"""All detectors of a rule in one pass: one pattern that is any of their shapes finds where something may begin, the
shapes that can begin with what stands there say what it is, and the longest wins. A clean text costs two calls of RE2.

RE2 cannot look behind, and most look-alikes are known by what stands before them (the second half of a longer number).
So the one pattern has each shape with the character before it, and is asked from one character before the place where
it may begin; `\\A` in it stands for the start of what is looked at, where nothing is before.
"""

from typing import Final, final

import msgspec

from ai_gateway.policy.scanning import grammar
from ai_gateway.policy.scanning.detectors.shape import Detector, Shape
from ai_gateway.policy.scanning.engine import (
    ANYWHERE,
    AT_START,
    UNBOUNDED,
    WHOLE,
    Alphabet,
    Compiler,
    Program,
    compile_pattern,
)
from ai_gateway.policy.scanning.finding import Found
from ai_gateway.policy.scanning.lens import LENS, Picture

BEGINNING: Final = 6
"""So many characters say which shapes are possible."""
_MOST_BEGINNINGS: Final = 8_192


class _Member(msgspec.Struct, frozen=True):
    what: str
    shape: Shape
    program: Program
    begun: Program
    firsts: frozenset[int]
    not_behind: frozenset[int]


@final
class DetectorFinder:
    def __init__(self, detectors: tuple[Detector, ...], compiler: Compiler = compile_pattern) -> None:
        shapes = [(detector.name, shape) for detector in detectors for shape in detector.shapes]
        self.any: Final = compiler(_with_before([shape for _, shape in shapes]), Alphabet.BYTES, UNBOUNDED)
        self.shortest: Final = min(grammar.shortest(grammar.parse(shape.pattern)) for _, shape in shapes)
        union = grammar.parse("|".join(shape.pattern for _, shape in shapes))
        self.open: Final = compiler(grammar.open_tail(union), Alphabet.BYTES, UNBOUNDED)
        members = [_member(what, shape) for what, shape in shapes]
        self._members: Final = [tuple(it for it in members if byte in it.firsts) for byte in range(256)]
        self._by_beginning: Final[dict[bytes, tuple[_Member, ...]]] = {}

    def view(self, text: str) -> "_DetectorView":
        return _DetectorView(self, LENS.look(text))

    def members(self, beginning: bytes) -> tuple[_Member, ...]:
        """Those that can match what begins so; remembered."""
        known = self._by_beginning.get(beginning)
        if known is None:
            size = len(beginning)
            possible = self._members[beginning[0]]
            known = tuple(
                it
                for it in possible
                if it.begun.Match(WHOLE, beginning, 0, size)[0][0] == 0
                or it.program.Match(AT_START, beginning, 0, size)[0][0] == 0
            )
            if len(self._by_beginning) >= _MOST_BEGINNINGS:
                self._by_beginning.clear()
            self._by_beginning[beginning] = known
        return known


@final
class _DetectorView:
    __slots__ = ("_end", "_finder", "_picture")

    def __init__(self, finder: DetectorFinder, picture: Picture) -> None:
        self._finder = finder
        self._picture = picture
        self._end = len(picture.data)

    def first(self, start: int) -> Found | None:
        data, end, match = self._picture.data, self._end, self._finder.any.Match
        start = self._picture.index(start)
        before = start - 1 if start else 0
        while True:
            before = match(ANYWHERE, data, before, end)[0][0]
            if before < 0:
                return None
            found = self._found(0) if before == start == 0 else None
            if found is None and start <= before + 1 < end:
                found = self._found(before + 1)
            if found is not None:
                return found
            before += 1

    def _found(self, at: int) -> Found | None:
        picture, data = self._picture, self._picture.data
        before = data[at - 1] if at else -1
        best: Found | None = None
        longest = at
        for member in self._finder.members(data[at : at + BEGINNING]):
            if before in member.not_behind:
                continue
            end = member.program.Match(AT_START, data, at, self._end)[0][1]
            if end <= longest:
                continue
            hidden, shape = at, member.shape
            if shape.check is not None:
                span = shape.check(data, at, end)
                if span is None or span.end <= longest:
                    continue
                hidden, end = span.hidden, span.end
            longest = end
            tail = None if shape.tail is None else shape.tail(data[at:end])
            best = Found(picture.place(at), picture.end(end), member.what, picture.place(hidden), tail)
        return best

    def open_from(self, start: int) -> int:
        picture = self._picture
        at = self._finder.open.Match(ANYWHERE, picture.data, picture.index(start), self._end)[0][0]
        return picture.place(at)


def _with_before(shapes: list[Shape]) -> str:
    by_before: dict[str, list[str]] = {}
    for shape in shapes:
        by_before.setdefault(shape.not_behind, []).append(shape.pattern)
    return "|".join(
        f"(?s:\\A|{f'[^{before}]' if before else '.'})(?:{'|'.join(patterns)})"
        for before, patterns in by_before.items()
    )


def _member(what: str, shape: Shape) -> _Member:
    node = grammar.parse(shape.pattern)
    return _Member(
        what=what,
        shape=shape,
        program=_compiled(shape.pattern),
        begun=_compiled(grammar.open_tail(node)),
        firsts=_bytes_of(grammar.first_of(node)),
        not_behind=_bytes_of(f"[{shape.not_behind}]") if shape.not_behind else frozenset(),
    )


def _compiled(pattern: str) -> Program:
    return compile_pattern(pattern, Alphabet.BYTES, UNBOUNDED)


def _bytes_of(one: str) -> frozenset[int]:
    program = _compiled(one)
    return frozenset(byte for byte in range(256) if program.Match(WHOLE, bytes([byte]), 0, 1)[0][0] == 0)
