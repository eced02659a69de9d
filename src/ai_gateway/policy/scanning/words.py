"""A block list: many words in one pass, whichever way they are written in capitals.

Text and words are seen through a lens with one byte a character, as detectors see theirs, but folded (Unicode's simple
case folding, one character for one; for a word that folds to more, as Straße to strasse, that is looked for too). Small
letters leave the bytes A to Z free: they stand for the letters of other alphabets that words have, so that \\b knows
what a word is. Where a list has more letters than there are bytes for, some share one, and what matches is compared
again. A word ends where \\b says, on those of its sides that are letters or digits; scripts that put no spaces between
words have no such sides.
"""

from collections.abc import Iterable
from itertools import cycle
from typing import Final, final

from ai_gateway.policy.scanning.engine import ANYWHERE, UNBOUNDED, Alphabet, Program, compile_pattern
from ai_gateway.policy.scanning.finding import Found
from ai_gateway.policy.scanning.lens import ZERO, Picture, is_unspaced, picture_of, seen_as

WHAT: Final = "word"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXY"
_OTHER_LETTER: Final = "Z"
_SIGNS: Final = [chr(code) for code in range(0x81, 0xE0)]
_OTHER_SIGN: Final = "\xff"
_MOST_KEPT: Final = 0x20000


def folded(char: str) -> str:
    """One character for one."""
    seen = seen_as(char)
    if seen.isascii():
        return seen.lower()
    return next((fold for fold in (char.casefold(), char.lower()) if len(fold) == 1), char)


@final
class _FoldingLens(dict[int, str]):
    def __init__(self, chars: Iterable[str]) -> None:
        super().__init__()
        letters, signs = cycle(_LETTERS), cycle(_SIGNS)
        self.codes = {char: next(letters) if _is_letter(char) else next(signs) for char in chars}
        self.shares: Final = len(set(self.codes.values())) < len(self.codes)

    def __missing__(self, point: int) -> str:
        char = chr(point)
        seen = self.code(folded(char)) if seen_as(char) != ZERO else ZERO
        if point < _MOST_KEPT:
            self[point] = seen
        return seen

    def code(self, fold: str) -> str:
        if fold.isascii():
            return " " if fold.isspace() else fold
        return self.codes.get(fold) or (_OTHER_LETTER if _is_letter(fold) else _OTHER_SIGN)

    def look(self, text: str) -> Picture:
        if text.isascii():
            return Picture(text.lower().translate(_SPACES).encode("ascii"))
        return picture_of(text.translate(self))


_SPACES: Final = str.maketrans("\t\n\v\f\r", "     ")


def _is_letter(char: str) -> bool:
    return (char.isalnum() or char == "_") and not is_unspaced(char)


@final
class WordFinder:
    def __init__(self, words: tuple[str, ...]) -> None:
        both = [form for word in words for form in (word, word.casefold())]
        forms = ["".join(" " if char.isspace() else folded(char) for char in word) for word in both]
        self.words: Final = frozenset(forms)
        self.lens: Final = _FoldingLens(sorted({char for form in forms for char in form if not char.isascii()}))
        self.sizes: Final = sorted({len(form) for form in forms}, reverse=True)
        self.shortest: Final = self.sizes[-1]
        tries: dict[str, _Trie] = {}
        for form in sorted(self.words):
            coded = "".join(map(self.lens.code, form))
            tries.setdefault(_edge(coded[0]), _Trie()).add(coded)
        self.program: Final = _compiled("|".join(f"{lead}(?:{trie.whole()})" for lead, trie in tries.items()))
        self.open: Final = _compiled(
            "(?:" + "|".join(f"(?:{lead}(?:{trie.begun()}))?" for lead, trie in tries.items()) + ")\\z"
        )

    def view(self, text: str) -> "_WordView":
        return _WordView(self, text)


@final
class _WordView:
    __slots__ = ("_finder", "_picture", "_text")

    def __init__(self, finder: WordFinder, text: str) -> None:
        self._finder = finder
        self._text = text
        self._picture = finder.lens.look(text)

    def first(self, start: int) -> Found | None:
        picture, data = self._picture, self._picture.data
        at = picture.index(start)
        while True:
            at, end = self._finder.program.Match(ANYWHERE, data, at, len(data))[0]
            if at < 0:
                return None
            if self._finder.lens.shares:
                end = self._same_letters(at)
            if end > at:
                place = picture.place(at)
                return Found(place, picture.end(end), WHAT, place)
            at += 1

    def open_from(self, start: int) -> int:
        picture = self._picture
        at = self._finder.open.Match(ANYWHERE, picture.data, picture.index(start), len(picture.data))[0][0]
        return picture.place(at)

    def _same_letters(self, at: int) -> int:
        """Where the longest word ends that is written here and not only coded alike; `at` if none is."""
        picture, data = self._picture, self._picture.data
        for size in self._finder.sizes:
            end = at + size
            if end <= len(data) and not _cuts(data, at) and not _cuts(data, end):
                places = range(at, end) if picture.at is None else picture.at[at:end]
                if "".join([_spaced(folded(self._text[place])) for place in places]) in self._finder.words:
                    return end
        return at


def _cuts(data: bytes, at: int) -> bool:
    """Whether a place is inside a word."""
    return 0 < at < len(data) and _is_wordy(data[at - 1]) and _is_wordy(data[at])


def _is_wordy(byte: int) -> bool:
    return byte < 128 and (chr(byte).isalnum() or byte == 0x5F)


def _spaced(char: str) -> str:
    return " " if char.isspace() else char


def _edge(coded: str) -> str:
    return "\\b" if _is_wordy(ord(coded)) else ""


@final
class _Trie:
    """Words by their beginnings, so that a list of them is a small pattern."""

    __slots__ = ("_ends", "_next")

    def __init__(self) -> None:
        self._next: dict[str, _Trie] = {}
        self._ends: str | None = None

    def add(self, word: str) -> None:
        node = self
        for char in word:
            node = node._next.setdefault(char, _Trie())
        node._ends = _edge(word[-1])

    def whole(self) -> str:
        """The longest first."""
        ways = [_literal(char) + node._grouped(node.whole()) for char, node in self._next.items()]
        return "|".join(ways if self._ends is None else [*ways, self._ends])

    def begun(self) -> str | None:
        """Beginnings that are not the whole of every word that begins so; None where there is nothing more to come."""
        if not self._next:
            return "" if self._ends else None
        rests = ((char, node.begun()) for char, node in self._next.items())
        return "|".join([*(_literal(char) + f"(?:{rest})" for char, rest in rests if rest is not None), ""])

    def _grouped(self, text: str) -> str:
        return text if len(self._next) + (self._ends is not None) == 1 else f"(?:{text})"


def _literal(char: str) -> str:
    return char if char.isalnum() or ord(char) > 127 else "\\" + char


def _compiled(pattern: str) -> Program:
    return compile_pattern(pattern, Alphabet.BYTES, UNBOUNDED)
