"""A process that shares its limits: one run on one journal, with leases in the name of that run.

A run begins by ending the one before it on the same journal: what that left goes to the ledger in its own name, its
leases go back, and only then does the journal get the new name. So a row is never paid by a lease that another run was
given, whenever and by whomever it is written.
"""

from collections.abc import Callable
from functools import partial
from socket import gethostname
from typing import final

from ai_gateway.jobs.leases import keep_beating, keep_fetching, keep_sharing, keep_tidy
from ai_gateway.jobs.orphans import close_run, keep_adopting
from ai_gateway.runtime.clock import SystemClock
from ai_gateway.runtime.journal import Journal
from ai_gateway.runtime.journal_places import JournalPlace
from ai_gateway.runtime.leases import Leases
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.tasks import Tasks
from ai_gateway.store.leases import SqlLeaseDesk
from ai_gateway.store.sql import SqlStore


@final
class Lessee:
    def __init__(
        self, process_id: str, store: SqlStore, desk: SqlLeaseDesk, clock: SystemClock, place: JournalPlace
    ) -> None:
        self.process_id = process_id
        self.desk = desk
        self.leases = Leases(desk, clock, process_id)
        self.meters = Meters(self.leases)
        self.leases.granted = self.meters.granted
        self._store = store
        self._clock = clock
        self._place = place

    async def begin(self, journal: Journal) -> None:
        """Before the first request. Raises StoreUnavailable, ConnectionError."""
        await close_run(journal, self._place, self._store, self.desk)
        self._place.belong_to(self.process_id)
        await self.desk.open(self.process_id, f"{gethostname()}:{self._place.path.absolute()}")

    def start(self, tasks: Tasks, release_seconds: float | None, report: Callable[[Exception], None]) -> None:
        """The loops."""
        leases, meters, clock = self.leases, self.meters, self._clock
        tasks.keep("fetch leases", partial(keep_fetching, leases, report))
        tasks.keep("share leases", partial(keep_sharing, leases, meters, report))
        tasks.keep("beat", partial(keep_beating, leases, meters, clock, report))
        tasks.keep("tidy leases", partial(keep_tidy, self.desk, clock, release_seconds, report))
        folder = self._place.path.parent
        tasks.keep("adopt journals", partial(keep_adopting, folder, self._store, self.desk, report))

    async def end(self) -> None:
        """Everything is in the ledger. Raises ConnectionError."""
        await self.leases.close()
        self._place.empty()
