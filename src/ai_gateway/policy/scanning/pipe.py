"""One stream of text on its way through finders: what is certain not to be a match goes on at once, what may become
one waits, what is one is replaced or stops everything. Where several finders match, the leftmost wins, then the
longest, then the first in the list; matches do not overlap.
"""

from collections.abc import Callable
from typing import Final, final

from ai_gateway.policy.scanning.finding import CONTEXT, Finder, Found, Tail


@final
class ScanPipe:
    """`on_found` says what stands in the place of a match; it may raise. A TextPipe."""

    __slots__ = ("_finders", "_kept", "_on_found", "_out", "_tail")

    def __init__(self, finders: tuple[Finder, ...], on_found: Callable[[Found], str]) -> None:
        self._finders: Final = finders
        self._on_found: Final = on_found
        self._kept = ""
        """What is held back, behind `_out` characters that went on already: what \\b has to see."""
        self._out = 0
        self._tail: Tail | None = None

    def feed(self, text: str) -> str:
        if not text:
            return ""
        kept = self._kept + text
        start = self._out
        if self._tail is not None:
            end = self._tail.take(kept, start)
            if end is None:
                self._keep(kept, len(kept))
                return ""
            self._tail = None
            start = end
        return self._scan(kept, start)

    def end(self) -> str:
        kept, start = self._kept, self._out
        if self._tail is not None or start == len(kept):
            return ""
        sight = _Sight(self._finders, kept)
        pieces: list[str] = []
        sight.close()
        start = self._replace(sight, start, pieces)
        self._kept, self._out = "", 0
        pieces.append(kept[start:])
        return "".join(pieces)

    def _scan(self, kept: str, start: int) -> str:
        sight = _Sight(self._finders, kept)
        found = sight.first(start)
        held = sight.open_from(start)
        if found is None or found.start >= held:
            self._keep(kept, held)
            return kept[start:held]
        pieces: list[str] = []
        start = self._replace(sight, start, pieces)
        if self._tail is None:
            held = sight.open_from(start)
            pieces.append(kept[start:held])
            start = held
        self._keep(kept, start)
        return "".join(pieces)

    def _replace(self, sight: "_Sight", start: int, pieces: list[str]) -> int:
        """Put what is found for good into `pieces`; the place behind it."""
        while True:
            found = sight.first(start)
            if found is None or found.start >= sight.open_from(start):
                return start
            pieces += (sight.text[start : found.hidden], self._on_found(found))
            start = found.end
            if found.tail is not None:
                end = found.tail.take(sight.text, start)
                if end is None:
                    self._tail = found.tail
                    return len(sight.text)
                start = end

    def _keep(self, kept: str, held: int) -> None:
        first = held - CONTEXT if held > CONTEXT else 0
        self._kept = kept[first:]
        self._out = held - first


@final
class _Sight:
    """All finders' looks at one text. What one found is asked for again only where another's match went over it."""

    __slots__ = ("_firsts", "_opens", "_views", "text")

    def __init__(self, finders: tuple[Finder, ...], text: str) -> None:
        self.text: Final = text
        self._views: Final = [finder.view(text) for finder in finders]
        self._firsts: list[Found | None] | None = None
        self._opens: list[int] | None = None

    def first(self, start: int) -> Found | None:
        firsts = self._firsts
        if firsts is None:
            firsts = self._firsts = [view.first(start) for view in self._views]
        best: Found | None = None
        for number, found in enumerate(firsts):
            if found is not None and found.start < start:
                firsts[number] = self._views[number].first(start)
        for found in firsts:
            if found is not None and (best is None or (found.start, -found.end) < (best.start, -best.end)):
                best = found
        return best

    def close(self) -> None:
        """No text comes any more, so nothing is open."""
        self._opens = [len(self.text)]

    def open_from(self, start: int) -> int:
        opens = self._opens
        if opens is None:
            opens = self._opens = [view.open_from(start) for view in self._views]
        for number, place in enumerate(opens):
            if place < start:
                opens[number] = self._views[number].open_from(start)
        return min(opens)
