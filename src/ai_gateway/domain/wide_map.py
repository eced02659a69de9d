"""A mapping of very many entries that is a value: a change makes a new one and copies only the parts it touches.

One dictionary of a hundred thousand entries takes milliseconds to copy, and whoever happens to be the last to hold the
old one pays as much again for giving it back, in the middle of whatever it was doing. So entries lie in parts of some
hundred each, by their hash. Two mappings between which lies a change share all parts but those that it touched, and
know by that where they differ.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, TypeVar, final, overload

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")

PARTS: Final = 256
_SHIFT: Final = 40
"""A part finds its entries by the low bits of their hashes: if those of one part had some of these in common, they
would stand in each other's way."""
_NO_ENTRIES: Final[dict[Any, Any]] = {}
_EMPTY: Final = (_NO_ENTRIES,) * PARTS


@final
class WideMap(Mapping[K, V]):
    """`parts` are there to be looked at: nobody changes them, because others share them."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[dict[K, V], ...] = _EMPTY) -> None:
        self.parts = parts

    @overload
    def get(self, key: K, default: None = None, /) -> V | None: ...
    @overload
    def get(self, key: K, default: V | D, /) -> V | D: ...
    def get(self, key: K, default: V | D | None = None, /) -> V | D | None:
        return self.parts[hash(key) >> _SHIFT & PARTS - 1].get(key, default)

    def __getitem__(self, key: K) -> V:
        return self.parts[hash(key) >> _SHIFT & PARTS - 1][key]

    def __iter__(self) -> Iterator[K]:
        for part in self.parts:
            yield from part

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def draft(self) -> "Draft[K, V]":
        return Draft(self.parts)


@final
class Draft(Generic[K, V]):
    """The next mapping, for as long as it is worked on: a part is copied when it is touched first. The mapping that it
    began with stays as it is. Once it is `done`, a draft is not touched again."""

    __slots__ = ("_copied", "_parts")

    def __init__(self, parts: tuple[dict[K, V], ...]) -> None:
        self._parts = list(parts)
        self._copied: set[int] = set()

    def put(self, name: K, value: V) -> None:
        self._own(name)[name] = value

    def drop(self, name: K) -> V | None:
        """What it meant."""
        return self._own(name).pop(name, None)

    def done(self) -> WideMap[K, V]:
        return WideMap(tuple(self._parts))

    def _own(self, name: K) -> dict[K, V]:
        place = hash(name) >> _SHIFT & PARTS - 1
        if place not in self._copied:
            self._copied.add(place)
            self._parts[place] = self._parts[place].copy()
        return self._parts[place]
