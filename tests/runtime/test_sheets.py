"""A sheet says of its names what would be found by looking them up, and keeps room for all that they may need."""

import msgspec
import pytest

from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.runtime import ids
from ai_gateway.runtime.entries import Progress
from ai_gateway.runtime.segments import Segment
from ai_gateway.runtime.sheets import (
    COPIES,
    Sheet,
    decode_definition,
    definition_slots,
    encode_definition,
    names_of,
    numbers_of,
    sheet_of,
    what_of,
    who_of,
)
from ai_gateway.runtime.slots import SLOT_BYTES
from support.builders import a_receipt
from support.journal import MemoryFolder, a_journal, a_size

REQUEST = f"req_{7:028x}"
SHORT = a_receipt(ids.attempt_id(REQUEST, 1), request_id=REQUEST, outcome=Outcome.ORPHAN, estimated=True)
LONG = msgspec.structs.replace(SHORT, endpoint="e" * 300, tenant_id="t" * 150, user_id="u")


@pytest.mark.parametrize("receipt", [SHORT, LONG], ids=["short names", "long names"])
def test_a_sheet_has_the_names_of_its_receipt(receipt: Receipt) -> None:
    sheet = sheet_of(receipt)
    assert (sheet.who, sheet.what) == (who_of(receipt), what_of(receipt))
    assert names_of(receipt) == (*sheet.who, *sheet.what)


@pytest.mark.parametrize("receipt", [SHORT, LONG], ids=["short names", "long names"])
@pytest.mark.parametrize("number", [0, 2**32 - 1])
def test_a_definition_comes_back_and_takes_what_is_said(receipt: Receipt, number: int) -> None:
    payload = encode_definition(number, what_of(receipt))
    assert decode_definition(payload) == (number, what_of(receipt))
    assert definition_slots(what_of(receipt)) == COPIES * -(-len(payload) // 144)


def test_a_sheet_is_of_no_segment_until_it_is_numbered() -> None:
    segment = Segment(1, MemoryFolder().create("x", SLOT_BYTES))
    sheet = Sheet(("a",), ("b",))
    assert sheet.segment is not segment
    sheet.number(segment, 3, 258)
    assert sheet.segment is segment
    assert sheet.numbers == numbers_of(3, 258) == bytes([3, 0, 0, 0, 2, 1, 0, 0])


@pytest.mark.parametrize("receipt", [SHORT, LONG], ids=["short names", "long names"])
@pytest.mark.parametrize("client", [None, "c" * 128])
def test_no_attempt_writes_more_than_is_kept_for_it(receipt: Receipt, client: str | None) -> None:
    """Its names, its hold, its progress, and a receipt that says what was delivered, into a segment that had none of
    it. What is kept besides for the client's id is at least a slot for each of the three."""
    journal = a_journal(folder := MemoryFolder(), a_size(200))
    before = used_slots(folder)
    orphan = msgspec.structs.replace(receipt, client_request_id=client)
    sheet = sheet_of(orphan)
    journal.hold(orphan, 1.0, 100, sheet)
    journal.progress(Progress(orphan.request_id, orphan.attempt_id, 1, 2, 3, 4.0))
    journal.append(msgspec.structs.replace(orphan, outcome=Outcome.CANCELLED, delivered_tokens=5))
    written = used_slots(folder) - before
    assert written <= sheet.slots + (0 if client is None else 3)


def used_slots(folder: MemoryFolder) -> int:
    data = folder.files[min(folder.files)]
    return 1 + max((at for at, byte in enumerate(data) if byte), default=-1) // SLOT_BYTES
