"""What a process knows of money, and how that comes into the ledger: whole where it owns every limit, as a lessee where
it shares them. Everybody else is handed the same few things in both cases."""

from collections.abc import Callable
from typing import Final, final

import msgspec

from ai_gateway.domain.traffic import Receipt
from ai_gateway.jobs.lessee import Lessee
from ai_gateway.jobs.settle import keep_settling, restore_meters, settle_all
from ai_gateway.jobs.shared_standings import SharedStandings
from ai_gateway.jobs.tend import GROUP_SECONDS, keep_tending
from ai_gateway.runtime.cells import Grants, NoGrants
from ai_gateway.runtime.corrections import spend_correction
from ai_gateway.runtime.journal import Durability, Journal
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.standings import OwnStandings, Standings
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.store.leases import NO_LEASES, LeaseBook
from ai_gateway.store.sql import SqlStore

AT_ONCE: Final = 0.0


class Care(msgspec.Struct, frozen=True):
    """How careful it is: when the journal must be safe, and after how many seconds leases of the lost are released
    (None: never)."""

    durability: Durability
    release_seconds: float | None = None


@final
class Books:
    """`process_id` is in whose name rows are added to totals; nobody's where one process owns everything."""

    def __init__(self, journal: Journal, store: SqlStore, lessee: Lessee | None) -> None:
        self._journal = journal
        self._store = store
        self._lessee = lessee
        self.process_id = "" if lessee is None else lessee.process_id
        self.meters = Meters() if lessee is None else lessee.meters
        self.grants: Grants = NoGrants() if lessee is None else lessee.leases
        self.standings: Standings = (
            OwnStandings(self.meters) if lessee is None else SharedStandings(self.meters, lessee.desk)
        )
        self.leases: LeaseBook = NO_LEASES if lessee is None else lessee.desk

    async def begin(self, at: float) -> None:
        """What an earlier run left is settled, at the instant `at` (Unix seconds). Raises StoreUnavailable,
        ConnectionError."""
        if self._lessee is None:
            await restore_meters(self.meters, self._journal, self._store, at)
        else:
            await self._lessee.begin(self._journal)

    def start(self, tasks: Tasks, care: Care, report: Callable[[str, Exception], None]) -> None:
        """What the journal has goes to the disk and into the ledger, from now on."""
        journal, store, process_id = self._journal, self._store, self.process_id
        group_seconds = AT_ONCE if care.durability is Durability.ALWAYS else GROUP_SECONDS

        def telling(what: str) -> Callable[[Exception], None]:
            return lambda error: report(what, error)

        tasks.keep("settle", lambda: keep_settling(journal, store, telling("ledger"), process_id=process_id))
        tasks.keep("tend journal", lambda: keep_tending(journal, telling("journal"), group_seconds))
        if self._lessee is not None:
            self._lessee.start(tasks, care.release_seconds, telling("leases"))

    def processes(self) -> int:
        """How many live that share what is limited, this one included."""
        return 1 if self._lessee is None else max(1, self._lessee.leases.live)

    def correct(self, adjustment: Receipt) -> None:
        """A row that nobody leased anything for is in the ledger. A lessee's meters count what it spends itself; what
        else is booked is in the numbers of its next grant, and so that every process asks for one before it holds
        anything, the row has recalled what they had (`store/recalls.py`)."""
        if self._lessee is None:
            spend_correction(self.meters, adjustment)

    async def close(self) -> None:
        """The last thing that a run does: all that it knows is in the ledger, and what it leased is given back. Raises
        StoreUnavailable, ConnectionError."""
        await settle_all(self._journal, self._store, self.process_id)
        if self._lessee is not None:
            await self._lessee.end()
