"""The journal's promises: what it was told survives, what is in flight can settle, and nothing is told twice."""

import asyncio
import errno
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ai_gateway.domain.chat import Usage
from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.traffic import Outcome, Receipt
from ai_gateway.runtime import ids
from ai_gateway.runtime.entries import Held, Progress
from ai_gateway.runtime.journal import Durability, Journal
from ai_gateway.runtime.segments import DiskFolder
from ai_gateway.runtime.sheets import Sheet, sheet_of
from ai_gateway.runtime.slots import SLOT_BYTES
from support.builders import a_receipt
from support.journal import MemoryFolder, a_journal, a_size

AT = 1_767_268_800.0


def an_orphan(number: int, **changes: Any) -> Receipt:
    request_id = f"req_{number:028x}"
    fields = {
        "request_id": request_id,
        "attempt_id": ids.attempt_id(request_id, 1),
        "outcome": Outcome.ORPHAN,
        "estimated": True,
        "cost_nano_usd": 5,
        "total_ms": 0.0,
    }
    return a_receipt(**fields | changes)


def settled(orphan: Receipt, cost: int = 9) -> Receipt:
    return msgspec.structs.replace(
        orphan, outcome=Outcome.OK, estimated=False, cost_nano_usd=cost, total_ms=12.5, usage=Usage(12, cost)
    )


def is_taken(journal: Journal, orphan: Receipt) -> bool:
    try:
        journal.hold(orphan, AT, 100)
    except GatewayFault:
        return False
    return True


def is_short_of_room(journal: Journal) -> bool:
    try:
        journal.admit()
    except GatewayFault:
        return True
    return False


def all_of(journal: Journal) -> list[Receipt]:
    """Everything that waits, as the drain gets it."""
    found: list[Receipt] = []
    while batch := journal.peek(7):
        found += batch
        journal.drop(batch)
    return found


def test_what_was_settled_waits_again_and_what_was_open_is_an_orphan() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    for number in range(3):
        journal.hold(an_orphan(number), AT, 100)
    journal.append(settled(an_orphan(1)))
    journal.progress(Progress(an_orphan(2).request_id, an_orphan(2).attempt_id, 12, 4, 8, 50.0))

    again = a_journal(folder.after_a_crash())

    further = an_orphan(2, usage=Usage(12, 4), cost_nano_usd=8, total_ms=50.0)
    assert all_of(again) == [settled(an_orphan(1)), an_orphan(0), further]
    assert again.open_attempts == 0


def test_a_second_crash_adds_nothing() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    journal.hold(an_orphan(1), AT, 100)
    journal.append(settled(an_orphan(2)))
    first = a_journal(folder.after_a_crash())
    assert first.depth == 2
    folder = folder.after_a_crash()
    a_journal(folder)
    second = a_journal(folder.after_a_crash())
    assert all_of(second) == [settled(an_orphan(2)), an_orphan(1)]
    assert second.replayed.orphans == ()


def test_what_the_ledger_has_is_not_offered_again() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    for number in range(5):
        journal.append(settled(an_orphan(number)))
    journal.drop(journal.peek(3))
    again = a_journal(folder.after_a_crash())
    assert all_of(again) == [settled(an_orphan(3)), settled(an_orphan(4))]


def test_a_journal_that_is_closed_with_nothing_in_it_leaves_no_files() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    journal.append(settled(an_orphan(1)))
    all_of(journal)
    journal.close()
    assert folder.files == {}


def test_a_journal_that_is_closed_early_keeps_what_waits() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    journal.append(settled(an_orphan(1)))
    journal.close()
    assert all_of(a_journal(folder)) == [settled(an_orphan(1))]


STEPS = st.lists(
    st.tuples(st.sampled_from(["hold", "hold", "progress", "settle", "settle", "drop", "tend"]), st.integers(0, 9)),
    max_size=80,
)


@example([("hold", 0), ("hold", 1), ("settle", 0), ("hold", 0), ("drop", 1)], 30, 1, True, False, False)
@given(STEPS, st.integers(24, 60), st.integers(1, 6), st.booleans(), st.booleans(), st.booleans())
async def test_after_a_crash_every_attempt_is_told_once_and_nothing_else(
    steps: list[tuple[str, int]], slots: int, in_memory: int, is_named: bool, is_mapped: bool, has_sheets: bool
) -> None:
    """Segments of a few slots, so that they are cut all the time; memory for a few receipts, so that others are read
    back. What the ledger may have lost is what was dropped, and nothing. It may be offered something twice, where there
    was no room to write down that it has it."""
    folder = MemoryFolder()
    folder.is_mapped = is_mapped
    journal = a_journal(folder, a_size(slots, 1000, in_memory))
    sheets: dict[int, Sheet] = {}
    ledger: dict[str, Receipt] = {}
    opened: dict[str, Receipt] = {}
    waiting: dict[str, Receipt] = {}
    was_short = False
    for number, (what, which) in enumerate(steps):
        chosen = list(opened.values())[which % len(opened)] if opened else None
        if what == "hold":
            orphan = an_orphan(number, client_request_id="mine" * (which * 3) if is_named else None, key_id=f"k{which}")
            sheet = sheets.setdefault(which, sheet_of(orphan)) if has_sheets else None
            try:
                journal.hold(orphan, AT, 100, sheet)
            except GatewayFault:
                continue
            opened[orphan.attempt_id] = orphan
        elif what == "progress" and chosen is not None:
            usage = Usage(12, number)
            further = msgspec.structs.replace(chosen, usage=usage, cost_nano_usd=number + 5, total_ms=float(number))
            journal.progress(Progress(chosen.request_id, chosen.attempt_id, 12, number, number + 5, float(number)))
            opened[chosen.attempt_id] = further
        elif what == "settle" and chosen is not None:
            del opened[chosen.attempt_id]
            waiting[chosen.attempt_id] = settled(chosen, number)
            journal.append(waiting[chosen.attempt_id])
        elif what == "drop":
            was_short = was_short or is_short_of_room(journal)
            batch = journal.peek(which)
            journal.drop(batch)
            ledger |= {it.attempt_id: waiting.pop(it.attempt_id) for it in batch}
        elif what == "tend":
            await journal.tend()
    assert journal.depth == len(waiting)

    again = a_journal(folder.after_a_crash(), a_size(slots, 1000, in_memory))

    found = all_of(again)
    assert len({it.attempt_id for it in found}) == len(found)
    by_attempt = {it.attempt_id: it for it in found}
    assert {name: by_attempt.pop(name) for name in waiting} == waiting
    # Progress is left out where room is short: a floor may be an earlier one, never another attempt's.
    orphans = {name: by_attempt.pop(name) for name in opened}
    assert all(it.cost_nano_usd <= opened[name].cost_nano_usd for name, it in orphans.items())
    assert all(it.outcome is Outcome.ORPHAN and it.estimated for it in orphans.values())
    assert by_attempt == {} or (was_short and by_attempt.items() <= ledger.items())
    assert again.replayed.damaged == again.replayed.lost == 0


HISTORY = st.lists(st.tuples(st.sampled_from(["first", "second", "named"]), st.integers(0, 3), st.booleans()))


@given(HISTORY)
def test_a_sheet_and_a_window_change_no_byte(history: list[tuple[str, int, bool]]) -> None:
    """Attempts of four kinds that end or stay open, on segments that are cut all the time."""
    plain, mapped = MemoryFolder(), MemoryFolder()
    mapped.is_mapped = True
    one, other = a_journal(plain, a_size(40, 1000)), a_journal(mapped, a_size(40, 1000))
    sheets = [sheet_of(an_orphan(0, key_id=f"k{kind}")) for kind in range(4)]
    for number, (what, kind, ends) in enumerate(history):
        request_id = f"req_{number:028x}"
        orphan = an_orphan(
            number,
            key_id=f"k{kind}",
            attempt_id=ids.attempt_id(request_id, 2 if what == "second" else 1),
            client_request_id="mine" if what == "named" else None,
        )
        if is_taken(one, orphan):
            other.hold(orphan, AT, 100, sheets[kind])
        if ends:
            one.append(settled(orphan))
            other.append(settled(orphan))
    assert plain.files == mapped.files
    assert one.running() == other.running()


async def test_a_sheet_outlives_its_segment() -> None:
    """A hundred requests of one kind on segments of thirty slots: each segment says the names anew."""
    folder = MemoryFolder()
    journal = a_journal(folder, a_size(30, 100))
    sheet = sheet_of(an_orphan(0))
    told = [settled(an_orphan(number)) for number in range(100)]
    for number, receipt in enumerate(told):
        journal.hold(an_orphan(number), AT, 100, sheet)
        journal.append(receipt)
        await journal.tend()
    assert len(folder.files) > 3
    assert all_of(a_journal(folder.after_a_crash(), a_size(30, 100))) == told


@pytest.mark.parametrize(
    ("request_id", "attempt_id"),
    [("req_1", "att_1_1"), ("req_12", "att_12_1"), (f"req_{5:028x}", f"att_{6:028x}_1"), ("req_zz", "att_7")],
)
def test_ids_of_another_form_are_told_as_they_are_with_a_sheet_too(request_id: str, attempt_id: str) -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    orphan = an_orphan(0, request_id=request_id, attempt_id=attempt_id)
    journal.hold(orphan, AT, 100, sheet_of(orphan))
    assert all_of(a_journal(folder.after_a_crash())) == [orphan]


@given(st.data())
def test_a_torn_tail_is_the_end_of_what_was_told(data: st.DataObject) -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    journal.hold(an_orphan(1), AT, 100)
    journal.append(settled(an_orphan(1)))
    journal.hold(an_orphan(2), AT, 100)
    journal.append(settled(an_orphan(2)))
    (name, active), *_ = sorted(folder.files.items())
    last = max(at for at, byte in enumerate(active) if byte) // SLOT_BYTES * SLOT_BYTES
    torn = folder.after_a_crash()
    at = data.draw(st.integers(last, last + SLOT_BYTES - 1))
    torn.files[name][at:] = bytes(len(active) - at)

    again = a_journal(torn)

    found = all_of(again)
    assert found[0] == settled(an_orphan(1))
    assert found[1] in (an_orphan(2), settled(an_orphan(2)))  # zeros that were torn off were zeros before
    assert again.replayed.damaged == 0


@given(st.data())
def test_a_flipped_slot_turns_at_most_its_own_attempt_into_an_orphan(data: st.DataObject) -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    told = [settled(an_orphan(number)) for number in range(6)]
    for number, receipt in enumerate(told):
        journal.hold(an_orphan(number), AT, 100)
        journal.append(receipt)
    name = min(folder.files)
    used = max(at for at, byte in enumerate(folder.files[name]) if byte) // SLOT_BYTES
    damaged = folder.after_a_crash()
    slot = data.draw(st.integers(0, used - 1))
    damaged.files[name][slot * SLOT_BYTES + data.draw(st.integers(0, SLOT_BYTES - 1))] ^= data.draw(st.integers(1, 255))

    again = a_journal(damaged)

    found = {it.attempt_id: it for it in all_of(again)}
    wrong = [it for it in told if found[it.attempt_id] != it]
    assert len(found) == len(told)
    assert [found[it.attempt_id].outcome for it in wrong] == [Outcome.ORPHAN] * len(wrong)
    assert len(wrong) <= 1
    assert again.replayed.damaged == 1


async def test_an_attempt_that_outlives_its_segment_is_still_an_orphan() -> None:
    """A stream of an hour: the segment of its hold was drained and removed long ago."""
    folder = MemoryFolder()
    journal = a_journal(folder, a_size(slots=32))
    journal.hold(an_orphan(0, user_id="patient"), AT, 100)
    journal.progress(Progress(an_orphan(0).request_id, an_orphan(0).attempt_id, 12, 4, 8, 50.0))
    first = min(folder.files)
    number = 0
    while first in folder.files or number < 100:
        number += 1
        journal.hold(an_orphan(number), AT, 100)
        journal.append(settled(an_orphan(number)))
        journal.drop(journal.peek(1))
        await journal.tend()

    again = a_journal(folder.after_a_crash(), a_size(slots=32))

    expected = an_orphan(0, user_id="patient", usage=Usage(12, 4), cost_nano_usd=8, total_ms=50.0)
    assert all_of(again) == [expected]


async def test_nothing_is_removed_before_what_replaced_it_is_safe() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder, a_size(slots=32))
    journal.hold(an_orphan(0), AT, 100)
    first = min(folder.files)
    for number in range(1, 40):
        journal.append(settled(an_orphan(number)))
    all_of(journal)
    folder.failing_syncs = errno.EIO
    await journal.tend()
    assert first in folder.files
    folder.failing_syncs = None
    await journal.tend()
    await journal.tend()
    assert first not in folder.files


def test_a_full_journal_refuses_new_holds_and_settles_all_that_it_took() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder, a_size(slots=64, segments=2))
    taken: list[Receipt] = []

    def take() -> None:
        while True:
            orphan = an_orphan(len(taken), key_id=f"key_{len(taken)}", client_request_id="c" * 128)
            journal.hold(orphan, AT, 100)
            taken.append(orphan)

    with pytest.raises(GatewayFault) as refused:
        take()
    assert (refused.value.status, refused.value.code) == (503, "ledger_unavailable")
    assert len(taken) > 2
    for orphan in taken:
        journal.append(settled(orphan))

    again = a_journal(folder.after_a_crash(), a_size(slots=64, segments=8))

    assert [it.outcome for it in all_of(again)] == [Outcome.OK] * len(taken)


async def test_a_journal_that_was_full_takes_requests_again_once_it_is_drained() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder, a_size(slots=64, segments=3))
    number = 0

    async def work() -> None:
        nonlocal number
        while True:
            journal.admit()
            journal.hold(an_orphan(number), AT, 100)
            journal.append(settled(an_orphan(number)))
            number += 1
            await journal.tend()

    for _ in range(5):
        with pytest.raises(GatewayFault):
            await work()
        assert len(folder.files) <= 3
        all_of(journal)
        await journal.tend()
        await journal.tend()
    assert number > 5 * 50


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
async def test_a_failing_disk_stops_admission_and_loses_nothing(number: int) -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    journal.hold(an_orphan(1), AT, 100)
    journal.hold(an_orphan(2), AT, 100)
    folder.failing_writes = number

    journal.append(settled(an_orphan(1)))
    with pytest.raises(GatewayFault):
        journal.admit()
    with pytest.raises(GatewayFault):
        journal.hold(an_orphan(3), AT, 100)
    await journal.tend()
    assert isinstance(journal.problem, OSError)
    assert list(journal.peek(10)) == [settled(an_orphan(1))]  # the ledger may have it from memory

    folder.failing_writes = None
    await journal.tend()
    journal.admit()
    journal.hold(an_orphan(4), AT, 100)

    again = a_journal(folder.after_a_crash())
    assert sorted(it.attempt_id for it in again.replayed.orphans) == [an_orphan(2).attempt_id, an_orphan(4).attempt_id]
    assert settled(an_orphan(1)) in all_of(again)


async def test_a_disk_that_failed_is_not_written_to_before_it_was_tended() -> None:
    """Also by who has a sheet that the segment in use knows: what failed may have a hole before it."""
    folder = MemoryFolder()
    journal = a_journal(folder)
    sheet = sheet_of(an_orphan(1))
    journal.hold(an_orphan(1), AT, 100, sheet)
    journal.hold(an_orphan(2), AT, 100, sheet)
    folder.failing_writes = errno.EIO
    journal.append(settled(an_orphan(1)))
    folder.failing_writes = None
    writes = folder.writes
    with pytest.raises(GatewayFault):
        journal.hold(an_orphan(3), AT, 100, sheet)
    journal.append(settled(an_orphan(2)))
    assert folder.writes == writes
    await journal.tend()
    journal.hold(an_orphan(3), AT, 100, sheet)
    again = a_journal(folder.after_a_crash())
    assert all_of(again) == [settled(an_orphan(1)), settled(an_orphan(2)), an_orphan(3)]


async def test_what_is_written_after_a_round_is_work_for_the_next() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    sheet = sheet_of(an_orphan(1))
    for number in range(4):
        journal.hold(an_orphan(number), AT, 100, sheet)
        assert journal.has_work.is_set()
        syncs = folder.syncs
        await journal.tend()
        assert folder.syncs == syncs + 1
        assert not journal.has_work.is_set()
        journal.append(settled(an_orphan(number)))
        assert journal.has_work.is_set()
        await journal.tend()
        assert folder.syncs == syncs + 2


async def test_a_failed_sync_goes_on_in_a_new_segment() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    journal.hold(an_orphan(1), AT, 100)
    folder.failing_syncs = errno.EIO
    await journal.tend()
    with pytest.raises(GatewayFault):
        journal.admit()
    folder.failing_syncs = None
    await journal.tend()
    journal.admit()
    assert [it.attempt_id for it in a_journal(folder.after_a_crash()).replayed.orphans] == [an_orphan(1).attempt_id]


async def test_where_no_segment_can_be_made_the_room_that_is_there_is_used_up_first() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder, a_size(slots=64))
    folder.failing_creates = errno.ENOSPC
    for number in range(60):
        journal.append(settled(an_orphan(number)))
        await journal.tend()
    assert isinstance(journal.problem, OSError)
    taken = [an_orphan(number) for number in range(60, 200) if is_taken(journal, an_orphan(number))]
    assert 0 < len(taken) < 64
    folder.failing_creates = None
    await journal.tend()
    journal.admit()
    assert journal.problem is None


async def test_always_waits_for_the_disk_and_the_others_do_not() -> None:
    for durability in Durability:
        folder = MemoryFolder()
        journal = a_journal(folder, durability=durability)
        journal.hold(an_orphan(1), AT, 100)
        before = folder.syncs
        waiting = asyncio.ensure_future(journal.safe())
        await asyncio.sleep(0)
        assert waiting.done() == (durability is not Durability.ALWAYS)
        assert journal.is_awaited == (durability is Durability.ALWAYS)
        await journal.tend()
        await waiting
        assert (folder.syncs > before) == (durability is not Durability.OFF)
        await journal.safe()  # nothing new: at once


async def test_nobody_waits_for_a_sync_that_began_before_his_record() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder, durability=Durability.ALWAYS)
    await journal.tend()
    await journal.safe()
    journal.hold(an_orphan(1), AT, 100)
    waiting = asyncio.ensure_future(journal.safe())
    await asyncio.sleep(0)
    assert not waiting.done()
    await journal.tend()
    await waiting


async def test_waiting_ends_when_something_arrives_and_begins_again_when_it_is_gone() -> None:
    journal = a_journal()
    waiting = asyncio.ensure_future(journal.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    journal.append(settled(an_orphan(1)))
    await waiting
    assert journal.find("t1", an_orphan(1).request_id) == [settled(an_orphan(1))]
    assert journal.find("t2", an_orphan(1).request_id) == []
    all_of(journal)
    again = asyncio.ensure_future(journal.wait())
    await asyncio.sleep(0)
    assert not again.done()
    journal.append(settled(an_orphan(2)))
    await again


def test_what_runs_is_told_oldest_first_with_how_far_it_has_come() -> None:
    journal = a_journal()
    assert journal.running() == []
    for number in range(3):
        journal.hold(an_orphan(number), AT + number, 100 + number)
    progress = Progress(an_orphan(2).request_id, an_orphan(2).attempt_id, 12, 4, 8, 50.0)
    journal.progress(progress)
    journal.append(settled(an_orphan(1)))
    assert journal.running() == [
        (Held(an_orphan(0), AT, 100), None),
        (Held(an_orphan(2), AT + 2, 102), progress),
    ]
    journal.append(settled(an_orphan(0)))
    journal.append(settled(an_orphan(2)))
    assert journal.running() == []


def test_what_runs_is_told_the_same_when_its_segment_was_cut() -> None:
    """A hundred answers on segments of thirty slots: open holds are written again, and stay what they are."""
    journal = a_journal(size=a_size(30, 100))
    journal.hold(an_orphan(900), AT, 100)
    journal.hold(an_orphan(901), AT, 100)
    progress = Progress(an_orphan(900).request_id, an_orphan(900).attempt_id, 12, 4, 8, 50.0)
    journal.progress(progress)
    before = journal.running()
    for number in range(100):
        journal.append(settled(an_orphan(number)))
    assert (
        journal.running()
        == before
        == [
            (Held(an_orphan(900), AT, 100), progress),
            (Held(an_orphan(901), AT, 100), None),
        ]
    )


def test_what_ran_when_the_process_ended_does_not_run_in_the_next() -> None:
    folder = MemoryFolder()
    a_journal(folder).hold(an_orphan(1), AT, 100)
    assert a_journal(folder.after_a_crash()).running() == []


def test_a_hold_that_could_not_be_written_does_not_run() -> None:
    folder = MemoryFolder()
    journal = a_journal(folder)
    folder.failing_writes = errno.ENOSPC
    assert not is_taken(journal, an_orphan(1))
    assert journal.running() == []


def test_two_who_drain_at_the_same_time_let_go_only_what_they_were_given() -> None:
    journal = a_journal()
    for number in range(4):
        journal.append(settled(an_orphan(number)))
    first, second = journal.peek(2), journal.peek(2)
    journal.drop(first)
    journal.drop(second)
    assert list(journal.peek(9)) == [settled(an_orphan(2)), settled(an_orphan(3))]


@given(st.lists(st.tuples(st.sampled_from(["append", "peek", "drop"]), st.integers(0, 1), st.integers(1, 4))))
def test_two_who_drain_at_the_same_time_lose_nothing(steps: list[tuple[str, int, int]]) -> None:
    """Whatever two drainers do in whatever order, a receipt is let go only by one who has seen it."""
    journal = a_journal(size=a_size(in_memory=3))
    appended = 0
    written: set[str] = set()
    seen: list[list[Receipt]] = [[], []]
    for step, drainer, count in steps:
        if step == "append":
            journal.append(settled(an_orphan(appended)))
            appended += 1
        elif step == "peek":
            seen[drainer] = list(journal.peek(count))
        else:
            written |= {it.attempt_id for it in seen[drainer]}
            journal.drop(seen[drainer])
    waiting = {it.attempt_id for it in all_of(journal)}
    assert waiting | written == {an_orphan(number).attempt_id for number in range(appended)}


@pytest.mark.parametrize(("slots", "requests"), [(64, 40), (3000, 1400)], ids=["two segments", "two windows"])
def test_the_same_on_a_real_disk(tmp_path: Path, slots: int, requests: int) -> None:
    size = a_size(slots)
    journal = Journal(DiskFolder(tmp_path / "journal"), size)
    told = [settled(an_orphan(number)) for number in range(requests)]
    sheet = sheet_of(an_orphan(0))
    for number, receipt in enumerate(told):
        journal.hold(an_orphan(number), AT, 100, sheet if number % 3 else None)
        journal.append(receipt)
    journal.hold(an_orphan(9999), AT, 100)

    again = Journal(DiskFolder(tmp_path / "journal"), size)

    assert all_of(again) == [*told, an_orphan(9999)]
    again.close()
    assert list((tmp_path / "journal").iterdir()) == []
