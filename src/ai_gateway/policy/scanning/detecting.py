"""All detectors of a rule in one pass: one pattern that is any of their shapes finds where something may begin, the
shapes that can begin with that character say what it is, and the longest wins. A clean text costs two calls of RE2.
"""

from typing import Final, final

import msgspec

from ai_gateway.policy.scanning import grammar
from ai_gateway.policy.scanning.detectors.shape import Detector, Shape
from ai_gateway.policy.scanning.engine import ANYWHERE, AT_START, WHOLE, Alphabet, Program, compile_pattern
from ai_gateway.policy.scanning.finding import Found
from ai_gateway.policy.scanning.lens import LENS, Picture


class _Member(msgspec.Struct, frozen=True):
    what: str
    shape: Shape
    program: Program


@final
class DetectorFinder:
    def __init__(self, detectors: tuple[Detector, ...]) -> None:
        shapes = [(detector.name, shape) for detector in detectors for shape in detector.shapes]
        union = grammar.parse("|".join(shape.pattern for _, shape in shapes))
        self.any: Final = _compiled(grammar.text_of(union))
        self.open: Final = _compiled(grammar.open_tail(union))
        members = [(_Member(what, it, _compiled(it.pattern)), _firsts(it.pattern)) for what, it in shapes]
        self.members: Final = tuple(tuple(it for it, firsts in members if byte in firsts) for byte in range(256))

    def view(self, text: str) -> "_DetectorView":
        return _DetectorView(self, LENS.look(text))


@final
class _DetectorView:
    __slots__ = ("_end", "_finder", "_picture")

    def __init__(self, finder: DetectorFinder, picture: Picture) -> None:
        self._finder = finder
        self._picture = picture
        self._end = len(picture.data)

    def first(self, start: int) -> Found | None:
        picture, data, end = self._picture, self._picture.data, self._end
        match = self._finder.any.Match
        at = picture.index(start)
        while True:
            at = match(ANYWHERE, data, at, end)[0][0]
            if at < 0:
                return None
            found = self._found(at)
            if found is not None:
                return found
            at += 1

    def _found(self, at: int) -> Found | None:
        picture, data = self._picture, self._picture.data
        best: Found | None = None
        longest = at
        for member in self._finder.members[data[at]]:
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


def _compiled(pattern: str) -> Program:
    return compile_pattern(pattern, Alphabet.BYTES, most_instructions=1 << 20)


def _firsts(pattern: str) -> frozenset[int]:
    first = _compiled(grammar.first_of(grammar.parse(pattern)))
    return frozenset(byte for byte in range(256) if first.Match(WHOLE, bytes([byte]), 0, 1)[0][0] == 0)
