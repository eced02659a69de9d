"""The journal's paper: slots of one size, each with its own checksum and its number.

One size, because then a slot that was flipped on the disk costs that slot and nothing else: the next one begins where
it always would have. Numbers rise by one from slot to slot, so what is missing in the middle shows itself as a gap,
and what is missing at the end (a torn last write) does not look like damage. A record that is longer than a slot goes
on in the next ones and is valid only with all of them.

    crc32 of the rest u32 | kind u8 | slots that follow u8 | payload bytes here u16 | number u64 | payload 144

Little-endian. A slot of zeros is one that nobody has written yet: its checksum would not be 0.
"""

import mmap
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import Final
from zlib import crc32

import msgspec

SLOT_BYTES: Final = 160
PAYLOAD_BYTES: Final = 144
MOST_BYTES: Final = 256 * PAYLOAD_BYTES
"""The longest payload of one record."""

Memory = memoryview | mmap.mmap
"""Where a slot may be made in its place."""

_CHECKSUM: Final = struct.Struct("<I")
_pack_checksum = _CHECKSUM.pack
_BEGINNING: Final = struct.Struct("<BBH")
_HEAD: Final = struct.Struct(f"{_BEGINNING.format}Q")
_REST: Final = struct.Struct(f"{_HEAD.format}{PAYLOAD_BYTES}s")
_pack_rest = _REST.pack
REST_BYTES: Final = _REST.size
"""A slot without its checksum."""
pack_slot_into = struct.Struct(f"{_CHECKSUM.format}{REST_BYTES}s").pack_into
"""Into memory at a place: the checksum of a rest, and the rest."""
_KIND_AT: Final = 4


class Kind(IntEnum):
    """Numbers on the disk: they are never given to anything else."""

    SEGMENT = 1
    DEFINE = 2
    HOLD = 3
    PROGRESS = 4
    SETTLE = 5
    DRAINED = 6
    MORE = 7


class Record(msgspec.Struct, frozen=True, gc=False):
    """`number` is that of its first slot; `place` is that slot's index in what was read."""

    kind: int
    number: int
    place: int
    slots: int
    payload: bytes


def slots_for(payload: bytes) -> int:
    return -(-len(payload) // PAYLOAD_BYTES) or 1


def frame(kind: int, number: int, payload: bytes) -> bytes:
    """A record as the bytes of its slots. Raises ValueError beyond MOST_BYTES."""
    size = len(payload)
    if size <= PAYLOAD_BYTES:
        rest = _pack_rest(kind, 0, size, number, payload)
        return seal(rest)
    if size > MOST_BYTES:
        raise ValueError(f"a record of {size} bytes is longer than the journal takes")
    parts = [payload[at : at + PAYLOAD_BYTES] for at in range(0, size, PAYLOAD_BYTES)]
    slots: list[bytes] = []
    for place, part in enumerate(parts):
        rest = _pack_rest(kind if place == 0 else Kind.MORE, len(parts) - 1 - place, len(part), number + place, part)
        slots.append(seal(rest))
    return b"".join(slots)


def beginning_of(kind: int, size: int) -> bytes:
    """How the rest of a slot begins that holds a whole record, with so many bytes of payload."""
    return _BEGINNING.pack(kind, 0, size)


def slot_of(fields: str) -> struct.Struct:
    """What packs a beginning, the record's number and then `fields` as the rest of one slot."""
    return struct.Struct(f"<{_BEGINNING.size}sQ{fields}{PAYLOAD_BYTES - struct.calcsize(f'<{fields}')}x")


def seal(rest: bytes) -> bytes:
    """A slot: its checksum before the rest of it."""
    return _pack_checksum(crc32(rest)) + rest


def payload_of(rest: bytes) -> bytes:
    """With the zeros behind it."""
    return rest[_HEAD.size :]


def read_records(data: bytes, kinds: frozenset[int] | None = None) -> Iterator[Record]:
    """The valid records, in their order; what is not valid is stepped over slot by slot. With `kinds`, others are
    passed without being checked. `data` may end within a slot."""
    place, end = 0, len(data) // SLOT_BYTES
    while place < end:
        kind = data[place * SLOT_BYTES + _KIND_AT]
        if kind == 0 or (kinds is not None and kind not in kinds):
            place += 1
            continue
        record = _record_at(data, place, end)
        if record is None:
            place += 1
        else:
            yield record
            place += record.slots


def _record_at(data: bytes, place: int, end: int) -> Record | None:
    first = _slot_at(data, place)
    if first is None or first[0] == Kind.MORE:
        return None
    kind, more, number, payload = first
    if more == 0:
        return Record(kind, number, place, 1, payload)
    if place + more >= end:
        return None
    parts = [payload]
    for step in range(1, more + 1):
        slot = _slot_at(data, place + step)
        if slot is None or slot[:3] != (Kind.MORE, more - step, number + step):
            return None
        parts.append(slot[3])
    return Record(kind, number, place, more + 1, b"".join(parts))


def _slot_at(data: bytes, place: int) -> tuple[int, int, int, bytes] | None:
    """Kind, slots that follow, number, payload; None where the checksum says that this was never written so."""
    start = place * SLOT_BYTES
    rest = data[start + _CHECKSUM.size : start + SLOT_BYTES]
    if _CHECKSUM.unpack_from(data, start)[0] != crc32(rest):
        return None
    kind, more, size, number, payload = _REST.unpack(rest)
    return kind, more, number, payload[:size]
