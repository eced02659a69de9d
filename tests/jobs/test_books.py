import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from ai_gateway.domain.budgets import Window
from ai_gateway.domain.traffic import Charge
from ai_gateway.jobs.books import Books, Care
from ai_gateway.jobs.lessee import Lessee
from ai_gateway.runtime.cells import NoGrants
from ai_gateway.runtime.clock import SystemClock
from ai_gateway.runtime.journal import Durability
from ai_gateway.runtime.journal_places import take_place
from ai_gateway.runtime.leases import Leases
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.store.leases import NO_LEASES
from ai_gateway.store.memory import MemoryStore
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from ai_gateway.store.rows import LedgerRow
from store.rows_for_tests import a_compiler
from support.builders import a_receipt
from support.clock import NOON
from support.journal import a_journal


class Told:
    """The twin, which says when rows came."""

    def __init__(self) -> None:
        self._twin = MemoryStore(a_compiler())
        self.written = asyncio.Event()

    async def append_ledger(self, rows: Sequence[LedgerRow], process_id: str = "") -> int:
        self.written.set()
        return await self._twin.append_ledger(rows, process_id)


async def test_an_owner_begins_where_the_ledger_is_and_asks_nobody() -> None:
    store: Any = MemoryStore(a_compiler())
    journal = a_journal()
    journal.append(a_receipt())
    books = Books(journal, store, None)
    await books.begin(NOON)
    assert len(await store.page_ledger("t1")) == 1
    assert isinstance(books.grants, NoGrants)
    assert books.leases is NO_LEASES
    journal.append(a_receipt("att_2"))
    await books.close()
    assert len(await store.page_ledger("t1")) == 2


async def test_a_lessee_begins_with_nothing_and_gives_back_what_it_has(tmp_path: Path) -> None:
    store: Any = MemoryStore(a_compiler())
    desk: Any = MemoryLeaseDesk(lambda: NOON)
    place, journal = take_place(tmp_path), a_journal()
    lessee = Lessee("prc_1", store, desk, SystemClock(), place)
    books = Books(journal, store, lessee)
    await books.begin(NOON)
    assert books.meters is lessee.meters
    assert isinstance(books.grants, Leases)
    assert books.leases is desk
    assert place.process_id == "prc_1"
    hold: Any = books.meters.take("req_1", Charge((("key", "key_1"), ("tenant", "t1")), 10, at=NOON))
    books.meters.settle(hold)
    journal.append(a_receipt())
    await books.close()
    assert len(await store.page_ledger("t1")) == 1
    assert place.process_id is None
    place.close()


async def test_a_correction_counts_where_the_limit_is_owned_and_else_comes_with_the_next_grant(tmp_path: Path) -> None:
    store: Any = MemoryStore(a_compiler())
    place, desk = take_place(tmp_path), MemoryLeaseDesk(lambda: NOON)
    owner = Books(a_journal(), store, None)
    lessee = Books(a_journal(), store, Lessee("prc_1", store, cast(Any, desk), SystemClock(), place))
    adjustment = a_receipt(kind="adjust", cost_nano_usd=70, day=int(NOON // 86_400))
    for books, counted in ((owner, 70), (lessee, 0)):
        books.correct(adjustment)
        assert books.meters.spent(("key", "key_1"), Window.TOTAL, NOON)[0] == counted
    place.close()


async def test_what_the_journal_has_comes_into_the_ledger_by_itself() -> None:
    store: Any = Told()
    journal = a_journal()
    books, told = Books(journal, store, None), list[str]()
    tasks = Tasks(lambda name, error: told.append(f"{name}: {error}"))
    books.start(tasks, Care(Durability.GROUPED), lambda what, error: told.append(f"{what}: {error}"))
    journal.append(a_receipt())
    await store.written.wait()
    await tasks.stop()
    assert told == []
