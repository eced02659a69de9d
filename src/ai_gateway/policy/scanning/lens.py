"""What the detectors look at: a text with one byte a character, in which look-alikes are what they look like.

People who hide a card number write it with full-width digits, put zero-width characters between the digits, or non-
breaking spaces and long dashes; so do word processors, without meaning to. Seen through a lens these are the plain
characters, at no cost for plain text: ASCII is its own picture. One byte a character keeps offsets the same, makes the
patterns small and lets RE2 read bytes. The codes above 127 are classes:

    WORD      a letter, mark or digit of a script that puts spaces between words
    IDEOGRAPH one of a script that does not (Chinese, Japanese, Thai, Khmer, Lao, Burmese, Tibetan)
    OTHER     everything else

A zero-width character is left out if the character before it is none; so a picture has at least half as many characters
as its text, and what is held back of a stream stays bounded. The first character of a text is always seen. Letters of
other scripts that resemble Latin ones (Cyrillic a) are not taken for them: words of those languages would be.
"""

import unicodedata
from bisect import bisect_left
from typing import Final, final

import msgspec

WORD: Final = "\xe0"
IDEOGRAPH: Final = "\xe1"
OTHER: Final = "\xff"
ZERO: Final = "\x80"

ZERO_WIDTHS: Final = frozenset(
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
)
_UNSPACED: Final = (
    "CJK ",
    "HIRAGANA",
    "KATAKANA",
    "THAI ",
    "LAO ",
    "KHMER",
    "MYANMAR",
    "TIBETAN",
    "HALFWIDTH KATAKANA",
)
_PLAIN: Final = {
    "\u3002": ".",
    "\uff61": ".",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2212": "-",
}
_MOST_KEPT: Final = 0x20000


class Picture(msgspec.Struct, frozen=True, gc=False):
    """`data[i]` shows the character `at[i]` of the text; where `at` is None they are the same."""

    data: bytes
    at: list[int] | None = None

    def index(self, place: int) -> int:
        """The first byte that shows what is at `place` in the text, or behind it."""
        return place if self.at is None else bisect_left(self.at, place)

    def place(self, index: int) -> int:
        return index if self.at is None else self.at[index]

    def end(self, index: int) -> int:
        """Where in the text something ends that ends before byte `index`."""
        return index if self.at is None or index == 0 else self.at[index - 1] + 1


@final
class Lens(dict[int, str]):
    """Code points to what is seen of them; filled as they are met, at most with the first two planes."""

    def __missing__(self, point: int) -> str:
        seen = seen_as(chr(point))
        if point < _MOST_KEPT:
            self[point] = seen
        return seen

    def look(self, text: str) -> Picture:
        if text.isascii():
            return Picture(text.encode("ascii"))
        return picture_of(text.translate(self))


def seen_as(char: str) -> str:
    """One character below 256."""
    if char.isascii():
        return char
    if char in ZERO_WIDTHS:
        return ZERO
    plain = _PLAIN.get(char) or unicodedata.normalize("NFKC", char)
    if len(plain) == 1 and plain.isascii():
        return plain
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    category = unicodedata.category(char)
    if category[0] == "Z":
        return " "
    if category == "Pd":
        return "-"
    if category[0] not in "LMN":
        return OTHER
    return IDEOGRAPH if is_unspaced(char) else WORD


def is_unspaced(char: str) -> bool:
    """Whether it is of a script that puts no spaces between words."""
    return unicodedata.name(char, "").startswith(_UNSPACED)


def picture_of(seen: str) -> Picture:
    """Of characters below 256, ZERO where there is a zero-width one."""
    if ZERO not in seen:
        return Picture(seen.encode("latin-1"))
    at: list[int] = []
    before = ZERO
    for index, char in enumerate(seen):
        if char != ZERO or before == ZERO:
            at.append(index)
        before = char
    data = "".join([seen[index] for index in at])
    at.append(len(seen))
    return Picture(data.encode("latin-1"), at)


LENS: Final = Lens()
