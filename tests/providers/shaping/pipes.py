"""Pipes that rules could be: small, plain, and each the same for every partition of a text."""

import json
from collections.abc import Callable
from typing import Any

from ai_gateway.domain.faults import Blocked
from ai_gateway.domain.rules import MakePipe, RuleError, Tally, TextPipe


class Literal:
    """Another word for a word; keeps back what may become it."""

    def __init__(self, old: str, new: str) -> None:
        self.old = old
        self.new = new
        self.held = ""

    def feed(self, text: str) -> str:
        text = self.held + text
        done: list[str] = []
        while (at := text.find(self.old)) >= 0:
            done += [text[:at], self.found()]
            text = text[at + len(self.old) :]
        keep = next((n for n in range(min(len(self.old) - 1, len(text)), 0, -1) if self.old.startswith(text[-n:])), 0)
        self.held = text[len(text) - keep :]
        return "".join([*done, text[: len(text) - keep]])

    def found(self) -> str:
        return self.new

    def end(self) -> str:
        return self.held


class Forbids(Literal):
    def found(self) -> str:
        raise Blocked


class Fails(Literal):
    def found(self) -> str:
        raise RuleError("too much of it")


class Digits:
    """Takes out every run of four digits or more; a run may be long."""

    def __init__(self) -> None:
        self.held = ""

    def feed(self, text: str) -> str:
        out: list[str] = []
        for character in text:
            if character.isascii() and character.isdigit():
                self.held += character
            else:
                out += [self.end(), character]
        return "".join(out)

    def end(self) -> str:
        held, self.held = self.held, ""
        return "[n]" if len(held) >= 4 else held


class Late:
    """Says everything at the end, with its length: whoever ended it too early, or twice, is found out."""

    def __init__(self) -> None:
        self.held: list[str] = []

    def feed(self, text: str) -> str:
        self.held.append(text)
        return ""

    def end(self) -> str:
        text = "".join(self.held)
        return f"<{len(text)}:{text}>" if text else ""


class Same:
    def feed(self, text: str) -> str:
        return text

    def end(self) -> str:
        return ""


class Arguments:
    """What keeps arguments JSON: each string of it through a pipe of its own, once all of it is there."""

    def __init__(self, make: Callable[[], TextPipe]) -> None:
        self.make = make
        self.held: list[str] = []

    def feed(self, text: str) -> str:
        self.held.append(text)
        return ""

    def end(self) -> str:
        text = "".join(self.held)
        try:
            value = json.loads(text)
        except ValueError:
            return self._piped(text)
        changed = self._changed(value)
        return text if changed == value else json.dumps(changed, ensure_ascii=False)

    def _changed(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._piped(value)
        if isinstance(value, dict):
            return {self._piped(name): self._changed(it) for name, it in value.items()}
        return [self._changed(it) for it in value] if isinstance(value, list) else value

    def _piped(self, text: str) -> str:
        pipe = self.make()
        return pipe.feed(text) + pipe.end()


def literal(old: str, new: str) -> MakePipe:
    return lambda _: Literal(old, new)


def forbids(word: str) -> MakePipe:
    return lambda _: Forbids(word, "")


def fails(word: str) -> MakePipe:
    return lambda _: Fails(word, "")


def digits(_: Tally) -> TextPipe:
    return Digits()


def late(_: Tally) -> TextPipe:
    return Late()


def same(_: Tally) -> TextPipe:
    return Same()
