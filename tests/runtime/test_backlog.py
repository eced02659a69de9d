"""Receipts that wait: all of them, in their order, whether memory or the segments have them."""

from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.traffic import Receipt
from ai_gateway.runtime import ids
from ai_gateway.runtime.backlog import UNWRITTEN, Backlog
from ai_gateway.runtime.segments import Segments
from ai_gateway.runtime.sheets import encode_definition, what_of, who_of
from ai_gateway.runtime.slots import SLOT_BYTES, Kind
from support.builders import a_receipt
from support.journal import MemoryFolder, a_size, settled


class Written:
    """Segments with the names that every receipt here has, and a backlog over them."""

    def __init__(self, most: int) -> None:
        self.folder = MemoryFolder()
        self.segments = Segments(self.folder, a_size(512))
        self.segments.append(Kind.DEFINE, encode_definition(0, who_of(a_receipt())))
        self.segments.append(Kind.DEFINE, encode_definition(1, what_of(a_receipt())))
        self.backlog = Backlog(self.segments, most)

    def add(self, name: str) -> Receipt:
        request_id = f"req_{int(name.removeprefix('att_')):028x}"
        receipt = a_receipt(ids.attempt_id(request_id, 1), request_id=request_id)
        number = self.segments.append(Kind.SETTLE, settled(receipt, 0, 1))
        if len(self.backlog.memory) < self.backlog.limit:
            self.backlog.memory.append((number, receipt))
        else:
            self.backlog.add(number, receipt)
        return receipt


@given(st.integers(1, 5), st.lists(st.integers(0, 4), max_size=40))
def test_what_was_added_is_given_once_and_in_order(most: int, steps: list[int]) -> None:
    it = Written(most)
    added: list[Receipt] = []
    given_out: list[Receipt] = []
    for number, take in enumerate(steps):
        added.append(it.add(f"att_{number}"))
        batch = it.backlog.peek(take)
        assert it.backlog.peek(take) == batch
        it.backlog.drop(batch)
        given_out += batch
        assert len(it.backlog) == len(added) - len(given_out)
    while batch := it.backlog.peek(3):
        it.backlog.drop(batch)
        given_out += batch
    assert given_out == added
    assert len(it.backlog) == 0
    assert it.backlog.limit == most


def test_no_more_wait_in_memory_than_it_should_bear() -> None:
    it = Written(most=2)
    for number in range(10):
        it.add(f"att_{number}")
    assert len(it.backlog.find("t1", f"req_{1:028x}")) == 1
    assert it.backlog.find("t1", f"req_{2:028x}") == []
    assert len(it.backlog) == 10


def test_a_receipt_that_only_memory_has_stays_in_it() -> None:
    it = Written(most=1)
    added = [it.add("att_1"), it.add("att_2"), a_receipt("att_3")]
    it.backlog.add(UNWRITTEN, added[2])
    given_out: list[Receipt] = []
    while batch := it.backlog.peek(5):
        given_out += batch
        it.backlog.drop(batch)
    assert len(given_out) == 3
    assert all(receipt in given_out for receipt in added)


def test_dropping_tells_how_far_the_ledger_has_come() -> None:
    it = Written(most=9)
    for number in range(3):
        it.add(f"att_{number}")
    it.backlog.add(UNWRITTEN, a_receipt("att_3"))
    assert it.backlog.drop(it.backlog.peek(2)) == 4  # two definitions, then the receipts 3 and 4
    assert it.backlog.drop(it.backlog.peek(9)) == 5


def test_what_cannot_be_read_back_is_counted_and_waited_for_no_longer() -> None:
    it = Written(most=1)
    for number in range(4):
        it.add(f"att_{number}")
    data = next(iter(it.folder.files.values()))
    data[3 * SLOT_BYTES :] = bytes(len(data) - 3 * SLOT_BYTES)
    it.backlog.drop(it.backlog.peek(1))
    assert list(it.backlog.peek(9)) == []
    assert (len(it.backlog), it.backlog.lost) == (0, 3)
