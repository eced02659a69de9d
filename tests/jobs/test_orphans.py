"""Journals whose processes are gone, on a real disk: what was in them is in the ledger, in their name, once."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from ai_gateway.domain.leases import LeaseState, Pot, Want
from ai_gateway.domain.traffic import Outcome
from ai_gateway.jobs.orphans import SMALL, adopt_all, close_run, keep_adopting
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.journal_places import take_place
from ai_gateway.runtime.segments import DiskFolder
from ai_gateway.runtime.slots import SLOT_BYTES
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import LedgerRow
from store.rows_for_tests import a_compiler, an_audit_row
from support.builders import a_receipt
from support.clock import NOON

POT = Pot("t1", "key", "key_1", "T:total", "usd")


class Ledger:
    """The memory twin, which can be away. `names` are those in whose name rows came."""

    def __init__(self) -> None:
        self.twin = MemoryStore(a_compiler())
        self.is_away = False
        self.written = asyncio.Event()
        self.names: set[str] = set()

    async def append_ledger(self, rows: Sequence[LedgerRow], process_id: str = "") -> int:
        if self.is_away:
            raise StoreUnavailable
        self.names.add(process_id)
        self.written.set()
        return await self.twin.append_ledger(rows, process_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.twin, name)

    async def outcomes(self) -> dict[str, Outcome]:
        return {it.attempt_id: Outcome(it.outcome) for it in await self.twin.page_ledger("t1")}


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
async def desk() -> MemoryLeaseDesk:
    desk = MemoryLeaseDesk(lambda: NOON)
    await desk.open("prc_dead", "there")
    await desk.grant("prc_dead", [Want(POT, 1_000, asked=100)])
    return desk


def die(data_dir: Path, process_id: str | None = "prc_dead") -> None:
    """A process that had settled one attempt and had sent another."""
    place = take_place(data_dir)
    if process_id is not None:
        place.belong_to(process_id)
    journal = Journal(DiskFolder(place.path), SMALL)
    journal.append(a_receipt("att_1"))
    journal.hold(a_receipt("att_2", outcome=Outcome.ORPHAN, estimated=True), NOON, 5_000)
    journal.close()
    place.close()


def nobody(error: Exception) -> None:
    raise AssertionError(f"nothing is wrong: {error}")


def flip(data_dir: Path, slot: int) -> None:
    journal = min((data_dir / "journal").glob("*.journal"))
    data = bytearray(journal.read_bytes())
    data[slot * SLOT_BYTES + 7] ^= 1
    journal.write_bytes(data)


async def test_what_a_dead_process_knew_is_booked_in_its_name_and_its_leases_go_back(
    tmp_path: Path, ledger: Ledger, desk: MemoryLeaseDesk
) -> None:
    die(tmp_path)
    assert await adopt_all(tmp_path, ledger, desk, nobody) == 1
    assert await ledger.outcomes() == {"att_1": Outcome.OK, "att_2": Outcome.ORPHAN}
    assert ledger.names == {"prc_dead"}
    assert [it.state for it in await desk.page(None)] == [LeaseState.RETURNED]
    assert [it.name for it in (tmp_path / "journal").iterdir()] == ["lock"]
    assert await adopt_all(tmp_path, ledger, desk, nobody) == 0


async def test_a_journal_that_nobody_signed_is_booked_in_nobodys_name(
    tmp_path: Path, ledger: Ledger, desk: MemoryLeaseDesk
) -> None:
    die(tmp_path, None)
    assert await adopt_all(tmp_path, ledger, desk, nobody) == 1
    assert ledger.names == {""}
    assert desk.leased(POT) == 100


async def test_whoever_lives_is_left_alone(tmp_path: Path, ledger: Ledger, desk: MemoryLeaseDesk) -> None:
    living = take_place(tmp_path)
    living.belong_to("prc_living")
    die(tmp_path)
    assert await adopt_all(tmp_path, ledger, desk, nobody) == 1
    assert living.process_id == "prc_living"
    living.close()


async def test_what_could_not_be_booked_stays_where_it_is_and_is_tried_again(
    tmp_path: Path, ledger: Ledger, desk: MemoryLeaseDesk
) -> None:
    die(tmp_path)
    ledger.is_away = True
    told: list[Exception] = []
    failed = asyncio.Event()

    def report(error: Exception) -> None:
        told.append(error)
        failed.set()

    adopting = asyncio.ensure_future(keep_adopting(tmp_path, ledger, desk, report, every_seconds=0))
    await failed.wait()
    assert isinstance(told[0], StoreUnavailable)
    assert desk.leased(POT) == 100, "its leases are charged until its journal was read"
    ledger.is_away = False
    await ledger.written.wait()
    adopting.cancel()
    await asyncio.gather(adopting, return_exceptions=True)
    assert await adopt_all(tmp_path, ledger, desk, nobody) <= 1, "it may have been cut short"
    assert len(await ledger.outcomes()) == 2
    assert desk.leased(POT) == 0


SLOTS: Final = 7
"""What `die` writes before its last record: the segment's own, two names, each twice, and a receipt of two slots. A
damaged end cannot be told from one that was torn off by the kill, which is no damage."""


@pytest.mark.parametrize("slot", range(SLOTS))
async def test_leases_of_a_damaged_journal_stay_charged_until_somebody_resolves_them(
    tmp_path: Path, ledger: Ledger, slot: int
) -> None:
    """What can be read is booked; nobody says that what cannot be read was not spent."""
    now = [NOON]
    desk = MemoryLeaseDesk(lambda: now[0])
    await desk.open("prc_dead", "there")
    await desk.grant("prc_dead", [Want(POT, 1_000, asked=100)])
    die(tmp_path)
    flip(tmp_path, slot)
    told: list[Exception] = []
    assert await adopt_all(tmp_path, ledger, desk, told.append) == 1
    assert "prc_dead" in str(told[0])
    assert set(await ledger.outcomes()) <= {"att_1", "att_2"}
    assert desk.leased(POT) == 100
    assert await adopt_all(tmp_path, ledger, desk, nobody) == 0, "once"
    now[0] += 120
    (lease,) = await desk.page(None)
    assert lease.state is LeaseState.SUSPENSE
    await desk.resolve(lease.id, 30, an_audit_row())
    assert desk.leased(POT) == 30


async def test_whoever_starts_on_a_damaged_journal_gives_nothing_back_of_the_run_before(
    tmp_path: Path, ledger: Ledger, desk: MemoryLeaseDesk
) -> None:
    die(tmp_path)
    flip(tmp_path, 3)
    place = take_place(tmp_path)
    journal = Journal(DiskFolder(place.path), SMALL)
    store: Any = ledger
    assert await close_run(journal, place, store, desk) is False
    assert place.process_id is None
    assert ledger.names == {"prc_dead"}
    assert desk.leased(POT) == 100
    journal.close()
    place.close()
