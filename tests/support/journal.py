"""A journal in memory: a folder of byte arrays that can fail, be cut off, and be looked into."""

import errno
from typing import final

from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime.entries import Held, told_of, write_hold, write_settle
from ai_gateway.runtime.journal import Durability, Journal
from ai_gateway.runtime.segments import JournalSize, Segment, Segments
from ai_gateway.runtime.sheets import Sheet
from ai_gateway.runtime.slots import SLOT_BYTES, Memory, read_records


@final
class MemoryFile:
    def __init__(self, folder: "MemoryFolder", data: bytearray) -> None:
        self.data = data
        self.is_closed = False
        self._folder = folder

    def write(self, data: bytes, offset: int) -> None:
        assert not self.is_closed
        assert offset + len(data) <= len(self.data), "a segment never grows"
        self._folder.writes += 1
        self._folder.raise_if(self._folder.failing_writes)
        self.data[offset : offset + len(data)] = data

    def window(self, start: int, end: int) -> tuple[Memory, int, int] | None:
        """Of three slots, so that it moves all the time."""
        assert not self.is_closed
        if not self._folder.is_mapped:
            return None
        base, last = max(0, start - 1), min(len(self.data), start + 3 * SLOT_BYTES)
        return memoryview(self.data)[base:last], base, last

    def read(self, size: int, offset: int) -> bytes:
        assert not self.is_closed
        return bytes(self.data[offset : offset + size])

    def sync(self) -> None:
        self._folder.raise_if(self._folder.failing_syncs)
        self._folder.syncs += 1

    def close(self) -> None:
        self.is_closed = True


@final
class MemoryFolder:
    """`failing_writes`, `failing_syncs`, `failing_creates`: errnos that are raised until they are taken away.
    `is_mapped`: its files have windows, and what goes through them does not fail."""

    def __init__(self) -> None:
        self.is_mapped = False
        self.files: dict[str, bytearray] = {}
        self.writes = 0
        self.syncs = 0
        self.failing_writes: int | None = None
        self.failing_syncs: int | None = None
        self.failing_creates: int | None = None

    def names(self) -> list[str]:
        return list(self.files)

    def create(self, name: str, size: int) -> MemoryFile:
        self.raise_if(self.failing_creates)
        assert name not in self.files
        self.files[name] = bytearray(size)
        return MemoryFile(self, self.files[name])

    def open(self, name: str) -> MemoryFile:
        return MemoryFile(self, self.files[name])

    def size(self, name: str) -> int:
        return len(self.files[name])

    def remove(self, name: str) -> None:
        del self.files[name]

    def after_a_crash(self) -> "MemoryFolder":
        """What another process would find now."""
        copy = MemoryFolder()
        copy.files = {name: bytearray(data) for name, data in self.files.items()}
        return copy

    def raise_if(self, number: int | None) -> None:
        if number is not None:
            raise OSError(number, errno.errorcode[number])


def a_size(slots: int = 512, segments: int = 8, in_memory: int = 50_000) -> JournalSize:
    """Segments of so many slots each."""
    return JournalSize(slots * SLOT_BYTES, slots * SLOT_BYTES * segments, in_memory)


def a_journal(
    folder: MemoryFolder | None = None,
    size: JournalSize | None = None,
    durability: Durability = Durability.GROUPED,
) -> Journal:
    return Journal(folder or MemoryFolder(), size or a_size(), durability)


def settled(receipt: Receipt, who: int, what: int) -> bytes:
    """What a receipt's record says."""
    [record] = read_records(settle_slots(receipt, who, what, 1))
    return record.payload


def promised(hold: Held, who: int, what: int) -> bytes:
    """What a hold's record says."""
    [record] = read_records(hold_slots(hold, who, what, 1))
    return record.payload


def settle_slots(receipt: Receipt, who: int, what: int, number: int) -> bytes:
    """The record as it is on the disk."""
    told = told_of(receipt.request_id, receipt.attempt_id, receipt.client_request_id)
    sheet = _sheet(who, what, number)
    write_settle(sheet, told, receipt)
    return _written(sheet.segment)


def hold_slots(hold: Held, who: int, what: int, number: int) -> bytes:
    """The same for a hold's."""
    it = hold.receipt
    told = told_of(it.request_id, it.attempt_id, it.client_request_id)
    sheet = _sheet(who, what, number)
    write_hold(sheet, told, it, hold.at, hold.worst_nano)
    return _written(sheet.segment)


def _sheet(who: int, what: int, number: int) -> Sheet:
    segments = Segments(MemoryFolder(), a_size(32))
    segments.begin(number)
    sheet = Sheet((), ())
    sheet.number(segments.active, who, what)
    return sheet


def _written(segment: Segment) -> bytes:
    return segment.file.read(segment.used * SLOT_BYTES, 0)
