"""Keys by what people know them by. The data plane finds a key by its digest and never needs to know its id; whoever
shows keys, or looks for those that carry limits, would read a hundred thousand for a few. So they are gone through once
for all questions of a configuration, when the first one is asked: the index of keys is the same object until a key
changes."""

from collections.abc import Mapping, Sequence
from typing import final

from ai_gateway.domain.config import Key, KeyDigest, Snapshot


@final
class KeyIndex:
    def __init__(self) -> None:
        self._keys: Mapping[KeyDigest, Key] = {}
        self._by_id: dict[str, Key] = {}
        self._limited: dict[str, list[Key]] = {}

    def find(self, snapshot: Snapshot, key_id: str) -> Key | None:
        self._look(snapshot)
        return self._by_id.get(key_id)

    def limited(self, snapshot: Snapshot, tenant_id: str) -> Sequence[Key]:
        """A tenant's keys that carry limits of their own."""
        self._look(snapshot)
        return self._limited.get(tenant_id, ())

    def _look(self, snapshot: Snapshot) -> None:
        if self._keys is snapshot.keys:
            return
        self._keys = snapshot.keys
        self._by_id = {key.id: key for key in snapshot.keys.values()}
        self._limited = {}
        for key in self._by_id.values():
            if key.limits:
                self._limited.setdefault(key.tenant_id, []).append(key)
