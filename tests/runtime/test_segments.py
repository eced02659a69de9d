"""Files of the journal: made whole, written in place, let go from the oldest on; in memory and on a real disk alike."""

import errno
from pathlib import Path

import pytest

from ai_gateway.runtime.segments import NOWHERE, DiskFolder, Folder, Segment, Segments, name_of, records_of
from ai_gateway.runtime.slots import SLOT_BYTES, Kind, frame
from support.journal import MemoryFolder, a_size


@pytest.fixture(params=["memory", "disk"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Folder:
    return MemoryFolder() if request.param == "memory" else DiskFolder(tmp_path / "journal")


def test_a_new_file_is_zeros_of_its_whole_size_and_is_written_in_place(folder: Folder) -> None:
    file = folder.create("0000000001.journal", 1000)
    assert file.read(2000, 0) == bytes(1000)
    file.write(b"abc", 500)
    file.sync()
    assert folder.open("0000000001.journal").read(10, 498) == b"\0\0abc\0\0\0\0\0"
    assert (folder.names(), folder.size("0000000001.journal")) == (["0000000001.journal"], 1000)
    folder.remove("0000000001.journal")
    assert folder.names() == []


def test_a_file_has_its_blocks_from_the_start(tmp_path: Path) -> None:
    DiskFolder(tmp_path).create("x", 1 << 20)
    assert (tmp_path / "x").stat().st_blocks * 512 >= 1 << 20


def test_a_file_that_the_disk_cannot_hold_leaves_nothing(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path)
    with pytest.raises(OSError):
        folder.create("x", 1 << 60)
    assert folder.names() == []


def test_numbers_go_on_from_segment_to_segment(folder: Folder) -> None:
    segments = Segments(folder, a_size(slots=4))
    numbers: list[int] = []
    for size in (10, 200, 10, 10):
        if segments.remaining < 2:
            segments.cut()
        numbers.append(segments.append(Kind.SETTLE, bytes(size)))
    assert numbers == [1, 2, 4, 5]
    assert [[it.number for it in records_of(segment)] for segment in (*segments.sealed, segments.active)] == [
        [1, 2],
        [4, 5],
    ]
    assert [it.last_settle for it in (*segments.sealed, segments.active)] == [2, 5]


def test_what_does_not_fit_is_written_nowhere(folder: Folder) -> None:
    segments = Segments(folder, a_size(slots=4))
    segments.append(Kind.SETTLE, bytes(300))
    segment = segments.active
    assert segment.put(frame(Kind.SETTLE, segment.next, bytes(200))) == NOWHERE
    assert (segment.next, segment.used, segments.remaining) == (4, 3, 1)
    assert segment.put(frame(Kind.HOLD, segment.next, b"last")) == 4
    assert [it.payload for it in records_of(segment)] == [bytes(300), b"last"]
    assert segment.last_settle == 1
    assert segment.put(frame(Kind.HOLD, segment.next, b"more")) == NOWHERE


def test_a_window_holds_the_next_slot_until_the_segment_ends(folder: Folder) -> None:
    """What is written into it is in the file, whatever number the segment began with."""
    if isinstance(folder, MemoryFolder):
        folder.is_mapped = True
    segments = Segments(folder, a_size(slots=3_000))
    segments.begin(1_000)
    segment = segments.active
    windows: set[int] = set()
    segment.put(frame(Kind.HOLD, segment.next, b"0"))
    for number in range(1, 3_000):
        place = segment.next * SLOT_BYTES - segment.base
        if place > segment.last:
            assert segment.put(frame(Kind.HOLD, segment.next, b"%d" % number)) == 1_000 + number
        else:
            segment.window[place : place + SLOT_BYTES] = frame(Kind.HOLD, segment.next, b"%d" % number)
            segment.next += 1
        windows.add(segment.base)
    assert len(windows) > 1
    assert segments.remaining == 0
    assert segment.next * SLOT_BYTES - segment.base > segment.last
    found = list(records_of(segment))
    assert [it.payload for it in found] == [b"%d" % number for number in range(3_000)]
    assert [it.number for it in found] == list(range(1_000, 4_000))
    segments.cut()
    assert segment.last < 0 <= segments.active.next


def test_a_write_that_failed_is_repeated_in_the_same_place() -> None:
    folder = MemoryFolder()
    segments = Segments(folder, a_size(slots=4))
    folder.failing_writes = errno.EIO
    with pytest.raises(OSError):
        segments.append(Kind.SETTLE, b"first")
    folder.failing_writes = None
    assert segments.append(Kind.SETTLE, b"second") == 1
    assert [it.payload for it in records_of(segments.active)] == [b"second"]


def test_segments_are_let_go_from_the_oldest_on_and_only_whole() -> None:
    folder = MemoryFolder()
    segments = Segments(folder, a_size(slots=1))
    for _ in range(3):
        segments.append(Kind.SETTLE, b"x")
        segments.cut()
    oldest = segments.sealed[0]
    segments.retire(0)
    assert segments.sealed[0] is oldest
    segments.retire(2)
    assert [it.last_settle for it in segments.sealed] == [3]
    assert len(folder.files) == 4, "they stay until what replaced them is safe"
    segments.remove(segments.take_retired())
    assert sorted(folder.files) == [name_of(3), name_of(4)]


def test_no_more_segments_are_made_than_the_journal_may_have() -> None:
    segments = Segments(MemoryFolder(), a_size(slots=1, segments=3))
    segments.adopt(segments.make(segments.plan()))
    segments.cut()
    assert segments.wants_spare
    segments.adopt(segments.make(segments.plan()))
    assert not segments.wants_spare
    segments.cut()
    with pytest.raises(OSError, match="reached its size"):
        segments.cut()


def test_a_spare_that_came_too_late_is_removed() -> None:
    folder = MemoryFolder()
    segments = Segments(folder, a_size())
    late = segments.make(segments.plan())
    segments.adopt(segments.make(segments.plan()))
    segments.adopt(late)
    assert sorted(folder.files) == [name_of(1), name_of(3)]


def test_a_long_segment_is_read_in_pieces_without_losing_a_record_between_them() -> None:
    folder = MemoryFolder()
    frames: list[bytes] = []
    number = 1
    while number < 9_000:
        payload = bytes([number % 256]) * (1 if number % 7 else 900)
        frames.append(frame(Kind.SETTLE, number, payload))
        number += len(frames[-1]) // SLOT_BYTES
    data = b"".join(frames)
    file = folder.create(name_of(1), len(data))
    file.write(data, 0)
    records = list(records_of(Segment(1, file, len(data) // SLOT_BYTES)))
    assert [it.number for it in records] == [it.place + 1 for it in records]
    assert len(records) == len(frames)
