"""The process's side of leases: how far it may go by its own decision on limits that it shares with others.

A cell's allowance is what this process was granted of its limit, so a hold stays one step in memory; only where that
does not suffice somebody waits, for one grant transaction, holding nothing meanwhile. All who wait at the same time
are served by one transaction, and on one cell in the order of their arrival.

So that hardly anybody waits, the last part of a slice is kept out of the allowance: the first hold that would touch it
finds it, and has a new slice fetched in the background. A stream that grows cannot wait at all: what it lacked is
fetched, and it asks again a few tokens later. A refusal is believed for a moment, since asking again at once
would be told the same: 402 is only ever said on the numbers of a grant.

503 is said where nobody answers, and only there. In a crowd each answer is for those in front; who stands behind them
waits on while answers come. And silence is only what this process could have heard: one that is too busy to keep its
own time does not blame the books for it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo
from typing import Final, final

from ai_gateway.domain.faults import GatewayFault
from ai_gateway.domain.leases import Pot, Surrender
from ai_gateway.domain.traffic import Charge
from ai_gateway.runtime.cells import Cell, Short, Shortage
from ai_gateway.runtime.clock import Clock
from ai_gateway.runtime.lease import Asker, Lease, pot_of
from ai_gateway.runtime.ports import LeaseDesk
from ai_gateway.runtime.waiting_room import Handle, Later

WAIT_SECONDS: Final = 0.25
"""For an answer of the books, whomever it is for."""
TICKS: Final = 10
"""In so many parts that wait is counted; a part that took twice its time is none."""
MOST_WANTS: Final = 500
"""In one transaction."""
AHEAD_SECONDS: Final = 60.0
"""So long before a window ends, those who are active in it get a slice of the next one."""
IDLE_SECONDS: Final = 300.0
"""Who has not been active for so long gives back what it has."""


def _unheard(_cell: Cell) -> None:
    """Where nobody listens."""


@final
class Leases:
    """Allowances and Grants of `runtime/cells.py`. `process_id` is that of this run on its journal; `live` says how
    many processes there are, `granted` hears of every cell whose allowance or numbers a grant has changed. `later`: the
    running loop's `call_later`, where there is nothing else."""

    def __init__(
        self,
        desk: LeaseDesk,
        clock: Clock,
        process_id: str,
        wait_seconds: float = WAIT_SECONDS,
        later: Later | None = None,
    ) -> None:
        self._desk = desk
        self._later = later or _later_on_this_loop
        self._clock = clock
        self._wait_seconds = wait_seconds
        self.process_id = process_id
        self.live = 1
        self.granted: Callable[[Cell], None] = _unheard
        self._leases: dict[Pot, Lease] = {}
        self._asking: dict[Lease, None] = {}
        self._asked = asyncio.Event()
        self._turn = asyncio.Lock()
        self._heard = 0
        self._silent = 0
        self._silent_before = 0
        self._awaited: dict[Lease, None] = {}
        self._timer: Handle | None = None
        self._ticked = 0.0

    def opened(self, cell: Cell) -> None:
        """New or with another limit: whatever was refused may be granted now."""
        lease = cell.lease
        if isinstance(lease, Lease):
            lease.forgive()

    def shortage(self, cell: Cell, amount: int) -> Short | None:
        lease = cell.lease
        if not isinstance(lease, Lease):
            return Short.NEEDS_GRANT
        if cell.allowance < lease.granted:
            cell.allowance = lease.granted
            self._enqueue(lease)
            if cell.spent + cell.held + amount <= cell.allowance:
                return None
        refusal = lease.refusal(amount, self._clock.now())
        if refusal is None:
            lease.lacks(amount)
            self._enqueue(lease)
        return refusal or Short.NEEDS_GRANT

    async def ask(self, shortages: Sequence[Shortage], charge: Charge, until: float = 0) -> None:
        """Until it is worth trying again: one transaction for all that is lacking. Behind others it is waited on
        `until` (monotonic) as long as there are answers at all. Raises GatewayFault where nobody answers."""
        heard = self._heard
        askers = [self._line_up(shortage, charge) for shortage in shortages]
        seconds = max(until - self._clock.now(), self._wait_seconds)
        timer = self._later(seconds, lambda: _end(askers, None if self._heard != heard else _silence()))
        try:
            problems = [await asker.answered for asker in askers]
        finally:
            timer.cancel()
            for asker in askers:
                asker.answered.cancel()
        for problem in problems:
            if problem is not None:
                raise _away(str(problem))

    async def wait(self) -> None:
        """Until somebody asks."""
        await self._asked.wait()

    async def fetch(self) -> None:
        """One transaction for those who ask now. Raises ConnectionError, which those who wait are told too."""
        leases = [lease for lease, _ in zip(self._asking, range(MOST_WANTS), strict=False)]
        for lease in leases:
            del self._asking[lease]
        if not self._asking:
            self._asked.clear()
        if not leases:
            return
        try:
            async with self._turn:
                wants = [lease.want() for lease in leases]
                grants = await self._desk.grant(self.process_id, wants)
                self._heard += 1
                self._silent_before = self._silent
                now = self._clock.now()
                for lease, want, grant in zip(leases, wants, grants, strict=True):
                    lease.take(grant, want.asked, now)
        except ConnectionError as error:
            for lease in leases:
                lease.disappoint(error)
            raise
        for lease in leases:
            if lease.has_askers:
                self._enqueue(lease)
            self.granted(lease.cell)

    async def answer_the_wanted(self) -> None:
        """Give back what lies idle here and others were refused. Raises ConnectionError."""
        wanted = await self._desk.wanted(self.process_id)
        await self._give_back([lease for pot in wanted if (lease := self._leases.get(pot)) is not None])

    def ask_again(self, cells: Iterable[Cell]) -> None:
        """For those who wait at cells where others hold what is left."""
        for cell in cells:
            if isinstance(cell.lease, Lease):
                self._enqueue(cell.lease)

    async def beat(self) -> float:
        """Say that this process lives; the database's time. Raises ConnectionError."""
        pulse = await self._desk.beat(self.process_id)
        self.live = pulse.live
        return pulse.at

    async def turn(self, at: float, open_next: Callable[[Cell], Cell]) -> None:
        """What the calendar asks for at the instant `at` (Unix seconds). Who is active in a window that is about to
        end gets a slice of the next, whose cell is `open_next`'s; a window that is over is given back once nothing is
        held in it any more, and so is what nobody has touched for long. Raises ConnectionError."""
        over: list[Lease] = []
        idle: list[Lease] = []
        for lease in list(self._leases.values()):
            lease.look(at)
            if lease.ends_at is not None and at >= lease.ends_at:
                if not lease.cell.held:
                    over.append(lease)
            elif at - lease.used_at >= IDLE_SECONDS:
                idle.append(lease)
            elif lease.ends_at is not None and at >= lease.ends_at - AHEAD_SECONDS and not lease.has_successor:
                lease.has_successor = True
                cell = open_next(lease.cell)
                if cell.lease is None:
                    self._enqueue(self._adopt(cell, lease.pot.tenant_id, lease.zone))
        await self._give_back(over + idle)
        for lease in over:
            self._leases.pop(lease.pot, None)

    async def close(self) -> None:
        """The last thing: everything is in the ledger. Raises ConnectionError."""
        async with self._turn:
            await self._desk.close(self.process_id)

    async def _give_back(self, leases: Sequence[Lease]) -> None:
        """Memory first: what may be granted to somebody else a moment later is not here any more."""
        async with self._turn:
            back = [Surrender(lease.pot, lease.surrender()) for lease in leases if lease.idle > 0]
            if back:
                await self._desk.give_back(self.process_id, back)

    def _line_up(self, shortage: Shortage, charge: Charge) -> Asker:
        cell = shortage.cell
        lease = cell.lease if isinstance(cell.lease, Lease) else self._adopt(cell, charge.legs[-1][1], charge.zone)
        asker = Asker(shortage.amount, asyncio.get_running_loop().create_future(), self._silent)
        lease.askers.append(asker)
        self._awaited[lease] = None
        self._enqueue(lease)
        if self._timer is None:
            self._tick_later()
        return asker

    def _tick_later(self) -> None:
        self._ticked = self._clock.now()
        self._timer = self._later(self._wait_seconds / TICKS, self._tick)

    def _tick(self) -> None:
        """Nobody who waits has a timer for the silence of the books: it is the same for all."""
        self._timer = None
        if self._clock.now() - self._ticked <= 2 * self._wait_seconds / TICKS:
            self._silent += 1
        since = self._silent - TICKS
        if self._silent_before <= since:
            for lease in self._awaited:
                lease.disappoint(_silence(), since)
        self._awaited = {lease: None for lease in self._awaited if lease.has_askers}
        if self._awaited:
            self._tick_later()

    def _enqueue(self, lease: Lease) -> None:
        self._asking[lease] = None
        self._asked.set()

    def _adopt(self, cell: Cell, tenant_id: str, zone: tzinfo) -> Lease:
        lease = Lease(cell, pot_of(cell, tenant_id), zone)
        cell.lease = self._leases[lease.pot] = lease
        return lease


def _later_on_this_loop(seconds: float, callback: Callable[[], None]) -> Handle:
    return asyncio.get_running_loop().call_later(seconds, callback)


def _end(askers: Iterable[Asker], problem: ConnectionError | None) -> None:
    for asker in askers:
        if not asker.answered.done():
            asker.answered.set_result(problem)


def _silence() -> ConnectionError:
    return ConnectionError("no grant in time")


def _away(why: str) -> GatewayFault:
    return GatewayFault(
        "The gateway cannot reach the books of a budget at the moment, so it accepts no new requests on it.",
        code="budget_unavailable",
        retry_after_seconds=1,
        detail=why,
    )
