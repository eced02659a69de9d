"""The Snapshot in force. One reference, swapped whole: a request that pinned the old one finishes on it, the next one
starts on the new one, and nobody ever holds half of each."""

import asyncio
from collections.abc import Sequence
from typing import final

from ai_gateway.domain.config import EMPTY_SNAPSHOT, KeyDigest, Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.traffic import Caller
from ai_gateway.runtime.ports import SnapshotSource


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
            self._install(await self._source.load_snapshot())

    async def refresh(self) -> Sequence[ConfigurationChanged]:
        """Apply every change since the revision in force; what was applied. Changes arrive in order, once: two
        refreshes at the same time would otherwise each build on a base that the other has replaced."""
        async with self._one_at_a_time:
            changes = await self._source.changes_since(self._current.revision)
            if changes:
                self._install(await self._source.apply_changes(self._current, changes))
            return changes

    def _install(self, snapshot: Snapshot) -> None:
        self._current = snapshot
        self.callers = {}
