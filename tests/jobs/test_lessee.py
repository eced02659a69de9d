from pathlib import Path
from typing import Any

from ai_gateway.domain.leases import LeaseState, Pot, Want
from ai_gateway.jobs.lessee import Lessee
from ai_gateway.jobs.orphans import SMALL
from ai_gateway.runtime.clock import SystemClock
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.journal_places import take_place
from ai_gateway.runtime.segments import DiskFolder
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from store.rows_for_tests import a_compiler
from support.builders import a_receipt
from support.clock import NOON

POT = Pot("t1", "key", "key_1", "T:total", "usd")


def a_run(data_dir: Path, name: str, desk: MemoryLeaseDesk, store: MemoryStore) -> tuple[Any, Journal, Any]:
    place = take_place(data_dir)
    return Lessee(name, store, desk, SystemClock(), place), Journal(DiskFolder(place.path), SMALL), place


async def test_a_run_ends_the_one_before_it_and_only_then_gives_its_own_name(tmp_path: Path) -> None:
    desk, store = MemoryLeaseDesk(lambda: NOON), MemoryStore(a_compiler())
    first, journal, place = a_run(tmp_path, "prc_1", desk, store)
    await first.begin(journal)
    assert place.process_id == "prc_1"
    await desk.grant("prc_1", [Want(POT, 1_000, asked=100)])
    journal.append(a_receipt())
    journal.close()
    place.close()  # as kill -9 does
    second, journal, place = a_run(tmp_path, "prc_2", desk, store)
    await second.begin(journal)
    assert place.process_id == "prc_2"
    assert len(await store.page_ledger("t1")) == 1
    [lease] = await desk.page(None)
    assert (lease.process_id, lease.state) == ("prc_1", LeaseState.RETURNED)
    journal.close()
    place.close()


async def test_a_run_that_ends_in_order_leaves_no_lease_and_no_name(tmp_path: Path) -> None:
    desk, store = MemoryLeaseDesk(lambda: NOON), MemoryStore(a_compiler())
    lessee, journal, place = a_run(tmp_path, "prc_1", desk, store)
    await lessee.begin(journal)
    failed: list[str] = []
    tasks = Tasks(lambda name, error: failed.append(f"{name}: {error}"))
    lessee.start(tasks, None, lambda error: failed.append(str(error)))
    await desk.grant("prc_1", [Want(POT, 1_000, asked=100)])
    await tasks.stop()
    await lessee.end()
    journal.close()
    assert place.is_empty
    assert [it.state for it in await desk.page(None)] == [LeaseState.RETURNED]
    assert failed == []
    place.close()
