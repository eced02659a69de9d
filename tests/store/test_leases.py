"""The contract of the lease desk, on its twin in memory and on PostgreSQL. SQLite has no leases: there one process owns
every limit whole."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from sqlalchemy import text

from ai_gateway.domain.leases import Lease, LeaseState, Pot, Surrender, Verdict, Want
from ai_gateway.store.leases import CannotResolve, Patience, SqlLeaseDesk, lease_id
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from ai_gateway.store.session import database_url, open_engine
from ai_gateway.store.sql import SqlStore
from store.conftest import open_empty
from store.rows_for_tests import a_compiler, a_ledger_row, an_audit_row
from support.clock import NOON

DAY = int(NOON // 86_400)
KEY = Pot("t1", "key", "key_1", "T:total", "usd")
TENANT = Pot("t1", "tenant", "t1", "T:total", "usd")
LIMIT = 1_000


class Books(Protocol):
    """A desk, and what happens beside it."""

    desk: Any

    async def book(self, process_id: str, cost: int) -> None:
        """A row of key_1 of t1 comes into the ledger."""
        ...

    async def correct(self, cost: int) -> None:
        """A row that corrects one of key_1 of t1 comes into the ledger."""
        ...

    def time_passes(self) -> None:
        """Until nobody who was seen before counts as alive, and nothing is wanted any more."""
        ...


class MemoryBooks:
    def __init__(self) -> None:
        self.now = NOON
        self.desk = MemoryLeaseDesk(lambda: self.now)

    async def book(self, process_id: str, cost: int) -> None:
        self.desk.book(process_id, [(KEY, cost), (TENANT, cost)])

    async def correct(self, cost: int) -> None:
        self.desk.correct([(KEY, cost), (TENANT, cost)])

    def time_passes(self) -> None:
        self.now += Patience().lost_seconds + 1


class SqlBooks:
    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._rows = 0
        self.desk = SqlLeaseDesk(store)

    async def book(self, process_id: str, cost: int) -> None:
        await self._append(process_id, cost)

    async def correct(self, cost: int) -> None:
        await self._append("", cost, kind="adjust")

    async def _append(self, process_id: str, cost: int, **more: str) -> None:
        self._rows += 1
        own = {"request_id": f"r{self._rows}", "tenant_id": "t1", "key_id": "key_1"}
        row = a_ledger_row(f"r{self._rows}_1", **own, cost_nano_usd=cost, day=DAY, **more)
        assert await self._store.append_ledger([row], process_id) == 1
        assert await self._store.append_ledger([row], process_id) == 0, "a row that was there moves nothing"

    def time_passes(self) -> None:
        self.desk = SqlLeaseDesk(self._store, Patience(lost_seconds=-1.0, wanted_seconds=-1.0))


@pytest.fixture(params=["memory", "postgresql"])
def home(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "memory" else request.getfixturevalue("migrated_url")


@pytest.fixture
async def books(home: str | None) -> AsyncIterator[Books]:
    if home is None:
        yield MemoryBooks()
        return
    store = SqlStore(await open_empty(home), a_compiler(), lambda: NOON)
    yield SqlBooks(store)
    await store.close()


@pytest.fixture
async def desk(books: Books) -> Any:
    """With two processes that live."""
    await books.desk.open("prc_1", "here")
    await books.desk.open("prc_2", "there")
    return books.desk


def a_want(
    pot: Pot = KEY, *, limit: int = LIMIT, spent: int = 0, held: int = 0, asked: int = 0, least: int = 0
) -> Want:
    return Want(pot, limit, spent=spent, held=held, asked=asked, least=least)


async def lease_of(desk: Any, process_id: str, pot: Pot = KEY) -> Lease:
    [lease] = [it for it in await desk.page(None) if it.process_id == process_id and it.pot == pot]
    return lease


async def test_a_first_slice_is_a_tenth_and_a_hold_that_needs_more_gets_it(desk: Any) -> None:
    [ahead] = await desk.grant("prc_1", [a_want()])
    assert (ahead.granted, ahead.verdict, ahead.settled, ahead.leased) == (100, Verdict.ENOUGH, 0, 100)
    [grant] = await desk.grant("prc_2", [a_want(asked=300)])
    assert (grant.granted, grant.verdict, grant.leased) == (300, Verdict.ENOUGH, 400)
    lease = await lease_of(desk, "prc_2")
    assert (lease.id, lease.granted, lease.used, lease.state) == (lease_id("prc_2", KEY), 300, 0, LeaseState.LIVE)
    assert lease.seen_at > 0
    assert lease.granted_at > 0


async def test_answers_come_in_the_order_of_the_wants(desk: Any) -> None:
    grants = await desk.grant("prc_1", [a_want(TENANT, limit=500), a_want(KEY)])
    assert [(it.pot, it.granted) for it in grants] == [(TENANT, 50), (KEY, 100)]


async def test_a_row_moves_its_cost_from_the_lease_to_the_settled(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=300)])
    await books.book("prc_1", 120)
    await books.book("", 50)
    lease = await lease_of(desk, "prc_1")
    assert (lease.granted, lease.used, lease.charged) == (300, 120, 180)
    [grant] = await desk.grant("prc_2", [a_want(asked=1)])
    assert (grant.settled, grant.used, grant.leased - grant.granted) == (170, 0, 180)
    assert grant.granted == (LIMIT - 170 - 180) // 10


async def test_what_is_spent_beyond_a_lease_is_settled_and_leaves_no_debt(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=100)])
    await books.book("prc_1", 130)
    assert (await lease_of(desk, "prc_1")).charged == 0
    [grant] = await desk.grant("prc_1", [a_want(spent=130, asked=20)])
    assert grant.verdict is Verdict.ENOUGH
    assert grant.granted >= 130 + 20


async def test_the_last_of_it_is_contended_while_others_have_it_and_exhausted_once_they_spent_it(
    books: Books, desk: Any
) -> None:
    await desk.grant("prc_1", [a_want(asked=950)])
    [refused] = await desk.grant("prc_2", [a_want(asked=60)])
    assert (refused.granted, refused.verdict) == (0, Verdict.CONTENDED)
    await books.book("prc_1", 950)
    [refused] = await desk.grant("prc_2", [a_want(asked=60)])
    assert (refused.verdict, refused.settled) == (Verdict.EXHAUSTED, 950)
    [granted] = await desk.grant("prc_2", [a_want(asked=50)])
    assert (granted.granted, granted.verdict) == (50, Verdict.ENOUGH)


async def test_what_was_refused_is_wanted_by_others_for_a_moment(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=950)])
    await desk.grant("prc_2", [a_want(asked=60), a_want(TENANT, asked=10)])
    assert await desk.wanted("prc_1") == [KEY]
    assert await desk.wanted("prc_2") == []
    books.time_passes()
    assert await books.desk.wanted("prc_1") == []


async def test_what_is_exhausted_is_not_wanted(books: Books, desk: Any) -> None:
    await books.book("prc_1", 990)
    await desk.grant("prc_2", [a_want(asked=60)])
    assert await desk.wanted("prc_1") == []


async def test_a_correction_calls_in_what_was_granted_before_it(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(), a_want(TENANT)])
    await desk.grant("prc_2", [a_want()])
    await books.correct(700)
    for process in ("prc_1", "prc_2"):
        assert {pot.place for pot in await desk.wanted(process)} == {KEY.place, TENANT.place}
        await desk.give_back(process, [Surrender(KEY, 0)])
    [grant] = await desk.grant("prc_2", [a_want(asked=301)])
    assert (grant.verdict, grant.settled) == (Verdict.EXHAUSTED, 700)
    await books.correct(-600)
    [grant] = await desk.grant("prc_2", [a_want(asked=301)])
    assert (grant.verdict, grant.settled) == (Verdict.ENOUGH, 100)


async def test_what_is_given_back_is_free_for_others(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=950)])
    await books.book("prc_1", 100)
    await desk.give_back("prc_1", [Surrender(KEY, 300)])
    assert (await lease_of(desk, "prc_1")).granted == 300
    [grant] = await desk.grant("prc_2", [a_want(asked=700)])
    assert (grant.granted, grant.verdict) == (700, Verdict.ENOUGH)


@pytest.mark.parametrize(("keep", "granted"), [(50, 100), (2_000, 950)])
async def test_nobody_keeps_less_than_it_booked_or_more_than_it_had(
    books: Books, desk: Any, keep: int, granted: int
) -> None:
    await desk.grant("prc_1", [a_want(asked=950)])
    await books.book("prc_1", 100)
    await desk.give_back("prc_1", [Surrender(KEY, keep)])
    assert (await lease_of(desk, "prc_1")).granted == granted


async def test_who_makes_do_with_less_gets_what_is_left(desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=950)])
    [grant] = await desk.grant("prc_2", [a_want(asked=60, least=1)])
    assert (grant.granted, grant.verdict) == (50, Verdict.CONTENDED)


async def test_a_process_that_ends_charges_nothing_any_more(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=600)])
    await books.book("prc_1", 100)
    await desk.close("prc_1")
    lease = await lease_of(desk, "prc_1")
    assert (lease.state, lease.charged) == (LeaseState.RETURNED, 0)
    [grant] = await desk.grant("prc_2", [a_want(asked=900)])
    assert grant.verdict is Verdict.ENOUGH
    assert (await desk.beat("prc_2")).live == 1


async def test_who_is_not_seen_any_more_leaves_its_lease_in_suspense_charged(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=600)])
    await books.book("prc_1", 100)
    books.time_passes()
    lease = await lease_of(books.desk, "prc_1")
    assert (lease.state, lease.charged) == (LeaseState.SUSPENSE, 500)
    [refused] = await books.desk.grant("prc_2", [a_want(asked=500)])
    assert refused.verdict is Verdict.EXHAUSTED, "nobody can give back what a lost process has"


@pytest.mark.parametrize(("spent", "left"), [(0, 900), (200, 700), (500, 400)])
async def test_a_lease_in_suspense_is_resolved_as_somebody_says(books: Books, desk: Any, spent: int, left: int) -> None:
    await desk.grant("prc_1", [a_want(asked=600)])
    await books.book("prc_1", 100)
    books.time_passes()
    resolved = await books.desk.resolve(lease_id("prc_1", KEY), spent, an_audit_row())
    assert (resolved.state, resolved.charged) == (LeaseState.RESOLVED, spent)
    assert resolved.resolved_at is not None
    [grant] = await books.desk.grant("prc_2", [a_want(asked=left)])
    assert grant.verdict is Verdict.ENOUGH
    [refused] = await books.desk.grant("prc_2", [a_want(spent=left, asked=1)])
    assert refused.verdict is Verdict.EXHAUSTED


async def test_only_what_is_in_suspense_is_resolved_and_only_as_far_as_it_goes(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=600)])
    assert await desk.fetch("lse_nobody") is None
    with pytest.raises(CannotResolve):
        await desk.resolve("lse_nobody", 0, an_audit_row())
    with pytest.raises(CannotResolve) as refused:
        await desk.resolve(lease_id("prc_1", KEY), 0, an_audit_row())
    assert refused.value.lease.state is LeaseState.LIVE
    books.time_passes()
    with pytest.raises(CannotResolve) as refused:
        await books.desk.resolve(lease_id("prc_1", KEY), 601, an_audit_row())
    assert refused.value.lease.charged == 600
    await books.desk.resolve(lease_id("prc_1", KEY), 600, an_audit_row())
    with pytest.raises(CannotResolve):
        await books.desk.resolve(lease_id("prc_1", KEY), 0, an_audit_row())


async def test_a_journal_that_turns_up_again_has_the_last_word(books: Books, desk: Any) -> None:
    """Resolved as 200, and then it was 150: its rows eat up what was charged, and the rest is given back."""
    await desk.grant("prc_1", [a_want(asked=600)])
    books.time_passes()
    await books.desk.resolve(lease_id("prc_1", KEY), 200, an_audit_row())
    await books.book("prc_1", 150)
    assert (await lease_of(books.desk, "prc_1")).charged == 50
    await books.desk.close("prc_1")
    [grant] = await books.desk.grant("prc_2", [a_want(asked=850)])
    assert (grant.verdict, grant.settled) == (Verdict.ENOUGH, 150)


async def test_what_is_lost_for_long_can_be_released_by_a_rule(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=600)])
    assert await desk.release_lost(0.0) == 0
    books.time_passes()
    assert await books.desk.release_lost(3_600.0) == 0
    assert await books.desk.release_lost(-1.0) == 1
    assert (await lease_of(books.desk, "prc_1")).state is LeaseState.RESOLVED


async def test_what_is_settled_and_leased_can_be_read_whoever_has_it(books: Books, desk: Any) -> None:
    await desk.grant("prc_1", [a_want(asked=300), a_want(TENANT, asked=200)])
    await desk.grant("prc_2", [a_want(asked=100)])
    await books.book("prc_1", 50)
    await books.book("", 7)
    nobodys = [Pot("", it.scope, it.scope_id, it.window_id, it.unit) for it in (TENANT, KEY)]
    assert await desk.charges(nobodys) == [(57, 150), (57, 350)]
    assert await desk.charges([Pot("", "key", "key_9", "T:total", "usd")]) == [(0, 0)]


async def test_pages_are_of_one_tenant_or_of_all(desk: Any) -> None:
    other = Pot("t2", "key", "key_2", "T:total", "usd")
    await desk.grant("prc_1", [a_want(KEY), a_want(TENANT), a_want(other)])
    everything = await desk.page(None)
    assert [it.id for it in everything] == sorted(it.id for it in everything)
    assert {it.pot for it in everything} == {KEY, TENANT, other}
    assert [it.pot for it in await desk.page("t2")] == [other]
    assert await desk.page("t2", state=LeaseState.LIVE) == await desk.page("t2")
    assert await desk.page("t2", state=LeaseState.SUSPENSE) == []
    assert await desk.fetch(everything[0].id) == everything[0]
    first = await desk.page(None, limit=1)
    assert [*first, *await desk.page(None, after=first[0].id)] == everything


async def test_many_at_once_never_pass_the_limit_and_never_wait_for_each_other_without_end(
    books: Books, desk: Any
) -> None:
    """Eight processes, each asking for both pots in another order."""

    async def spend(name: str) -> int:
        await desk.open(name, "here")
        granted = 0
        for number in range(10):
            wants = [a_want(TENANT, held=granted, asked=20), a_want(KEY, held=granted, asked=20)]
            grants = await desk.grant(name, wants if number % 2 else wants[::-1])
            if all(it.verdict is Verdict.ENOUGH for it in grants):
                granted += 20
            assert all(it.settled + it.leased <= LIMIT for it in grants)
        await desk.give_back(name, [Surrender(KEY, granted), Surrender(TENANT, granted)])
        return granted

    granted = await asyncio.wait_for(asyncio.gather(*(spend(f"prc_{number}") for number in range(10, 18))), 30)
    charged = [sum(it.charged for it in await desk.page(None) if it.pot == pot) for pot in (KEY, TENANT)]
    assert charged == [sum(granted)] * 2
    rest = LIMIT - sum(granted)
    grants = await desk.grant("prc_1", [a_want(KEY, asked=rest or 1), a_want(TENANT, asked=rest or 1)])
    assert all(it.verdict is (Verdict.ENOUGH if rest else Verdict.CONTENDED) for it in grants)


async def test_what_ended_processes_have_booked_is_kept_in_one_sum(migrated_url: str) -> None:
    store = SqlStore(await open_empty(migrated_url), a_compiler(), lambda: NOON)
    books, desk = SqlBooks(store), SqlLeaseDesk(store)
    for name in ("prc_1", "prc_2", "prc_3"):
        await desk.open(name, "here")
        await desk.grant(name, [a_want(asked=100)])
        await books.book(name, 70)
    for name in ("prc_1", "prc_2"):
        await desk.close(name)
    await desk.tidy(1e12)
    assert [it.process_id for it in await desk.page(None)] == ["prc_3"]
    async with store.reading() as connection:
        query = "SELECT process_id, cost_nano_usd FROM spending_windows WHERE scope = 'key' AND window_id = 'T:total'"
        assert sorted(map(tuple, await connection.execute(text(query)))) == [("", 140), ("prc_3", 70)]
    [grant] = await desk.grant("prc_3", [a_want(spent=70, asked=1)])
    assert (grant.settled, grant.used) == (210, 70)
    await store.close()


async def test_a_database_that_is_away_is_a_connection_error_to_the_line(tmp_path: Path) -> None:
    engine = open_engine(database_url("postgresql://nobody@127.0.0.1:1/none", tmp_path))
    desk = SqlLeaseDesk(SqlStore(engine, a_compiler(), lambda: NOON))
    for call in (
        desk.open("p", "here"),
        desk.beat("p"),
        desk.grant("p", [a_want()]),
        desk.give_back("p", [Surrender(KEY, 0)]),
        desk.wanted("p"),
        desk.close("p"),
        desk.charges([KEY]),
    ):
        with pytest.raises(ConnectionError):
            await call
    await engine.dispose()
