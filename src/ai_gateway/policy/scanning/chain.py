"""Pipes behind each other: what one lets go, the next one scans."""

from collections.abc import Iterable
from typing import Final, final

from ai_gateway.domain.rules import TextPipe


@final
class _Chain:
    __slots__ = ("_pipes",)

    def __init__(self, pipes: tuple[TextPipe, ...]) -> None:
        self._pipes: Final = pipes

    def feed(self, text: str) -> str:
        for pipe in self._pipes:
            if not text:
                break
            text = pipe.feed(text)
        return text

    def end(self) -> str:
        text = ""
        for pipe in self._pipes:
            text = (pipe.feed(text) if text else "") + pipe.end()
        return text


def chain(pipes: Iterable[TextPipe]) -> TextPipe:
    """One pipe; without pipes, one that changes nothing."""
    some = tuple(pipes)
    return some[0] if len(some) == 1 else _Chain(some)
