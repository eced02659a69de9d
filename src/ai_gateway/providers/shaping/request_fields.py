"""What every request's form does alike: fields by their meaning, and all its texts.

The members of the body are a dict of bytes. A verb opens the member that it is about and no other, and leaves it closed
again; so what ten rules cost is what they change, whatever else a body has in it.
"""

from collections.abc import Callable
from typing import ClassVar, Final

import msgspec

from ai_gateway.domain.rules import Json, Path, TextPipe
from ai_gateway.providers.shaping.meanings import Meaning, Meanings
from ai_gateway.providers.shaping.raw_json import (
    Members,
    drop_in,
    found_in,
    put_in,
    raw_of,
    renamed,
    renamed_in,
    value_of,
)
from ai_gateway.providers.shaping.texts import rewritten, texts_in

UNSET: Final = msgspec.UNSET


class RequestFields:
    """`meanings`: where this operation has what has a meaning; other fields are where their path says."""

    meanings: ClassVar[Meanings] = {}

    def __init__(self, members: Members) -> None:
        self._members = dict(members)

    def fields(self) -> Members:
        return dict(self._members)

    def get(self, path: Path) -> Json:
        meaning = self.meanings.get(path[0])
        if meaning is None:
            return self._get(path)
        if meaning.read is not None and len(path) > 1:
            whole = self.get(path[:1])
            return UNSET if whole is UNSET else found_in(raw_of(whole), path[1:])
        found = UNSET
        for place in meaning.paths:
            if place[0] not in self._members:
                continue
            value = self._get((*place, *path[1:]))
            if value is not UNSET and value is not None:
                return value if meaning.read is None else meaning.read(value)
            if found is UNSET:
                found = value
        return found

    def put(self, path: Path, value: Json) -> None:
        """A field that this operation does not have is not put anywhere."""
        meaning = self.meanings.get(path[0])
        if meaning is None:
            self._put(path, value)
            return
        if meaning.write is not None:
            if len(path) > 1:
                whole = self.get(path[:1])
                value = value_of(put_in(None if whole is UNSET else raw_of(whole), path[1:], raw_of(value)))
                path = path[:1]
            value = meaning.write(value)
            if value is UNSET:
                return
        for place in self._places(meaning):
            self._put((*place, *path[1:]), value)

    def drop(self, path: Path) -> bool:
        meaning = self.meanings.get(path[0])
        places = (path,) if meaning is None else tuple((*place, *path[1:]) for place in meaning.paths)
        dropped = [self._drop(place) for place in places]
        return True in dropped

    def rename(self, path: Path, to: str) -> bool:
        """Names are what this is about: they are meant literally."""
        if len(path) == 1:
            named = renamed(self._members, path[0], to)
            if named is not None:
                self._members = named
            return named is not None
        raw = self._members.get(path[0])
        inner = None if raw is None else renamed_in(raw, path[1:], to)
        if inner is not None:
            self._set(path[0], inner)
        return inner is not None

    def rewrite(self, make: Callable[[], TextPipe], spares: Callable[[str], bool] | None = None) -> None:
        self._members = rewritten(self._members, make, spares)

    def texts(self) -> tuple[str, ...]:
        return texts_in(self._members)

    def _set(self, name: str, raw: msgspec.Raw) -> None:
        self._members[name] = raw

    def _remove(self, *names: str) -> None:
        for name in names:
            self._members.pop(name, None)

    def _get(self, path: Path) -> Json:
        raw = self._members.get(path[0])
        if raw is None:
            return UNSET
        return value_of(raw) if len(path) == 1 else found_in(raw, path[1:])

    def _put(self, path: Path, value: Json) -> None:
        raw = raw_of(value)
        self._set(path[0], raw if len(path) == 1 else put_in(self._members.get(path[0]), path[1:], raw))

    def _drop(self, path: Path) -> bool:
        name = path[0]
        if name not in self._members:
            return False
        if len(path) == 1:
            self._remove(name)
            return True
        less = drop_in(self._members[name], path[1:])
        if less is not None:
            self._set(name, less)
        return less is not None

    def _places(self, meaning: Meaning) -> tuple[Path, ...]:
        """Those where it is there, else where it shall be."""
        if len(meaning.paths) <= 1:
            return meaning.paths
        there = [place for place in meaning.paths if place[0] in self._members]
        if len(there) > 1:
            return tuple([it for it in there if self._get(it) not in (None, UNSET)] or there[:1])
        return tuple(there) or meaning.paths[:1]
