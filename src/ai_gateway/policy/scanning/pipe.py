"""One stream of text on its way through finders: what is certain not to be a match goes on at once, what may become
one waits, what is one is replaced or stops everything. Where several finders match, the leftmost wins, then the
longest, then the first in the list; matches do not overlap.
"""

from collections.abc import Callable
from typing import Final, final

from ai_gateway.policy.scanning.finding import CONTEXT, Finder, Found, Tail, View


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
        kept = self._kept + text
        start = self._out
        if self._tail is not None:
            end = self._tail.take(kept, start)
            if end is None:
                self._keep(kept, len(kept))
                return ""
            self._tail = None
            start = end
        view = _view(self._finders, kept)
        found = view.first(start)
        held = view.open_from(start)
        if found is None or found.start >= held:
            self._keep(kept, held)
            return kept[start:held]
        pieces: list[str] = []
        while found is not None and found.start < held:
            start = self._put(kept, start, found, pieces)
            if held < start:
                held = view.open_from(start)
            found = view.first(start)
        if self._tail is None:
            pieces.append(kept[start:held])
            start = held
        self._keep(kept, start)
        return "".join(pieces)

    def end(self) -> str:
        kept, start = self._kept, self._out
        self._kept, self._out = "", 0
        if self._tail is not None:
            return ""
        size = len(kept)
        if size - start < min([finder.shortest for finder in self._finders]):
            return kept[start:]
        view = _view(self._finders, kept)
        found = view.first(start)
        if found is None:
            return kept[start:]
        pieces: list[str] = []
        while found is not None:
            start = self._put(kept, start, found, pieces)
            found = view.first(start)
        pieces.append(kept[start:])
        return "".join(pieces)

    def _put(self, kept: str, start: int, found: Found, pieces: list[str]) -> int:
        """The place behind it, and behind its tail as far as that is there."""
        pieces += (kept[start : found.hidden], self._on_found(found))
        if found.tail is None:
            return found.end
        end = found.tail.take(kept, found.end)
        if end is None:
            self._tail = found.tail
            return len(kept)
        return end

    def _keep(self, kept: str, held: int) -> None:
        first = held - CONTEXT if held > CONTEXT else 0
        self._kept = kept[first:]
        self._out = held - first


def _view(finders: tuple[Finder, ...], text: str) -> View:
    return finders[0].view(text) if len(finders) == 1 else _Several([finder.view(text) for finder in finders])


@final
class _Several:
    """Several finders' looks at one text. One is asked again only where another's match went over what it found."""

    __slots__ = ("_firsts", "_opens", "_views")

    def __init__(self, views: list[View]) -> None:
        self._views: Final = views
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

    def open_from(self, start: int) -> int:
        opens = self._opens
        if opens is None:
            opens = self._opens = [view.open_from(start) for view in self._views]
        for number, place in enumerate(opens):
            if place < start:
                opens[number] = self._views[number].open_from(start)
        return min(opens)
