"""Receipts go into records and come back as they were, whatever is in them."""

import string

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Operation, ServiceTier, Usage
from ai_gateway.domain.config import Ownership, ProviderType
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.runtime import ids
from ai_gateway.runtime.entries import (
    Header,
    Held,
    Progress,
    UnknownName,
    attempt_of,
    decode_drained,
    decode_header,
    decode_hold,
    decode_progress,
    decode_settle,
    encode_drained,
    encode_header,
    encode_progress,
    orphan_of,
    told_of,
    write_hold,
    write_settle,
)
from ai_gateway.runtime.segments import NOWHERE, Segments
from ai_gateway.runtime.sheets import Names, Sheet, decode_definition, encode_definition, what_of, who_of
from ai_gateway.runtime.slots import PAYLOAD_BYTES
from support.builders import a_receipt
from support.journal import MemoryFolder, a_size, hold_slots, promised, settle_slots, settled

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
COUNT = st.integers(0, 2**62)
MILLISECONDS = st.floats(0, 1e12)


@st.composite
def our_ids(draw: st.DrawFn) -> tuple[str, str]:
    request_id = "req_" + draw(st.text("0123456789abcdef", min_size=28, max_size=28))
    return request_id, ids.attempt_id(request_id, draw(st.integers(1, 999)))


FOREIGN_IDS = st.tuples(TEXT, TEXT) | st.sampled_from(
    [
        ("req_" + "A" * 28, "att_" + "A" * 28 + "_1"),
        ("req_" + "0" * 28, "att_" + "0" * 28 + "_01"),
        ("req_" + "0" * 28, "att_" + "1" * 28 + "_1"),
        ("req_" + "0" * 28, "att_" + "0" * 28 + "_70000"),
        ("req_" + "0 " * 14, "att_" + "0 " * 14 + "_1"),
    ]
)


@st.composite
def receipts(draw: st.DrawFn) -> Receipt:
    request_id, attempt_id = draw(our_ids() | FOREIGN_IDS)
    return Receipt(
        request_id=request_id,
        attempt_id=attempt_id,
        tenant_id=draw(TEXT),
        key_id=draw(TEXT),
        requested_model=draw(TEXT),
        model=draw(TEXT),
        endpoint=draw(TEXT),
        provider=draw(st.sampled_from(ProviderType)),
        usage=Usage(*draw(st.lists(COUNT, min_size=8, max_size=8))),
        cost_nano_usd=draw(st.integers(-(2**62), 2**62)),
        priced=draw(st.booleans()),
        price_version=draw(st.none() | TEXT),
        credential=draw(st.sampled_from(Ownership)),
        outcome=draw(st.sampled_from(Outcome)),
        estimated=draw(st.booleans()),
        started_at=draw(MILLISECONDS),
        ttft_ms=draw(st.none() | MILLISECONDS),
        total_ms=draw(MILLISECONDS),
        operation=draw(st.sampled_from(Operation)),
        revision=draw(COUNT),
        route=draw(st.none() | TEXT),
        team_id=draw(st.none() | TEXT),
        department_id=draw(st.none() | TEXT),
        user_id=draw(st.none() | TEXT),
        kind=draw(st.sampled_from(["charge", "adjust"])),
        client_request_id=draw(st.none() | st.text(string.printable, max_size=128)),
    )


def names_of(receipt: Receipt) -> dict[int, Names]:
    definitions = [encode_definition(3, who_of(receipt)), encode_definition(2**32 - 1, what_of(receipt))]
    return dict(decode_definition(it) for it in definitions)


@given(receipts())
def test_a_settled_receipt_comes_back_as_it_was(receipt: Receipt) -> None:
    payload = settled(receipt, 3, 2**32 - 1)
    assert decode_settle(payload, names_of(receipt)) == receipt
    assert attempt_of(payload) == receipt.attempt_id


@given(receipts(), MILLISECONDS, COUNT)
def test_a_hold_comes_back_flagged_with_its_own_numbers(receipt: Receipt, at: float, worst: int) -> None:
    payload = promised(Held(receipt, at, worst), 3, 2**32 - 1)
    back = decode_hold(payload, names_of(receipt))
    flagged = msgspec.structs.replace(receipt, estimated=True, ttft_ms=None, total_ms=0.0, kind="charge")
    assert back == Held(flagged, at, worst)
    assert attempt_of(payload) == receipt.attempt_id


@given(our_ids() | FOREIGN_IDS, COUNT, COUNT, COUNT, MILLISECONDS)
def test_progress_comes_back_as_it_was(told: tuple[str, str], read: int, wrote: int, cost: int, ms: float) -> None:
    progress = Progress(*told, read, wrote, cost, ms)
    assert decode_progress(encode_progress(progress)) == progress


def test_a_usual_request_takes_a_slot_each_for_its_hold_and_its_receipt() -> None:
    request_id = ids.request_id(1.0)
    receipt = a_receipt(ids.attempt_id(request_id, 1), request_id=request_id)
    assert len(settled(receipt, 1, 2)) == len(promised(Held(receipt, 1.0, 2), 1, 2)) <= PAYLOAD_BYTES
    named = msgspec.structs.replace(receipt, client_request_id="x" * 128)
    assert PAYLOAD_BYTES < len(settled(named, 1, 2)) <= 2 * PAYLOAD_BYTES


IDS = "0a" * 14
LANES = "".join(f"{tokens:02x}" + "00" * 7 for tokens in range(1, 10))
NUMBERS = "01000000" + "02000000" + "e64f0000" + "000000709855da41"  # who, what, day, beginning
COST_AND_REVISION = "100e000000000000" + "0700000000000000"


def test_records_are_on_the_disk_as_earlier_versions_wrote_them() -> None:
    """Byte for byte: a journal outlives the gateway that wrote it. 0x8f = 143 bytes of payload."""
    receipt = a_receipt(
        f"att_{IDS}_2", request_id=f"req_{IDS}", usage=Usage(1, 2, 3, 4, 5, 6, 7, 8, 9), day=20_454, ttft_ms=80.5
    )
    settle = "7910859f" + "05008f00" + "0700000000000000" + IDS + "0200" + "09" + "00" + NUMBERS
    settle += "0000000000205440" + "0000000000002940" + COST_AND_REVISION + LANES + "0000"
    assert settle_slots(receipt, 1, 2, 7).hex() == settle
    hold = "d86edcc1" + "03008f00" + "0800000000000000" + IDS + "0200" + "01" + "00" + NUMBERS
    hold += "0000000000001640" + "e803000000000000" + COST_AND_REVISION + LANES + "0000"
    assert hold_slots(Held(receipt, 5.5, 1_000), 1, 2, 8).hex() == hold


@pytest.mark.parametrize("is_mapped", [True, False])
def test_a_record_is_the_same_wherever_it_is_written(is_mapped: bool) -> None:
    """Through a window, at its end, without one, and where what is used is spread over all lanes."""
    folder = MemoryFolder()
    folder.is_mapped = is_mapped
    segment = Segments(folder, a_size(20)).active
    sheet = Sheet((), ())
    sheet.number(segment, 1, 2)
    usages = [Usage(1, 2), Usage(1, 2, 3, 4, 5, 6, 7, 8, 9), Usage(1, 2, service_tier=ServiceTier.PRIORITY)]
    usages += [Usage(1, 2, image_input_tokens=1), Usage(1, 2, cache_read_tokens=1)]
    receipts = [a_receipt(f"att_{IDS}_1", request_id=f"req_{IDS}", usage=usage) for usage in usages * 2]
    told = told_of(f"req_{IDS}", f"att_{IDS}_1", None)
    expected = b""
    for number, receipt in enumerate(receipts):
        assert write_settle(sheet, told, receipt) == 2 * number + 1
        assert segment.last_settle == 2 * number + 1
        assert write_hold(sheet, told, receipt, 5.5, 7) == 2 * number + 2
        expected += settle_slots(receipt, 1, 2, 2 * number + 1)
        expected += hold_slots(Held(receipt, 5.5, 7), 1, 2, 2 * number + 2)
        back = decode_settle(settled(receipt, 1, 2), {1: who_of(receipt), 2: what_of(receipt)})
        assert back.usage == receipt.usage
    assert write_settle(sheet, told, receipts[0]) == NOWHERE
    assert write_hold(sheet, told, receipts[0], 5.5, 7) == NOWHERE
    assert bytes(next(iter(folder.files.values()))) == expected
    assert segment.last_settle == 19


def test_ids_as_they_are_made_are_ours() -> None:
    """Who writes at the journal's desk relies on it."""
    made = ids.Ids()
    for request_id in (made.request_id(1.0), ids.request_id(1_767_268_800.5)):
        told, mark, tail = told_of(request_id, ids.attempt_id(request_id, 1), None)
        assert (f"req_{told.hex()}", mark, tail) == (request_id, 1, b"")
        assert len(told) == 14


def test_a_record_whose_names_are_lost_says_so() -> None:
    receipt = a_receipt()
    with pytest.raises(UnknownName):
        decode_settle(settled(receipt, 1, 2), {1: who_of(receipt)})
    with pytest.raises(UnknownName):
        decode_hold(promised(Held(receipt, 1.0, 2), 1, 2), {2: what_of(receipt)})


def test_an_orphan_costs_as_much_as_its_progress_says() -> None:
    held = Held(a_receipt(outcome=Outcome.ORPHAN, cost_nano_usd=5), 1.0, 100)
    assert orphan_of(held, None) is held.receipt
    orphan = orphan_of(held, Progress("req_1", "att_1", 12, 40, 77, 900.0))
    assert (orphan.usage, orphan.cost_nano_usd, orphan.total_ms) == (Usage(12, 40), 77, 900.0)
    assert orphan.outcome is Outcome.ORPHAN


def test_headers_and_marks_come_back() -> None:
    assert decode_header(encode_header(Header(1, 7, 2**40))) == Header(1, 7, 2**40)
    assert decode_drained(encode_drained(2**63)) == 2**63


def test_every_outcome_has_its_place_on_the_disk() -> None:
    receipt = a_receipt()
    for outcome in Outcome:
        back = decode_settle(
            settled(msgspec.structs.replace(receipt, outcome=outcome), 3, 2**32 - 1), names_of(receipt)
        )
        assert back.outcome is outcome


def test_a_receipt_says_what_was_delivered_and_that_nobody_was_asked_with_and_without_a_tail() -> None:
    for client in (None, "order-1"):
        for changes in ({"delivered_tokens": 0}, {"delivered_tokens": 2**40}, {"cached": True}, {}):
            receipt = a_receipt("att_1", client_request_id=client, **changes)
            payload = settled(receipt, 1, 2)
            assert decode_settle(payload, {1: who_of(receipt), 2: what_of(receipt)}) == receipt
            assert attempt_of(payload) == "att_1"
