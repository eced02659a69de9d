"""A pattern that people wrote: RE2 on the text as it is, in UTF-8.

What matches at a place is what RE2 prefers there among the matches of at most `max_length` characters; the leftmost
place with such a match wins. RE2 itself knows no longest length, so what it finds may be too long. Then it is asked for
a shorter one at that place, and if there is none the search goes on one character further, in a window of at most half
the size which ends before that match does; clean windows double it again. To look through the whole text again from
every place would make a 1 MB text cost its square.
What still asks too often (a pattern whose matches are all just too long) ends in RuleError.
"""

from typing import Final, final

from ai_gateway.domain.rules import RuleError
from ai_gateway.policy.scanning import grammar
from ai_gateway.policy.scanning.engine import (
    ANYWHERE,
    AT_START,
    MOST_INSTRUCTIONS,
    UNBOUNDED,
    Alphabet,
    Compiler,
    compile_pattern,
)
from ai_gateway.policy.scanning.finding import Found

WHAT: Final = "pattern"
_WIDEST: Final = 1 << 12
_STEPS_A_CHARACTER: Final = 64
_FREE_STEPS: Final = 1 << 16
_STEPS_A_CALL: Final = 256
"""What a call costs besides the characters that it looks at, in characters."""


@final
class PatternFinder:
    """Raises Refused, a ValueError."""

    def __init__(self, pattern: str, max_length: int, compiler: Compiler = compile_pattern) -> None:
        self.program: Final = compiler(pattern, Alphabet.UTF8, MOST_INSTRUCTIONS)
        node = grammar.parse(pattern)
        self.open: Final = compiler(grammar.open_tail(node), Alphabet.UTF8, UNBOUNDED)
        self.max_length: Final = max_length
        self.shortest: Final = grammar.shortest(node)
        bound = grammar.longest(node)
        self.is_bounded: Final = bound is not None and bound <= max_length
        self.node: Final = node

    def view(self, text: str) -> "_PatternView":
        return _PatternView(self, text)


@final
class _PatternView:
    """`start` and what is given back count characters, RE2 counts bytes; `_mark` is the last pair that was known, and
    what is asked for next is behind it or near, so converting is linear."""

    __slots__ = ("_data", "_finder", "_mark", "_plain", "_steps", "_text")

    def __init__(self, finder: PatternFinder, text: str) -> None:
        self._finder = finder
        self._text = text
        self._plain = text.isascii()
        self._data = text.encode("utf-8", "surrogatepass")
        self._mark = (0, 0)
        self._steps = _FREE_STEPS + _STEPS_A_CHARACTER * len(text)

    def first(self, start: int) -> Found | None:
        most, size, match = self._finder.max_length, len(self._text), self._finder.program.Match
        width = size if self._finder.is_bounded else _WIDEST
        while start < size:
            limit = min(size, start + width + most)
            low, high = match(ANYWHERE, self._data, self._byte(start), self._byte(limit))[0]
            found = -1 if low < 0 else self._char(low)
            if found < 0 or (limit < size and found > limit - most):
                if limit == size:
                    return None
                start = limit - most + 1
                width = min(_WIDEST, width * 2)
                continue
            end = self._char(high)
            widest = _WIDEST
            if end - found > most:
                self._spend(limit - start)
                widest = end - found - most - 2
                low, high = match(AT_START, self._data, low, self._byte(min(size, found + most)))[0]
                end = found if low < 0 else self._char(high)
            if end > found:
                return Found(found, end, WHAT, found)
            start = found + 1
            width = max(1, min(width // 2, widest))
        return None

    def open_from(self, start: int) -> int:
        start = max(start, len(self._text) - self._finder.max_length)
        low = self._finder.open.Match(ANYWHERE, self._data, self._byte(start), len(self._data))[0][0]
        return self._char(low)

    def _spend(self, looked_at: int) -> None:
        self._steps -= looked_at + _STEPS_A_CALL
        if self._steps < 0:
            raise RuleError("the pattern takes too many steps on this text: its matches are longer than 'max_length'")

    def _byte(self, char: int) -> int:
        if self._plain:
            return char
        if char >= len(self._text):
            return len(self._data)
        chars, byte = self._mark
        if char >= chars:
            byte += _size(self._text[chars:char])
        else:
            byte -= _size(self._text[char:chars])
        self._mark = (char, byte)
        return byte

    def _char(self, byte: int) -> int:
        if self._plain:
            return byte
        if byte >= len(self._data):
            return len(self._text)
        chars, mark = self._mark
        if byte >= mark:
            chars += _length(self._data[mark:byte])
        else:
            chars -= _length(self._data[byte:mark])
        self._mark = (chars, byte)
        return chars


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _length(data: bytes) -> int:
    return len(data.decode("utf-8", "surrogatepass"))
