"""What became of a JSON value, as places that people can read: `messages[0].content` was this and is that.

A message that was put at the front moves all others, which are still the same: so what two lists have in common at
their beginnings and ends is left out, and only what is between is told.
"""

from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from ai_gateway.domain.rules import Json

UNSET: Final = msgspec.UNSET
_TOO_DEEP: Final = 64


class Change(msgspec.Struct, frozen=True):
    """UNSET: it was not there, or is not there any more."""

    path: str
    before: Json = UNSET
    after: Json = UNSET


def changes(before: Json, after: Json, path: str = "", depth: int = 0) -> Iterator[Change]:
    """In the order of the new value; what is gone comes first."""
    if same(before, after):
        return
    if depth < _TOO_DEEP and isinstance(before, dict) and isinstance(after, dict):
        yield from _of_objects(cast("dict[str, Json]", before), cast("dict[str, Json]", after), path, depth)
    elif depth < _TOO_DEEP and isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(cast("list[Json]", before), cast("list[Json]", after), path, depth)
    else:
        yield Change(path, before, after)


def same(before: Json, after: Json) -> bool:
    """1 and true are equal to Python, and are not the same."""
    return before == after and _bools(before) == _bools(after)


def _of_objects(before: dict[str, Json], after: dict[str, Json], path: str, depth: int) -> Iterator[Change]:
    for name, value in before.items():
        if name not in after:
            yield Change(_member(path, name), value)
    for name, value in after.items():
        if name in before:
            yield from changes(before[name], value, _member(path, name), depth + 1)
        else:
            yield Change(_member(path, name), UNSET, value)


def _of_lists(before: list[Json], after: list[Json], path: str, depth: int) -> Iterator[Change]:
    shorter = min(len(before), len(after))
    start = next((at for at in range(shorter) if not same(before[at], after[at])), shorter)
    left = shorter - start
    end = next((at for at in range(left) if not same(before[-1 - at], after[-1 - at])), left)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    if len(old) == len(new):
        for at, (one, other) in enumerate(zip(old, new, strict=True), start):
            yield from changes(one, other, f"{path}[{at}]", depth + 1)
        return
    for at, value in enumerate(old, start):
        yield Change(f"{path}[{at}]", value)
    for at, value in enumerate(new, start):
        yield Change(f"{path}[{at}]", UNSET, value)


def _member(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _bools(value: Any) -> Any:
    """What of a value Python would not tell apart."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [_bools(it) for it in cast("list[Any]", value)]
    return [_bools(it) for it in cast("dict[str, Any]", value).values()] if isinstance(value, dict) else None
