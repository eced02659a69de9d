"""Decoded JSON through pipes: each string and each name of a member through one of its own, so that what comes out has
the same shape. A number that a pipe would change becomes the string that the pipe made of it.

Two names that were different may be the same afterwards; the second gets a number behind it, else a member is lost.
"""

import json
from collections.abc import Callable
from typing import Any, Final, cast, final

from ai_gateway.domain.rules import Json, TextPipe

MakeText = Callable[[], TextPipe]


def through(make: MakeText, text: str) -> str:
    pipe = make()
    return pipe.feed(text) + pipe.end()


@final
class Names:
    """Of one object's members. What is put behind a name depends on the names before it."""

    __slots__ = ("_counts", "_given", "_used")

    def __init__(self) -> None:
        self._used: Final[set[str]] = set()
        self._given: Final[dict[str, str]] = {}
        self._counts: Final[dict[str, int]] = {}

    def behind(self, name: str, written: str) -> str:
        """For the member `name`, which pipes made `written`; the same each time for the same name."""
        known = self._given.get(name)
        if known is not None:
            return known
        text, count = "", self._counts.get(written, 1)
        while written + text in self._used:
            count += 1
            text = f" ({count})"
        self._counts[written] = count
        self._used.add(written + text)
        self._given[name] = text
        return text


def rewrite_number(value: float, make: MakeText) -> Json:
    text = json.dumps(value)
    made = through(make, text)
    return value if made == text else made


def rewrite_json(value: Json, make: MakeText) -> Json:
    """A new value; `value` stays as it is. It may be nested deeper than Python calls."""
    made: list[Any] = []
    left: list[tuple[Json, Callable[[Any], None]]] = [(value, made.append)]
    while left:
        node, put = left.pop()
        match node:
            case str():
                put(through(make, node))
            case bool() | None:
                put(node)
            case int() | float():
                put(rewrite_number(node, make))
            case list():
                items = cast("list[Json]", node)
                copy: list[Json] = [None] * len(items)
                put(copy)
                left += [(item, _into(copy, index)) for index, item in reversed(list(enumerate(items)))]
            case dict():
                members = cast("dict[str, Json]", node)
                fresh: dict[str, Json] = {}
                put(fresh)
                names = Names()
                todo: list[tuple[Json, Callable[[Any], None]]] = []
                for name, item in members.items():
                    written = through(make, name)
                    key = written + names.behind(name, written)
                    fresh[key] = None
                    todo.append((item, _into(fresh, key)))
                left += reversed(todo)
            case _:
                put(node)
    return made[0]


def _into(container: Any, key: int | str) -> Callable[[Any], None]:
    return lambda item: container.__setitem__(key, item)
