"""What the segments of a dead process say; the laws over whole histories are in test_journal.py."""

import pytest

from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime import ids
from ai_gateway.runtime.entries import (
    VERSION,
    Header,
    Held,
    encode_drained,
    encode_header,
)
from ai_gateway.runtime.replay import Replayed, SettledReader, UnknownVersion, replay
from ai_gateway.runtime.segments import Segments
from ai_gateway.runtime.sheets import encode_definition, what_of, who_of
from ai_gateway.runtime.slots import SLOT_BYTES, Kind
from support.builders import a_receipt
from support.journal import MemoryFolder, a_size, promised, settled

RECEIPT = a_receipt()


def some_segments(slots: int = 16) -> Segments:
    return Segments(MemoryFolder(), a_size(slots))


def define(segments: Segments) -> None:
    segments.append(Kind.DEFINE, encode_definition(0, who_of(RECEIPT)))
    segments.append(Kind.DEFINE, encode_definition(1, what_of(RECEIPT)))


def settle(segments: Segments, number: int) -> int:
    """One slot, as ids of ours have it."""
    return segments.append(Kind.SETTLE, settled(a_numbered(number), 0, 1))


def a_numbered(number: int) -> Receipt:
    request_id = f"req_{number:028x}"
    return a_receipt(ids.attempt_id(request_id, 1), request_id=request_id)


def test_nothing_says_nothing() -> None:
    assert replay([]) == Replayed()
    assert replay([some_segments().active]) == Replayed()


def test_an_unknown_format_is_refused_with_a_way_out() -> None:
    segments = some_segments()
    segments.append(Kind.SEGMENT, encode_header(Header(VERSION + 1, 1, 0)))
    with pytest.raises(UnknownVersion, match="start the version that wrote it"):
        replay([segments.active])


def test_the_mark_of_what_is_drained_is_the_highest_of_headers_and_marks() -> None:
    segments = some_segments()
    segments.append(Kind.SEGMENT, encode_header(Header(VERSION, 1, 7)))
    segments.append(Kind.DRAINED, encode_drained(5))
    assert replay([segments.active]).drained == 7


def test_records_whose_names_are_lost_are_counted() -> None:
    segments = some_segments()
    segments.append(Kind.HOLD, promised(Held(RECEIPT, 1.0, 2), 0, 1))
    settle(segments, 2)
    found = replay([segments.active])
    assert (found.lost, found.orphans, found.waiting) == (1, (), 1)
    reader = SettledReader(segments, 0)
    assert (reader.take(5), reader.lost) == ([], 1)


def test_a_gap_in_the_numbers_is_damage_and_a_missing_end_is_not() -> None:
    segments = some_segments()
    define(segments)
    for number in range(4):
        settle(segments, number)
    data = segments._folder.files[segments.active.name]  # type: ignore[attr-defined]
    data[3 * SLOT_BYTES : 5 * SLOT_BYTES] = bytes(2 * SLOT_BYTES)
    assert (replay([segments.active]).damaged, replay([segments.active]).waiting) == (2, 2)
    data[3 * SLOT_BYTES :] = bytes(len(data) - 3 * SLOT_BYTES)
    assert (replay([segments.active]).damaged, replay([segments.active]).waiting) == (0, 1)


def test_the_reader_follows_a_journal_that_is_being_written() -> None:
    segments = some_segments(slots=8)
    reader = SettledReader(segments, 0)
    assert reader.take(3) == []
    written: list[tuple[int, Receipt]] = []
    read: list[tuple[int, Receipt]] = []
    for number in range(20):
        if segments.remaining < 3 or number == 0:
            if number:
                segments.cut()
            define(segments)
        written.append((settle(segments, number), a_numbered(number)))
        if number % 5 == 4:
            read += reader.take(3)
    read += reader.take(100)
    assert read == written


def test_the_reader_goes_on_behind_segments_that_were_let_go() -> None:
    segments = some_segments(slots=4)
    for number in range(6):
        if number % 2 == 0:
            if number:
                segments.cut()
            define(segments)
        settle(segments, number)
    reader = SettledReader(segments, 0)
    found = reader.take(2)
    segments.retire(found[-1][0])
    segments.remove(segments.take_retired())
    assert [receipt for _, receipt in reader.take(9)] == [a_numbered(number) for number in range(2, 6)]


def test_the_reader_begins_behind_what_is_drained() -> None:
    segments = some_segments()
    define(segments)
    numbers = [settle(segments, number) for number in range(4)]
    assert [number for number, _ in SettledReader(segments, numbers[1]).take(9)] == numbers[2:]
