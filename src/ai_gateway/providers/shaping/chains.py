"""Pipes in a row, one row for each text: what is held back of one text must never come out in another.

A text has one way through the rules whether it comes at once or in pieces, so both sides of the law (a shaped stream
folds to the shaped answer) are the same code: `feed` until it is over, then `end`.
"""

from collections.abc import Callable
from typing import final

from ai_gateway.domain.faults import RuleFailed
from ai_gateway.domain.rules import AnswerRules, Json, RuleError, Tally, TextPipe
from ai_gateway.providers.decoding import decode_any
from ai_gateway.providers.shaping.pieces import encode, rewrite


@final
class Chain:
    """Rules' pipes, the first one's output into the second. One that cannot be done is RuleFailed from here on."""

    __slots__ = ("_pipes",)

    def __init__(self, pipes: list[TextPipe]) -> None:
        self._pipes = pipes

    def feed(self, text: str) -> str:
        try:
            for pipe in self._pipes:
                if not text:
                    return ""
                text = pipe.feed(text)
        except RuleError as error:
            raise RuleFailed(detail=str(error)) from None
        return text

    def end(self) -> str:
        rest = ""
        try:
            for pipe in self._pipes:
                rest = (pipe.feed(rest) if rest else "") + pipe.end()
        except RuleError as error:
            raise RuleFailed(detail=str(error)) from None
        return rest


@final
class Chains:
    """Makes the chains of one answer. Without pipes (`is_idle`) no text needs to be looked at."""

    __slots__ = ("_answer", "is_idle")

    def __init__(self, answer: AnswerRules) -> None:
        self._answer = answer
        self.is_idle = not answer.pipes

    def text(self) -> Chain:
        tally = self._answer.tally
        return Chain([make(tally) for make in self._answer.pipes])

    def arguments(self) -> TextPipe:
        """For the JSON text of a tool call's arguments."""
        make = self._answer.arguments
        return self.text() if make is None else Chain([make(self.text)])

    def whole(self, text: str) -> str:
        chain = self.text()
        return chain.feed(text) + chain.end()

    def whole_arguments(self, text: str) -> str:
        chain = self.arguments()
        return chain.feed(text) + chain.end()

    def value(self, value: Json) -> Json:
        """Arguments that stand there as a value: the same as their JSON text would be."""
        if value in (None, {}, []):
            return value
        text = encode(value).decode()
        chain = self.arguments()
        piped = chain.feed(text) + chain.end()
        if piped == text:
            return value
        changed = decode_any(piped.encode(errors="replace"))
        return rewrite(value, self.whole) if changed is None else changed

    def any(self, value: Json) -> Json:
        """The texts in something of which nothing is known."""
        return rewrite(value, self.whole) if isinstance(value, str | dict | list) else value

    def misplaced(self, value: Json) -> Json:
        """What stands where a text should be. A number that a pipe changes becomes a text."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = str(value)
            piped = self.whole(number)
            return value if piped == number else piped
        return self.any(value)


@final
class Recorder:
    """A pipe that changes nothing and keeps what it saw."""

    __slots__ = ("_kept", "_place")

    def __init__(self, kept: list[list[str]]) -> None:
        self._place = len(kept)
        self._kept = kept
        kept.append([])

    def feed(self, text: str) -> str:
        self._kept[self._place].append(text)
        return text

    def end(self) -> str:
        return ""


def recorded(see: Callable[[AnswerRules], object]) -> tuple[str, ...]:
    """Every text that comes to pipes while something is shaped, in the order in which their chains begin."""
    kept: list[list[str]] = []

    def recorder(_: Tally) -> TextPipe:
        return Recorder(kept)

    see(AnswerRules(pipes=(recorder,)))
    return tuple("".join(pieces) for pieces in kept if any(pieces))
