"""What finders and pipes say to each other.

A finder is shown a piece of text, with two characters of what was before it if there were any (one for conditions like
\\b, one to know whether that one is seen at all). It says what matches first, and from where on text that is not there
yet may decide; both depend on the whole text alone, never on how much of it came at once.
"""

from typing import Final, Protocol

import msgspec

CONTEXT: Final = 2


class Tail(Protocol):
    """What belongs to a match although it is behind it, without a bound: the rest of a key, a block's body. It is
    swallowed as it comes, so nothing has to be held back for it."""

    def take(self, text: str, start: int) -> int | None:
        """The place in `text` where it ends; None: not in this text. Then it is called again with what follows."""
        ...


class Found(msgspec.Struct, frozen=True, gc=False):
    """text[start:end] matches; what is taken out of it begins at `hidden` (the value in `password = "..."`)."""

    start: int
    end: int
    what: str
    hidden: int
    tail: Tail | None = None


class View(Protocol):
    """A finder's look at one text."""

    def first(self, start: int) -> Found | None:
        """The leftmost match that begins at `start` or later, as far as is known; raises RuleError."""
        ...

    def open_from(self, start: int) -> int:
        """The first place, `start` or later, at which a match may begin that later text decides; the text's length if
        there is none. What `first` finds before it is final."""
        ...


class Finder(Protocol):
    @property
    def shortest(self) -> int:
        """No match has fewer characters."""
        ...

    def view(self, text: str) -> View: ...
