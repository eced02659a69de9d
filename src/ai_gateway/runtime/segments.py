"""The journal's files: a row of segments of one size, each made whole before its first byte is written.

A file that already has all its blocks cannot run out of disk, so what is promised to requests in flight is a number of
slots that are there. The next segment is made ready behind the one in use, because making one takes milliseconds that
the line does not have. A write that failed is repeated in the same place.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol, final

import msgspec

from ai_gateway.runtime.disk_file import DiskFile
from ai_gateway.runtime.slots import SLOT_BYTES, Kind, Memory, Record, frame, read_records

SUFFIX: Final = ".journal"
NOWHERE: Final = 0
"""The number of no record."""
_SETTLE: Final = Kind.SETTLE  # a member of an enum is a look-up in Python each time


class File(Protocol):
    def write(self, data: bytes, offset: int) -> None:
        """All of it. Raises OSError."""
        ...

    def window(self, start: int, end: int) -> tuple[Memory, int, int] | None:
        """Memory that is this part of the file and what is around it, and from where to where it goes; good until
        another window is asked for, or something is written by `write`. None: only `write` writes."""
        ...

    def read(self, size: int, offset: int) -> bytes:
        """Fewer bytes only where the file ends. Raises OSError."""
        ...

    def sync(self) -> None:
        """Until what was written would survive the power going. Raises OSError."""
        ...

    def close(self) -> None: ...


class Folder(Protocol):
    """Where the files are. Names are those that `create` was given."""

    def names(self) -> list[str]: ...

    def create(self, name: str, size: int) -> File:
        """A file of zeros with all its blocks. Raises OSError, leaving nothing behind."""
        ...

    def open(self, name: str) -> File: ...

    def size(self, name: str) -> int: ...

    def remove(self, name: str) -> None: ...


class JournalSize(msgspec.Struct, frozen=True):
    """`in_memory` receipts wait in memory for the ledger; beyond it they are read back from the segments."""

    segment_bytes: int = 64 << 20
    total_bytes: int = 1 << 30
    in_memory: int = 50_000

    @property
    def slots(self) -> int:
        return self.segment_bytes // SLOT_BYTES

    @property
    def most_segments(self) -> int:
        return max(2, self.total_bytes // self.segment_bytes)


@final
class Segment:
    """One file. `next` is the number of the slot that is written next, `last_settle` that of its last receipt.

    Who writes a single slot writes it himself: slot `next` begins at `next * SLOT_BYTES - base` of `window`, where that
    is not behind `last`; and then `next` is raised by one."""

    __slots__ = ("_end", "_first", "base", "file", "last", "last_settle", "name", "next", "number", "window")

    def __init__(self, number: int, file: File, used: int = 0) -> None:
        self.number = number
        self.name = name_of(number)
        self.file = file
        self._first = 0
        self.next = self._end = used
        self.last_settle = 0
        self.drop_window()

    def begin(self, first: int, capacity: int) -> None:
        """It takes so many slots, of which the first has this number."""
        self._first = self.next = first
        self._end = first + capacity

    @property
    def used(self) -> int:
        """Slots that are written, or were given up by a process that is gone."""
        return self.next - self._first

    @property
    def remaining(self) -> int:
        return self._end - self.next

    def put(self, slots: bytes) -> int:
        """Write what was made as the slots of the record `next`, and give its number: NOWHERE, and nothing is written,
        where they do not fit. Raises OSError, and then nothing has changed."""
        number, count = self.next, len(slots) // SLOT_BYTES
        if count > self.remaining:
            return NOWHERE
        self.file.write(slots, self.used * SLOT_BYTES)
        self.next = number + count
        self._find_window()
        return number

    def put_settle(self, slots: bytes) -> int:
        """The same for a receipt."""
        number = self.put(slots)
        if number:
            self.last_settle = number
        return number

    def drop_window(self) -> None:
        self.window: Memory = memoryview(b"")
        self.base = 0
        self.last = -1  # no place is before it

    def _find_window(self) -> None:
        """One that holds the next slot, where there is one."""
        self.drop_window()
        if self.remaining:
            start = self.used * SLOT_BYTES
            found = self.file.window(start, start + SLOT_BYTES)
            if found is not None:
                self.window, base, end = found
                self.base = self._first * SLOT_BYTES + base
                self.last = end - SLOT_BYTES - base


def name_of(number: int) -> str:
    return f"{number:010d}{SUFFIX}"


class Worked(msgspec.Struct, frozen=True):
    """What a round in the thread brought."""

    spare: Segment | None = None
    not_made: OSError | None = None
    not_synced: OSError | None = None


@final
class Segments:
    """`sealed` are full or from an earlier process, oldest first; `active` is written to; `spare` is next. `capacity`
    is what a whole segment takes, in slots, and `most` what it takes besides what it is."""

    def __init__(self, folder: Folder, size: JournalSize) -> None:
        self._folder = folder
        self._most = size.most_segments
        self.sealed: list[Segment] = []
        self.retired: list[Segment] = []
        self.spare: Segment | None = None
        self._last_segment = 0
        for name in sorted(it for it in folder.names() if it.endswith(SUFFIX)):
            number = int(name.removesuffix(SUFFIX))
            self.sealed.append(Segment(number, folder.open(name), folder.size(name) // SLOT_BYTES))
            self._last_segment = number
        self.capacity = size.slots
        self.most = self.capacity - 1
        self.active = self.make(self.plan())
        self.active.begin(1, self.capacity)

    def begin(self, next_number: int) -> None:
        """Once what is there has been read: numbers go on behind it."""
        self.active.begin(next_number, self.capacity)

    @property
    def next_number(self) -> int:
        """Of the record that is written next."""
        return self.active.next

    @property
    def remaining(self) -> int:
        """Slots of `active` that are free."""
        return self.active.remaining

    @property
    def oldest(self) -> Segment:
        return self.sealed[0] if self.sealed else self.active

    def append(self, kind: Kind, payload: bytes, copies: int = 1) -> int:
        """The number of the record, written so many times in one write. It has to fit. Raises OSError, and then
        nothing has changed."""
        number = self.next_number
        data = frame(kind, number, payload)
        if copies > 1:
            slots = len(data) // SLOT_BYTES
            data += b"".join([frame(kind, number + copy * slots, payload) for copy in range(1, copies)])
        self.active.put(data)
        if kind is _SETTLE:
            self.active.last_settle = number
        return number

    def cut(self) -> None:
        """Go on in the spare segment, or in one that is made now. Raises OSError where there can be none."""
        following = self.spare
        if following is None:
            if not self.may_grow:
                raise OSError(errno.ENOSPC, "the journal has reached its size")
            following = self.make(self.plan())
        self.spare = None
        self.sealed.append(self.active)
        self.active.drop_window()
        following.begin(self.active.next, self.capacity)
        self.active = following

    @property
    def may_grow(self) -> bool:
        ready = 0 if self.spare is None else 1
        return len(self.sealed) + len(self.retired) + 1 + ready < self._most

    @property
    def wants_spare(self) -> bool:
        return self.spare is None and self.may_grow

    def plan(self) -> int:
        """The number of a segment that is about to be made."""
        self._last_segment += 1
        return self._last_segment

    def make(self, number: int) -> Segment:
        """Takes milliseconds; it touches nothing here, so a thread may. Raises OSError."""
        return Segment(number, self._folder.create(name_of(number), self.capacity * SLOT_BYTES))

    def work(self, files: Sequence[File], number: int | None) -> Worked:
        """What a thread does in one round: sync these files, and make the segment of that number."""
        try:
            for file in files:
                file.sync()
        except OSError as error:
            return Worked(not_synced=error)
        if number is None:
            return Worked()
        try:
            return Worked(spare=self.make(number))
        except OSError as error:
            return Worked(not_made=error)

    def adopt(self, spare: Segment) -> None:
        """What `make` made is next."""
        if self.spare is None:
            self.spare = spare
        else:  # one was made on the spot meanwhile
            self.remove((spare,))

    def retire(self, drained: int) -> None:
        """Let go, from the oldest on, of what the ledger has whole. In this order only: a hold must never outlive the
        receipt that settled it."""
        while self.sealed and self.sealed[0].last_settle <= drained:
            self.retired.append(self.sealed.pop(0))

    def take_retired(self) -> list[Segment]:
        """Those that may be removed once everything that was written by now is safe on the disk."""
        retired, self.retired = self.retired, []
        return retired

    def remove(self, segments: Sequence[Segment]) -> None:
        for segment in segments:
            segment.file.close()
            self._folder.remove(segment.name)

    def remove_all(self) -> None:
        self.active.drop_window()
        self.remove((*self.sealed, *self.retired, self.active, *([self.spare] if self.spare else [])))

    def close(self) -> None:
        self.active.drop_window()
        for segment in (*self.sealed, *self.retired, self.active, *([self.spare] if self.spare else [])):
            segment.file.close()


def records_of(segment: Segment, start: int = 0, kinds: frozenset[int] | None = None) -> Iterator[Record]:
    """The records of a segment from the slot `start` on, read in pieces; `place` counts in the segment. A record that
    begins in one piece and ends in the next is read again from its beginning."""
    place = start
    while place < segment.used:
        data = segment.file.read(min(_PIECE, segment.used - place) * SLOT_BYTES, place * SLOT_BYTES)
        slots = len(data) // SLOT_BYTES
        if slots == 0:
            return
        is_last = place + slots >= segment.used
        safe = slots if is_last else slots - _LONGEST
        following = safe
        for record in read_records(data, kinds):
            if record.place >= safe:
                break
            following = max(safe, record.place + record.slots)
            yield msgspec.structs.replace(record, place=place + record.place)
        place += following


_PIECE: Final = 4096
_LONGEST: Final = 256


@final
class DiskFolder:
    """A folder of the file system; made, with mode 0700, where it is not there."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path

    def names(self) -> list[str]:
        return os.listdir(self._path)

    def create(self, name: str, size: int) -> DiskFile:
        path = self._path / name
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, size)
            self._sync()
        except OSError:
            os.close(file)
            path.unlink()
            raise
        return DiskFile(file)

    def open(self, name: str) -> DiskFile:
        return DiskFile(os.open(self._path / name, os.O_RDWR | os.O_CLOEXEC))

    def size(self, name: str) -> int:
        return (self._path / name).stat().st_size

    def remove(self, name: str) -> None:
        (self._path / name).unlink()

    def _sync(self) -> None:
        """A file whose name did not reach the disk is a file that is not there after a power cut."""
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
