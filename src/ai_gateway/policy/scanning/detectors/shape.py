"""What a detector is made of. A shape is a pattern over what the lens shows, of at most 256 characters, and a check of
what no pattern can say (sums of digits). A check sees one character behind the match, but only where the pattern ends
in a condition, \\b or BEHIND: then the place is not decided before that character is there."""

import re
from collections.abc import Callable
from typing import Final, final

import msgspec

from ai_gateway.policy.scanning.finding import Tail
from ai_gateway.policy.scanning.lens import IDEOGRAPH, WORD, ZERO_WIDTHS

LETTERS: Final = f"A-Za-z{WORD}"
WORDS: Final = f"A-Za-z0-9{WORD}"
UNSPACED: Final = IDEOGRAPH
BEHIND: Final = r"(?:\b|\B)"
"""Always true."""


class Span(msgspec.Struct, frozen=True, gc=False):
    """What a check leaves of a match: it ends at `end`, and what is taken out begins at `hidden`."""

    hidden: int
    end: int


Check = Callable[[bytes, int, int], Span | None]


class Shape(msgspec.Struct, frozen=True):
    """Nothing of `not_behind` (as in brackets) may stand directly before it."""

    pattern: str
    check: Check | None = None
    tail: Callable[[bytes], Tail] | None = None
    """Made from what matched."""
    not_behind: str = ""


class Detector(msgspec.Struct, frozen=True):
    name: str
    about: str
    shapes: tuple[Shape, ...]


@final
class Run:
    """A tail of characters of one kind; zero-width ones do not end it."""

    __slots__ = ("_pattern",)

    def __init__(self, kinds: str) -> None:
        self._pattern = re.compile(f"[{kinds}{''.join(sorted(ZERO_WIDTHS))}]*")

    def __call__(self, _matched: bytes) -> "Run":
        return self

    def take(self, text: str, start: int) -> int | None:
        run = self._pattern.match(text, start)
        assert run is not None, "a pattern that matches nothing too matches everywhere"
        return run.end() if run.end() < len(text) else None
