import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from ai_gateway.domain.config import EMPTY_SNAPSHOT, Snapshot
from ai_gateway.domain.events import ConfigurationChanged
from ai_gateway.domain.faults import Unauthenticated
from ai_gateway.policy import access
from ai_gateway.runtime.snapshot import MOST_LOST, SLICE, Snapshots
from support.builders import a_key, a_snapshot, digest_key
from support.clock import NOON


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


class Keys:
    """A source whose next Snapshot is said by the test."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    async def load_snapshot(self) -> Snapshot:
        return self.snapshot

    async def changes_since(self, revision: int) -> list[ConfigurationChanged]:
        return [ConfigurationChanged(self.snapshot.revision, "t1", "api_keys", "key_1")]

    async def apply_changes(self, snapshot: Snapshot, changes: Sequence[ConfigurationChanged]) -> Snapshot:
        return self.snapshot


async def known_callers(tokens: int = 3) -> tuple[Keys, Snapshots]:
    """All keys are remembered."""
    source = Keys(a_snapshot(keys={f"sk-{one}": a_key(f"key_{one}") for one in range(tokens)}))
    snapshots = Snapshots(source)
    await snapshots.load()
    for one in range(tokens):
        access.identify(snapshots.current(), (f"sk-{one}".encode(),), digest_key, NOON, snapshots.callers)
    return source, snapshots


def without(snapshot: Snapshot, *key_ids: str) -> Snapshot:
    draft = snapshot.keys.draft()
    for key_id in key_ids:
        draft.drop(key_id)
    return msgspec.structs.replace(snapshot, revision=snapshot.revision + 1, keys=draft.done())


def who(snapshots: Snapshots) -> set[str]:
    return {caller.key.id for caller in snapshots.callers.values()}


async def test_who_did_not_change_is_not_looked_up_again_and_who_did_is() -> None:
    source, snapshots = await known_callers()
    kept = snapshots.callers[digest_key(b"sk-2")]
    draft = without(source.snapshot, "key_0", "key_1").keys.draft()
    draft.put(digest_key(b"sk-1"), a_key("key_1", enabled=False))
    source.snapshot = msgspec.structs.replace(source.snapshot, revision=8, keys=draft.done())
    await snapshots.refresh()
    assert who(snapshots) == {"key_2"}
    assert snapshots.callers[digest_key(b"sk-2")] is kept
    for token in (b"sk-0", b"sk-1"):
        with pytest.raises(Unauthenticated):
            access.identify(snapshots.current(), (token,), digest_key, NOON, snapshots.callers)


async def test_a_change_of_anything_else_than_keys_forgets_all_callers() -> None:
    source, snapshots = await known_callers()
    tenants = {name: msgspec.structs.replace(it, name="other") for name, it in source.snapshot.tenants.items()}
    source.snapshot = msgspec.structs.replace(source.snapshot, revision=8, tenants=tenants)
    await snapshots.refresh()
    assert who(snapshots) == set()


async def test_where_many_keys_went_all_callers_are_forgotten() -> None:
    source, snapshots = await known_callers(MOST_LOST + 2)
    source.snapshot = without(source.snapshot, *(f"key_{one}" for one in range(MOST_LOST + 1)))
    await snapshots.refresh()
    assert who(snapshots) == set()


async def test_many_callers_go_in_slices_before_the_new_configuration_is_in_force() -> None:
    source, snapshots = await known_callers(SLICE + 1)
    old = snapshots.callers
    source.snapshot = msgspec.structs.replace(source.snapshot, revision=8, tenants=dict(source.snapshot.tenants))
    refreshing = asyncio.ensure_future(snapshots.refresh())
    seen = {len(old)}
    while not refreshing.done():
        await asyncio.sleep(0)
        seen.add(len(old))
    assert seen == {SLICE + 1, 1}
    assert snapshots.callers == {}
