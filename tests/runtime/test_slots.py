"""The law of slots: what was framed is read back, what was changed is not, and the next one is found all the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.runtime.slots import MOST_BYTES, PAYLOAD_BYTES, SLOT_BYTES, Kind, frame, read_records, slots_for

KINDS = st.sampled_from([it for it in Kind if it is not Kind.MORE])
PAYLOADS = st.binary(max_size=4 * PAYLOAD_BYTES)
RECORDS = st.lists(st.tuples(KINDS, PAYLOADS), min_size=1, max_size=8)


def written(records: list[tuple[Kind, bytes]], first: int = 1) -> list[bytes]:
    frames: list[bytes] = []
    number = first
    for kind, payload in records:
        frames.append(frame(kind, number, payload))
        number += slots_for(payload)
    return frames


def read(data: bytes) -> list[tuple[int, bytes]]:
    return [(it.kind, it.payload) for it in read_records(data)]


@given(RECORDS, st.integers(0, 2**63), st.integers(0, 5))
def test_what_was_framed_is_read_back_in_its_order(records: list[tuple[Kind, bytes]], first: int, free: int) -> None:
    data = b"".join(written(records, first)) + bytes(free * SLOT_BYTES)
    found = list(read_records(data))
    assert [(it.kind, it.payload) for it in found] == records
    assert [it.number - first for it in found] == [it.place for it in found]
    assert len(data) == (sum(it.slots for it in found) + free) * SLOT_BYTES


@given(RECORDS, st.data())
def test_a_flipped_byte_costs_its_record_and_nothing_else(
    records: list[tuple[Kind, bytes]], data: st.DataObject
) -> None:
    frames = written(records)
    victim = data.draw(st.integers(0, len(frames) - 1))
    at = data.draw(st.integers(0, len(frames[victim]) - 1))
    flipped = bytearray(frames[victim])
    flipped[at] ^= data.draw(st.integers(1, 255))
    frames[victim] = bytes(flipped)
    assert read(b"".join(frames)) == records[:victim] + records[victim + 1 :]


def test_every_single_byte_of_a_slot_is_guarded() -> None:
    sound = frame(Kind.HOLD, 7, b"x" * 50)
    for at in range(SLOT_BYTES):
        flipped = bytearray(sound)
        flipped[at] ^= 1
        assert read(bytes(flipped)) == []


@given(RECORDS, st.data())
def test_a_torn_tail_loses_only_the_record_that_it_tears(
    records: list[tuple[Kind, bytes]], data: st.DataObject
) -> None:
    frames = written(records)
    whole = b"".join(frames)
    at = data.draw(st.integers(0, len(whole)))
    kept = [sum(map(len, frames[: number + 1])) <= at for number in range(len(frames))]
    expected = [record for record, is_whole in zip(records, kept, strict=True) if is_whole]
    assert read(whole[:at]) == expected
    assert read(whole[:at] + bytes(len(whole) - at)) in (expected, [*expected, *_ending_in_zeros(records, kept)])


def _ending_in_zeros(records: list[tuple[Kind, bytes]], kept: list[bool]) -> list[tuple[Kind, bytes]]:
    """A record whose torn bytes were zeros anyway is not torn."""
    return [record for record, is_whole in zip(records, kept, strict=True) if not is_whole][:1]


def test_the_rest_of_a_long_record_does_not_pass_for_another() -> None:
    data = frame(Kind.DEFINE, 1, b"a" * 300)
    assert len(data) == 3 * SLOT_BYTES
    assert read(data[SLOT_BYTES:]) == []
    mixed = data[:SLOT_BYTES] + frame(Kind.DEFINE, 11, b"b" * 300)[SLOT_BYTES:]
    assert read(mixed) == []


def test_only_the_kinds_that_were_asked_for_are_read() -> None:
    data = b"".join(written([(Kind.HOLD, b"h"), (Kind.DEFINE, b"d" * 200), (Kind.SETTLE, b"s")]))
    found = read_records(data, frozenset({int(Kind.DEFINE), int(Kind.SETTLE)}))
    assert [(it.kind, it.place) for it in found] == [(Kind.DEFINE, 1), (Kind.SETTLE, 3)]


def test_a_record_that_is_too_long_is_refused() -> None:
    assert len(frame(Kind.DEFINE, 1, bytes(MOST_BYTES))) == 256 * SLOT_BYTES
    with pytest.raises(ValueError, match="longer than the journal takes"):
        frame(Kind.DEFINE, 1, bytes(MOST_BYTES + 1))
