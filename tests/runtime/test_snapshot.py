import asyncio
from collections.abc import Sequence

import pytest

from ai_gateway.domain.config import EMPTY_SNAPSHOT, Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.runtime.snapshot import Snapshots


class Source:
    """A store whose revisions are committed by the test; `gate` holds up whoever applies."""

    def __init__(self) -> None:
        self.revision = 1
        self.applied: list[tuple[int, int]] = []
        self.broken = False
        self.gate: asyncio.Event | None = None

    async def load_snapshot(self) -> Snapshot:
        return Snapshot(revision=self.revision)

    async def changes_since(self, revision: int) -> list[ConfigurationChanged]:
        return [ConfigurationChanged(it, "t1", "pools", "p") for it in range(revision + 1, self.revision + 1)]

    async def apply_changes(self, snapshot: Snapshot, changes: Sequence[ConfigurationChanged]) -> Snapshot:
        if self.gate is not None:
            await self.gate.wait()
        if self.broken:
            raise ConnectionError("away")
        self.applied.append((snapshot.revision, changes[-1].revision))
        return Snapshot(revision=changes[-1].revision)


async def test_nothing_is_known_until_it_was_loaded() -> None:
    snapshots = Snapshots(Source())
    assert snapshots.current() is EMPTY_SNAPSHOT
    await snapshots.load()
    assert snapshots.current().revision == 1


async def test_without_a_change_the_snapshot_stays_the_same_one() -> None:
    snapshots = Snapshots(Source())
    await snapshots.load()
    before = snapshots.current()
    assert not await snapshots.refresh()
    assert snapshots.current() is before


async def test_changes_are_applied_once_and_in_order_also_by_many_at_the_same_time() -> None:
    source = Source()
    snapshots = Snapshots(source)
    await snapshots.load()
    source.revision, source.gate = 3, asyncio.Event()
    refreshing = [asyncio.ensure_future(snapshots.refresh()) for _ in range(3)]
    await asyncio.sleep(0)
    source.revision = 5
    source.gate.set()

    applied = [await it for it in refreshing]

    assert source.applied == [(1, 3), (3, 5)]
    assert [[it.revision for it in changes] for changes in applied] == [[2, 3], [4, 5], []]
    assert snapshots.current().revision == 5


async def test_who_pinned_the_old_one_keeps_it() -> None:
    source = Source()
    snapshots = Snapshots(source)
    await snapshots.load()
    pinned = snapshots.current()
    source.revision = 2
    await snapshots.refresh()
    assert (pinned.revision, snapshots.current().revision) == (1, 2)


async def test_while_the_store_is_away_the_last_one_stays_in_force_and_the_change_is_not_lost() -> None:
    source = Source()
    snapshots = Snapshots(source)
    await snapshots.load()
    source.revision, source.broken = 2, True
    with pytest.raises(ConnectionError):
        await snapshots.refresh()
    assert snapshots.current().revision == 1

    source.broken = False
    await snapshots.refresh()
    assert snapshots.current().revision == 2
