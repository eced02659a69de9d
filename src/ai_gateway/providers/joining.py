"""Where a new text goes on from an old one, character by character.

The caller has a part of an answer and a second provider says more. There are two ways to make one text of both, and
each is safe only while its assumption holds, so each one checks it and fails instead of guessing: text must never
reach the caller twice, and two answers must never be mixed.

A repeated answer has to begin with exactly what was delivered, which is skipped. A continued one goes on at once; but a
model that was not able to continue answers from the beginning again, which is seen by its beginning like the answer's.
Such an echo becomes a repetition, which then has to hold to the end of what was delivered.
"""

from typing import Final, Protocol, final

ECHO_CHARACTERS: Final = 24
"""So much of the answer's beginning cannot come again by chance."""


class Joining(Protocol):
    @property
    def joined(self) -> bool:
        """What comes from now on is new to the caller."""
        ...

    @property
    def failed(self) -> bool:
        """The two texts do not fit; nothing of the new one was given out."""
        ...

    def take(self, text: str) -> str:
        """The next piece of the new text -> the part of it that the caller does not have ('' for now or for good)."""
        ...

    def finish(self) -> str:
        """The new text is over -> what was held back. Fails where not even the delivered part was reached."""
        ...


@final
class Repeated:
    """The answer once more, of which `delivered` is skipped."""

    def __init__(self, delivered: str) -> None:
        self._delivered = delivered
        self._at = 0
        self.failed = False

    @property
    def joined(self) -> bool:
        return not self.failed and self._at == len(self._delivered)

    def take(self, text: str) -> str:
        if self.failed:
            return ""
        expected = self._delivered[self._at : self._at + len(text)]
        if not text.startswith(expected):
            self.failed = True
            return ""
        self._at += len(expected)
        return text[len(expected) :]

    def finish(self) -> str:
        self.failed |= not self.joined
        return ""


@final
class Continued:
    """The answer's rest, said by a model that was given `delivered` without its trailing white space, since some refuse
    a message that ends in it. What white space the model then begins with, the caller has."""

    def __init__(self, delivered: str) -> None:
        self._delivered = delivered
        self._beginning = delivered.lstrip()[:ECHO_CHARACTERS]
        self._gap = delivered[len(delivered.rstrip()) :]
        self._held = ""
        self._goes_on = False
        self._echo: Repeated | None = None
        self._ambiguous = False

    @property
    def joined(self) -> bool:
        return self._goes_on if self._echo is None else self._echo.joined

    @property
    def failed(self) -> bool:
        return self._ambiguous or (self._echo is not None and self._echo.failed)

    def take(self, text: str) -> str:
        if self._goes_on:
            return text
        if self.failed:
            return ""
        if self._echo is not None:
            return self._echo.take(text)
        self._held += text
        said = self._held.lstrip()
        if said.startswith(self._beginning):
            return self._repeat()
        if self._beginning.startswith(said):
            return ""
        return self._go_on()

    def finish(self) -> str:
        if self._echo is not None:
            return self._echo.finish()
        return "" if self._goes_on or self.failed else self._go_on()

    def _go_on(self) -> str:
        self._goes_on = True
        held, self._held = self._held, ""
        if not self._gap or held.startswith(self._gap):
            return held[len(self._gap) :]
        return held.lstrip()

    def _repeat(self) -> str:
        """An echo, unless the answer is too short for one or says its own beginning again: then nobody can tell."""
        first = self._delivered.find(self._beginning)
        alone = self._delivered.find(self._beginning, first + 1) < 0
        if len(self._beginning) < ECHO_CHARACTERS or not alone:
            self._ambiguous = True
            return ""
        held, self._held = self._held, ""
        self._echo = Repeated(self._delivered)
        return self._echo.take(held)
