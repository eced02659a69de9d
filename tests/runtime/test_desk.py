"""What is written at the desk is what the journal writes in its own way, byte for byte, or nothing was done."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.runtime import ids
from ai_gateway.runtime.desk import Blank
from ai_gateway.runtime.journal import Journal
from support.builders import NOON, a_receipt
from support.journal import MemoryFolder, a_journal, a_size

WORST = 100


def like(kind: int, **changes: Any) -> Receipt:
    fields = {"outcome": Outcome.ORPHAN, "estimated": True, "total_ms": 0.0, "key_id": f"k{kind}", "priced": kind != 0}
    return a_receipt(**fields | changes)


@dataclass
class Attempted:
    """The first attempt of the request of this number."""

    kind: int
    number: int
    tokens: int = 12

    @property
    def ids(self) -> bytes:
        return self.number.to_bytes(14, "big")

    @property
    def request_id(self) -> str:
        return f"req_{self.ids.hex()}"

    @property
    def attempt_id(self) -> str:
        return ids.attempt_id(self.request_id, 1)

    def orphan(self) -> Receipt:
        return like(
            self.kind,
            request_id=self.request_id,
            attempt_id=self.attempt_id,
            usage=Usage(self.tokens),
            cost_nano_usd=5,
            day=self.number % 3,
        )

    def settled(self, answered: int) -> Receipt:
        return msgspec.structs.replace(
            self.orphan(),
            outcome=Outcome.OK,
            estimated=False,
            cost_nano_usd=answered,
            total_ms=12.5,
            usage=Usage(self.tokens, answered),
        )


def hold(journal: Journal, blank: Blank, it: Attempted) -> bool:
    """Whether it was held at the desk, and not behind it. Raises GatewayFault where there is no room."""
    if journal.desk.hold(blank, it.ids, it.attempt_id, it, NOON, it.number % 3, WORST, 5, it.tokens):
        return True
    journal.hold(it.orphan(), NOON, WORST, blank)
    return False


def settle(journal: Journal, blank: Blank, it: Attempted, answered: int) -> bool:
    receipt = it.settled(answered)
    if journal.desk.settle(blank, receipt, it.tokens, answered):
        return True
    journal.append(receipt)
    return False


async def a_mapped_journal() -> tuple[MemoryFolder, Journal, Blank]:
    """One that writes at its desk, of which one attempt has been."""
    folder = MemoryFolder()
    folder.is_mapped = True
    journal, blank = a_journal(folder), Blank(like(1))
    assert not hold(journal, blank, Attempted(1, 1))
    return folder, journal, blank


HISTORY = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2**40), st.integers(0, 2**40), st.booleans()), max_size=60
)


@given(HISTORY)
def test_not_a_byte_and_not_a_receipt_is_another(history: list[tuple[int, int, int, bool]]) -> None:
    """Attempts of four kinds that end or stay open, on segments that are cut all the time."""
    plain, mapped = MemoryFolder(), MemoryFolder()
    mapped.is_mapped = True
    one, other = a_journal(plain, a_size(40, 1000)), a_journal(mapped, a_size(40, 1000))
    blanks = [Blank(like(kind)) for kind in range(4)]
    for number, (kind, tokens, answered, ends) in enumerate(history, 1):
        it = Attempted(kind, number, tokens)
        try:
            one.hold(it.orphan(), NOON, WORST)
        except GatewayFault:
            with pytest.raises(GatewayFault):
                hold(other, blanks[kind], it)
            continue
        hold(other, blanks[kind], it)
        assert one.running() == other.running()
        if ends:
            one.append(it.settled(answered))
            settle(other, blanks[kind], it, answered)
    assert plain.files == mapped.files
    assert one.peek(1000) == other.peek(1000)
    assert one.booked_nano == other.booked_nano
    assert a_journal(plain.after_a_crash()).peek(1000) == a_journal(mapped.after_a_crash()).peek(1000)


async def test_what_is_usual_is_written_at_the_desk() -> None:
    _, journal, blank = await a_mapped_journal()
    it = Attempted(1, 2)
    assert hold(journal, blank, it)
    assert journal.open_attempts == 2
    assert settle(journal, blank, it, 7)
    assert journal.open_attempts == 1
    assert journal.peek(2) == [it.settled(7)]
    await journal.wait()


async def test_nothing_is_written_at_the_desk_while_something_stands_against_it() -> None:
    """Without a window, with a name that the segment does not know, behind a round of the thread, for an attempt that
    nobody holds, or where memory has as many receipts as it bears."""
    folder, journal, blank = await a_mapped_journal()
    assert not hold(journal, Blank(like(2)), Attempted(2, 2))
    assert not settle_of_a_stranger(journal, blank)
    await journal.tend()
    assert not hold(journal, blank, Attempted(1, 3))
    assert hold(journal, blank, Attempted(1, 4))
    journal.desk.backlog.limit = 0
    before = {name: bytes(data) for name, data in folder.files.items()}
    assert not journal.desk.settle(blank, Attempted(1, 4).settled(7), 12, 7)
    assert before == folder.files
    assert journal.open_attempts == 4


def settle_of_a_stranger(journal: Journal, blank: Blank) -> bool:
    return journal.desk.settle(blank, Attempted(1, 99).settled(7), 12, 7)


async def test_a_full_house_is_told_by_the_journal() -> None:
    folder = MemoryFolder()
    folder.is_mapped = True
    journal, blank = a_journal(folder, a_size(64, 2)), Blank(like(1))
    taken = [number for number in range(1, 100) if is_taken(journal, blank, number)]
    assert taken == list(range(1, len(taken) + 1))
    assert 0 < len(taken) == journal.open_attempts < 99


def is_taken(journal: Journal, blank: Blank, number: int) -> bool:
    try:
        hold(journal, blank, Attempted(1, number))
    except GatewayFault:
        return False
    return True
