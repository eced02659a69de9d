"""One name for another, wherever it stands in a text: what providers call themselves, and what a company calls them."""

from collections.abc import Callable
from typing import Final, final

from ai_gateway.domain.rules import MakePipe, Tally, TextPipe

LONGEST_OLD: Final = 1_000


@final
class Replacer:
    """`pipe` for streams, `replace` for whole texts: the same, leftmost first. `old` is as `fold` folds it, one
    character for one."""

    __slots__ = ("_fold", "_new", "_old")

    def __init__(self, old: str, new: str, fold: Callable[[str], str]) -> None:
        self._old: Final = old
        self._new: Final = new
        self._fold: Final = fold

    @property
    def pipe(self) -> MakePipe:
        return self._make

    def _make(self, _tally: Tally) -> TextPipe:
        return _ReplacePipe(self._old, self._new, self._fold)

    def replace(self, text: str) -> str:
        pipe = _ReplacePipe(self._old, self._new, self._fold)
        return pipe.feed(text) + pipe.end()


@final
class _ReplacePipe:
    __slots__ = ("_fold", "_kept", "_new", "_old")

    def __init__(self, old: str, new: str, fold: Callable[[str], str]) -> None:
        self._old = old
        self._new = new
        self._fold = fold
        self._kept = ""

    def feed(self, text: str) -> str:
        text = self._kept + text
        seen = self._fold(text)
        pieces: list[str] = []
        start, at = 0, seen.find(self._old)
        while at >= 0:
            pieces += (text[start:at], self._new)
            start = at + len(self._old)
            at = seen.find(self._old, start)
        held = self._begun(seen, start)
        self._kept = text[held:]
        if not pieces:
            return text[:held]
        pieces.append(text[start:held])
        return "".join(pieces)

    def end(self) -> str:
        kept, self._kept = self._kept, ""
        return kept

    def _begun(self, seen: str, start: int) -> int:
        """Where at the end of the text `old` may have begun."""
        old, size = self._old, len(seen)
        at = seen.find(old[0], max(start, size - len(old) + 1))
        while at >= 0:
            if old.startswith(seen[at:]):
                return at
            at = seen.find(old[0], at + 1)
        return size


def compile_replace(old: str, new: str, ignore_case: bool) -> Replacer:  # noqa: FBT001
    """Raises ValueError with a text for people."""
    if not old:
        raise ValueError("the empty text is everywhere; say what is to be replaced")
    if len(old) > LONGEST_OLD:
        raise ValueError(f"it is longer than {LONGEST_OLD} characters")
    fold = fold_case if ignore_case else _as_it_is
    return Replacer(fold(old), new, fold)


def _as_it_is(text: str) -> str:
    return text


def fold_case(text: str) -> str:
    """Simple case folding: one character for one."""
    return text.lower() if text.isascii() else "".join(map(_fold, text))


def _fold(char: str) -> str:
    return next((fold for fold in (char.casefold(), char.lower()) if len(fold) == 1), char)
