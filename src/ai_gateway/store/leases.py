"""Leases in PostgreSQL: slices of a limit that processes carve out, each grant in one transaction.

A pot's row in `lease_pots` is its lock, and grants take the locks of their pots in one order (`Pot.place`), so no two
wait for each other. What is charged stands in two tables. `leases` says what each process was granted, and only grants
raise it, under the lock. `spending_windows` says what each process has booked, row by row of the ledger, and the drain
of one process touches only that process's rows: so it waits for nobody, and no grant waits for it. As a statement reads
both of one instant, settled + granted - booked is the same before and after a batch arrives.

That a process is gone is not written anywhere: it is read from when it was last seen, and so is true at once for all.
"""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final, Protocol, cast, final

import msgspec
from sqlalchemy import TextClause, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ai_gateway.domain.leases import Grant, Lease, LeaseState, Pot, Pulse, Surrender, Verdict, Want
from ai_gateway.policy.leases import Numbers, decide
from ai_gateway.store import lease_statements as statements
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import AuditRow
from ai_gateway.store.sql import SqlStore
from ai_gateway.store.tables import NOBODY, TABLES, values_of


class CannotResolve(Exception):
    """Its process may still speak for it, or more was said to be spent than it has."""

    def __init__(self, lease: Lease | None) -> None:
        super().__init__("gone" if lease is None else lease.id)
        self.lease = lease


class Patience(msgspec.Struct, frozen=True):
    """Who was not seen for `lost_seconds` counts as gone; what was refused is wanted for `wanted_seconds`."""

    lost_seconds: float = 60.0
    wanted_seconds: float = 2.0


class LeaseBook(Protocol):
    """What people see and decide. Every call raises StoreUnavailable while the database is away."""

    async def page(
        self, tenant_id: str | None, *, state: LeaseState | None = None, after: str | None = None, limit: int = 100
    ) -> list[Lease]:
        """At most `limit` in the order of their ids, those behind `after`; of all tenants where none is named."""
        ...

    async def fetch(self, wanted: str) -> Lease | None: ...

    async def resolve(self, wanted: str, spent: int, audit: AuditRow) -> Lease:
        """Say what became of a lease in suspense: `spent` of it stays charged, the rest is free again, and `audit` is
        written with it. Raises CannotResolve, also where there is none any more."""
        ...

    async def release_lost(self, after_seconds: float) -> int:
        """Resolve as unspent what is in suspense and was not seen for so long; how many there were."""
        ...

    async def tidy(self, before: float) -> None:
        """Forget what nobody needs of processes that ended before this instant (Unix seconds)."""
        ...


@final
class NoLeases:
    """The LeaseBook where one process owns every limit whole."""

    async def page(
        self, tenant_id: str | None, *, state: LeaseState | None = None, after: str | None = None, limit: int = 100
    ) -> list[Lease]:
        return []

    async def fetch(self, wanted: str) -> Lease | None:
        return None

    async def resolve(self, wanted: str, spent: int, audit: AuditRow) -> Lease:
        raise CannotResolve(None)

    async def release_lost(self, after_seconds: float) -> int:
        return 0

    async def tidy(self, before: float) -> None:
        """Nothing to forget."""


NO_LEASES: Final = NoLeases()


def lease_id(process_id: str, pot: Pot) -> str:
    """The same whoever asks: one process has one lease of a pot."""
    name = "\0".join((process_id, *msgspec.structs.astuple(pot)))
    return f"lse_{sha256(name.encode()).hexdigest()[:26]}"


@final
class SqlLeaseDesk:
    """LeaseDesk of runtime/ports.py, and the LeaseBook."""

    def __init__(self, store: SqlStore, patience: Patience = Patience()) -> None:
        self._store = store
        self._patience = patience
        self._lost = {"lost": patience.lost_seconds}

    async def open(self, process_id: str, journal: str) -> Pulse:
        return await self._beat(process_id, {"process": process_id, "journal": journal}, statements.OPEN)

    async def beat(self, process_id: str) -> Pulse:
        return await self._beat(process_id, {"process": process_id}, statements.BEAT)

    async def grant(self, process_id: str, wants: Sequence[Want]) -> list[Grant]:
        """Locks are taken in the order of the pots, answers come in the order of the wants."""
        ordered = sorted(wants, key=lambda want: want.pot.place)
        pots = _columns([want.pot for want in ordered])
        with _told_as_unreachable():
            async with self._store.writing() as connection:
                await connection.execute(statements.LOCK, pots)
                lost = {"lost": self._patience.lost_seconds}
                charged = _numbers(
                    process_id, len(ordered), await connection.execute(statements.CHARGED, {**pots, **lost})
                )
                grants = [decide(want, numbers) for want, numbers in zip(ordered, charged, strict=True)]
                await _write(connection, process_id, grants, charged)
        found = {grant.pot: grant for grant in grants}
        return [found[want.pot] for want in wants]

    async def give_back(self, process_id: str, back: Sequence[Surrender]) -> None:
        pots = _columns([it.pot for it in back])
        keep = [it.keep for it in back]
        with _told_as_unreachable():
            async with self._store.writing() as connection:
                await connection.execute(statements.GIVE_BACK, {**pots, "process": process_id, "keep": keep})

    async def wanted(self, process_id: str) -> list[Pot]:
        asked = {"process": process_id, "seconds": self._patience.wanted_seconds}
        with _told_as_unreachable():
            async with self._store.reading() as connection:
                return [Pot(*row) for row in await connection.execute(statements.WANTED, asked)]

    async def close(self, process_id: str) -> None:
        with _told_as_unreachable():
            async with self._store.writing() as connection:
                await connection.execute(statements.RETURN, {"process": process_id})
                await connection.execute(statements.CLOSE, {"process": process_id})

    async def page(
        self, tenant_id: str | None, *, state: LeaseState | None = None, after: str | None = None, limit: int = 100
    ) -> list[Lease]:
        asked = {"tenant": tenant_id, "state": state, "after": after or "", "most": limit, **self._lost}
        async with self._store.reading() as connection:
            return [_lease_of(row) for row in await connection.execute(statements.PAGE, asked)]

    async def fetch(self, wanted: str) -> Lease | None:
        async with self._store.reading() as connection:
            found = (await connection.execute(statements.ONE, {"id": wanted, **self._lost})).one_or_none()
        return None if found is None else _lease_of(found)

    async def resolve(self, wanted: str, spent: int, audit: AuditRow) -> Lease:
        asked = {"id": wanted, **self._lost}
        async with self._store.writing() as connection:
            found = (await connection.execute(statements.ONE_TO_CHANGE, asked)).one_or_none()
            lease = None if found is None else _lease_of(found)
            if lease is None or lease.state is not LeaseState.SUSPENSE or spent > lease.charged:
                raise CannotResolve(lease)
            await connection.execute(statements.RESOLVE, {"id": wanted, "granted": lease.used + spent})
            await connection.execute(insert(TABLES[AuditRow]).values(values_of(audit)))
            return _lease_of((await connection.execute(statements.ONE, asked)).one())

    async def charges(self, pots: Sequence[Pot]) -> list[tuple[int, int]]:
        """What is settled and what is leased of each, whoever's. Raises ConnectionError."""
        with _told_as_unreachable():
            async with self._store.reading() as connection:
                rows = await connection.execute(statements.CHARGED, {**_columns(pots), **self._lost})
                return [(it.settled, it.others) for it in _numbers(NOBODY, len(pots), rows)]

    async def release_lost(self, after_seconds: float) -> int:
        seconds = max(after_seconds, self._patience.lost_seconds)
        async with self._store.writing() as connection:
            return (await connection.execute(statements.RELEASE_LOST, {"seconds": seconds})).rowcount

    async def tidy(self, before: float) -> None:
        async with self._store.writing() as connection:
            for statement in statements.TIDY:
                await connection.execute(statement, {"before": before})

    async def _beat(self, process_id: str, asked: dict[str, Any], statement: TextClause) -> Pulse:
        with _told_as_unreachable():
            async with self._store.writing() as connection:
                await connection.execute(statement, asked)
                pulse = (await connection.execute(statements.PULSE, {"lost": self._patience.lost_seconds})).one()
        return Pulse(at=pulse.at, live=pulse.live)


@contextmanager
def _told_as_unreachable() -> Generator[None]:
    """The line knows no store."""
    try:
        yield
    except StoreUnavailable as error:
        raise ConnectionError("the leases cannot be reached") from error


def _columns(pots: Sequence[Pot]) -> dict[str, Any]:
    return {name: [getattr(pot, name) for pot in pots] for name in Pot.__struct_fields__}


def _numbers(process_id: str, pots: int, rows: Iterable[Any]) -> list[Numbers]:
    """Rows of CHARGED, for so many pots: what one process has booked and what it was granted come apart."""
    used: list[dict[str, int]] = [{} for _ in range(pots)]
    granted: list[dict[str, tuple[int, bool]]] = [{} for _ in range(pots)]
    for row in rows:
        place, owner, booked, given, is_lost = cast(tuple[int, str, int, int, bool], row)
        if given or is_lost:
            granted[place - 1][owner] = (given, is_lost)
        else:
            booked_here = used[place - 1]
            booked_here[owner] = booked_here.get(owner, 0) + booked
    return [_numbers_of(process_id, spent, given) for spent, given in zip(used, granted, strict=True)]


def _numbers_of(process_id: str, used: dict[str, int], granted: dict[str, tuple[int, bool]]) -> Numbers:
    mine, _ = granted.pop(process_id, (0, False))
    charged = [(max(0, amount - used.get(owner, 0)), is_lost) for owner, (amount, is_lost) in granted.items()]
    return Numbers(
        settled=sum(used.values()),
        granted=mine,
        used=used.get(process_id, 0),
        others=sum(amount for amount, _ in charged),
        lost=sum(amount for amount, is_lost in charged if is_lost),
    )


async def _write(
    connection: AsyncConnection, process_id: str, grants: Sequence[Grant], before: Sequence[Numbers]
) -> None:
    raised = [grant for grant, numbers in zip(grants, before, strict=True) if grant.granted != numbers.granted]
    if raised:
        ids = [lease_id(process_id, grant.pot) for grant in raised]
        given = {"process": process_id, "granted": [grant.granted for grant in raised], "ids": ids}
        await connection.execute(statements.GRANT, {**_columns([grant.pot for grant in raised]), **given})
    refused = [grant.pot for grant in grants if grant.verdict is Verdict.CONTENDED]
    if refused:
        await connection.execute(statements.WANT, {**_columns(refused), "process": process_id})


def _lease_of(row: Any) -> Lease:
    return Lease(
        id=row.id,
        process_id=row.process_id,
        pot=Pot(row.tenant_id, row.scope, row.scope_id, row.window_id, row.unit),
        granted=row.granted,
        used=row.used,
        state=LeaseState(row.state),
        granted_at=row.granted_at,
        seen_at=row.seen_at,
        resolved_at=row.resolved_at,
    )
