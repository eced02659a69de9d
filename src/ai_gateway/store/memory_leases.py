"""The lease desk's twin in memory: the same books in dictionaries, for tests and for trying things out. It passes the
contract suite of the SQL one, and `book` stands for the transaction that writes rows of the ledger."""

from collections.abc import Callable, Sequence
from typing import final

import msgspec

from ai_gateway.domain.leases import Grant, Lease, LeaseState, Pot, Pulse, Surrender, Verdict, Want
from ai_gateway.policy.leases import Numbers, decide
from ai_gateway.store.leases import CannotResolve, Patience, lease_id
from ai_gateway.store.rows import AuditRow
from ai_gateway.store.tables import NOBODY

_replace = msgspec.structs.replace


@final
class MemoryLeaseDesk:
    """`now` gives Unix seconds. Granted and spent stand beside the process and the pot."""

    def __init__(self, now: Callable[[], float], patience: Patience = Patience()) -> None:
        self._now = now
        self._patience = patience
        self._leases: dict[tuple[str, Pot], Lease] = {}
        self._spent: dict[tuple[str, Pot], int] = {}
        self._seen: dict[str, float] = {}
        self.audits: list[AuditRow] = []
        self._wants: dict[tuple[str, Pot], float] = {}

    async def open(self, process_id: str, journal: str) -> Pulse:
        return await self.beat(process_id)

    async def beat(self, process_id: str) -> Pulse:
        self._seen[process_id] = self._now()
        return Pulse(self._now(), sum(1 for it in self._seen if self._lives(it)))

    async def grant(self, process_id: str, wants: Sequence[Want]) -> list[Grant]:
        return [self._grant(process_id, want) for want in wants]

    async def give_back(self, process_id: str, back: Sequence[Surrender]) -> None:
        for it in back:
            lease = self._leases.get((process_id, it.pot))
            if lease is not None and lease.state is LeaseState.LIVE:
                used = self._spent.get((process_id, it.pot), 0)
                self._leases[process_id, it.pot] = _replace(lease, granted=max(used, min(lease.granted, it.keep)))

    async def wanted(self, process_id: str) -> list[Pot]:
        fresh = self._now() - self._patience.wanted_seconds
        return list({pot: None for (wanter, pot), at in self._wants.items() if wanter != process_id and at >= fresh})

    async def close(self, process_id: str) -> None:
        for (owner, pot), lease in list(self._leases.items()):
            if owner == process_id:
                used = self._spent.get((owner, pot), 0)
                self._leases[owner, pot] = _replace(lease, granted=used, state=LeaseState.RETURNED)
        self._seen.pop(process_id, None)

    async def page(
        self, tenant_id: str | None, *, state: LeaseState | None = None, after: str | None = None, limit: int = 100
    ) -> list[Lease]:
        found = sorted(map(self._shown, self._leases.values()), key=lambda it: it.id)
        mine = [it for it in found if tenant_id in (None, it.pot.tenant_id) and state in (None, it.state)]
        return [it for it in mine if it.id > (after or "")][:limit]

    async def fetch(self, wanted: str) -> Lease | None:
        return next((self._shown(it) for it in self._leases.values() if it.id == wanted), None)

    async def resolve(self, wanted: str, spent: int, audit: AuditRow) -> Lease:
        lease = await self.fetch(wanted)
        if lease is None or lease.state is not LeaseState.SUSPENSE or spent > lease.charged:
            raise CannotResolve(lease)
        self.audits.append(audit)
        return self._resolve(lease, spent)

    async def charges(self, pots: Sequence[Pot]) -> list[tuple[int, int]]:
        """Whoever's, as SQL finds them: without the tenant."""
        known = {pot for _, pot in (*self._leases, *self._spent)}
        same = [[it for it in known if it.place == pot.place] for pot in pots]
        return [(sum(map(self.settled, found)), sum(map(self.leased, found))) for found in same]

    async def release_lost(self, after_seconds: float) -> int:
        latest = self._now() - after_seconds
        shown = [self._shown(it) for it in self._leases.values()]
        lost = [it for it in shown if it.state is LeaseState.SUSPENSE and it.seen_at < latest]
        for lease in lost:
            self._resolve(lease, 0)
        return len(lost)

    async def tidy(self, before: float) -> None:
        """Memory forgets by itself."""

    def know(self, lease: Lease) -> None:
        """One that was there before."""
        self._leases[lease.process_id, lease.pot] = lease

    def book(self, process_id: str, moves: Sequence[tuple[Pot, int]]) -> None:
        """Rows of this process are in the ledger now."""
        for pot, amount in moves:
            self._spent[process_id, pot] = self._spent.get((process_id, pot), 0) + amount

    def correct(self, moves: Sequence[tuple[Pot, int]]) -> None:
        """Rows that correct others are in the ledger now (`store/recalls.py`)."""
        self.book(NOBODY, moves)
        for pot, _ in moves:
            self._wants[NOBODY, pot] = self._now()

    def settled(self, pot: Pot) -> int:
        return sum(spent for (_, of), spent in self._spent.items() if of == pot)

    def leased(self, pot: Pot) -> int:
        return sum(self._shown(it).charged for (_, of), it in self._leases.items() if of == pot)

    def _resolve(self, lease: Lease, spent: int) -> Lease:
        granted = lease.used + spent
        place = (lease.process_id, lease.pot)
        self._leases[place] = _replace(lease, granted=granted, state=LeaseState.RESOLVED, resolved_at=self._now())
        return self._shown(self._leases[place])

    def _grant(self, process_id: str, want: Want) -> Grant:
        pot, place = want.pot, (process_id, want.pot)
        mine = self._leases.get(place) or Lease(
            lease_id(process_id, pot), process_id, pot, 0, 0, LeaseState.LIVE, self._now(), 0.0
        )
        others = [self._shown(it) for (owner, of), it in self._leases.items() if of == pot and owner != process_id]
        numbers = Numbers(
            settled=self.settled(pot),
            granted=mine.granted,
            used=self._spent.get(place, 0),
            others=sum(it.charged for it in others),
            lost=sum(it.charged for it in others if it.state is not LeaseState.LIVE),
        )
        grant = decide(want, numbers)
        self._leases[place] = _replace(mine, granted=grant.granted)
        if grant.verdict is Verdict.CONTENDED:
            self._wants[place] = self._now()
        return grant

    def _lives(self, process_id: str) -> bool:
        return self._seen.get(process_id, 0.0) >= self._now() - self._patience.lost_seconds

    def _shown(self, lease: Lease) -> Lease:
        lost = lease.state is LeaseState.LIVE and not self._lives(lease.process_id)
        return _replace(
            lease,
            used=self._spent.get((lease.process_id, lease.pot), 0),
            seen_at=self._seen.get(lease.process_id, 0.0),
            state=LeaseState.SUSPENSE if lost else lease.state,
        )
