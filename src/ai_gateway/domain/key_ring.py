"""All gateway keys as one value: by what the holder of a key shows, which is how the data plane meets them, and by the
id that rows, budgets and people know them by. Whoever changes or shows a key would otherwise go through a hundred
thousand for it: the old digest of a rotated key stands nowhere else.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar, final, overload

from ai_gateway.domain.wide_map import Draft, WideMap

if TYPE_CHECKING:
    from ai_gateway.domain.config import Key, KeyDigest

D = TypeVar("D")

_NOTHING: Final[WideMap[Any, Any]] = WideMap[Any, Any]()


@final
class KeyRing(Mapping["KeyDigest", "Key"]):
    """A digest stands for one key, and a key's id for one digest."""

    __slots__ = ("_digests", "_keys")

    def __init__(
        self, keys: "WideMap[KeyDigest, Key]" = _NOTHING, digests: "WideMap[str, KeyDigest]" = _NOTHING
    ) -> None:
        self._keys = keys
        self._digests = digests

    @overload
    def get(self, key: "KeyDigest", default: None = None, /) -> "Key | None": ...
    @overload
    def get(self, key: "KeyDigest", default: "Key | D", /) -> "Key | D": ...
    def get(self, key: "KeyDigest", default: "Key | D | None" = None, /) -> "Key | D | None":
        return self._keys.get(key, default)

    def __getitem__(self, key: "KeyDigest") -> "Key":
        return self._keys[key]

    def __iter__(self) -> "Iterator[KeyDigest]":
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def parts(self) -> "tuple[Mapping[KeyDigest, Key], ...]":
        """All of them, for who has to look at each and must not take long at a time. A part that a change did not touch
        is the same one after it."""
        return self._keys.parts

    def find(self, key_id: str) -> "Key | None":
        digest = self._digests.get(key_id)
        return None if digest is None else self._keys[digest]

    def draft(self) -> "RingDraft":
        return RingDraft(self._keys.draft(), self._digests.draft())


@final
class RingDraft:
    """The next ring, for as long as it is worked on."""

    __slots__ = ("_digests", "_keys")

    def __init__(self, keys: "Draft[KeyDigest, Key]", digests: "Draft[str, KeyDigest]") -> None:
        self._keys = keys
        self._digests = digests

    def put(self, digest: "KeyDigest", key: "Key") -> None:
        """A key that is there under another digest is dropped first."""
        self._keys.put(digest, key)
        self._digests.put(key.id, digest)

    def drop(self, key_id: str) -> None:
        digest = self._digests.drop(key_id)
        if digest is not None:
            self._keys.drop(digest)

    def done(self) -> KeyRing:
        return KeyRing(self._keys.done(), self._digests.done())


def ring_of(entries: "Iterable[tuple[KeyDigest, Key]]") -> KeyRing:
    draft = KeyRing().draft()
    for digest, key in entries:
        draft.put(digest, key)
    return draft.done()
