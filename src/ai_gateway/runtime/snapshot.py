"""The Snapshot in force. One reference, swapped whole: a request that pinned the old one finishes on it, the next one
starts on the new one, and nobody ever holds half of each.

What was remembered of the old one's callers is kept as far as it is still true: most changes are of one key, and leave
a hundred thousand others as they were. What is not kept is let go of in slices, since to give back the memory of so
many at once takes long enough for a stream to feel it.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, final

from ai_gateway.domain.config import EMPTY_SNAPSHOT, KeyDigest, Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.key_ring import KeyRing
from ai_gateway.domain.traffic import Caller
from ai_gateway.runtime.ports import SnapshotSource

MOST_LOST: Final = 1_000
"""Callers that are forgotten one by one. Where a change took more keys, all are."""
SLICE: Final = 500


@final
class Snapshots:
    """`callers` are those that were looked up in the current Snapshot: who a key is and who pays for it is worked out
    for its first request only."""

    def __init__(self, source: SnapshotSource) -> None:
        self._source = source
        self._current = EMPTY_SNAPSHOT
        self.callers: dict[KeyDigest, Caller] = {}
        self._one_at_a_time = asyncio.Lock()

    def current(self) -> Snapshot:
        return self._current

    async def load(self) -> None:
        async with self._one_at_a_time:
            await self._install(await self._source.load_snapshot())

    async def refresh(self) -> Sequence[ConfigurationChanged]:
        """Apply every change since the revision in force; what was applied. Changes arrive in order, once: two
        refreshes at the same time would otherwise each build on a base that the other has replaced."""
        async with self._one_at_a_time:
            changes = await self._source.changes_since(self._current.revision)
            if changes:
                await self._install(await self._source.apply_changes(self._current, changes))
            return changes

    async def _install(self, snapshot: Snapshot) -> None:
        before, callers = self._current, self.callers
        lost = await _lost(before.keys, snapshot.keys) if snapshot.tenants is before.tenants else None
        if lost is None or len(lost) > MOST_LOST:
            await _thin_out(callers)
            callers = {}
        else:
            for digest in lost:
                callers.pop(digest, None)
        self._current, self.callers = snapshot, callers


async def _lost(before: KeyRing, after: KeyRing) -> list[KeyDigest]:
    """What opens something else now, or nothing."""
    lost: list[KeyDigest] = []
    for old, new in zip(before.parts, after.parts, strict=True):
        if old is not new:
            lost += [digest for digest, key in old.items() if new.get(digest) is not key]
            await asyncio.sleep(0)
    return lost


async def _thin_out(callers: dict[KeyDigest, Caller]) -> None:
    """Nearly all go; who asks meanwhile is looked up again."""
    for _ in range(len(callers) // SLICE):
        for _ in range(min(SLICE, len(callers))):
            callers.popitem()
        await asyncio.sleep(0)
