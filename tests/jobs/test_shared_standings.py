from datetime import UTC

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.leases import Pot, Want
from ai_gateway.domain.traffic import Charge
from ai_gateway.jobs.shared_standings import SharedStandings
from ai_gateway.runtime.clock import SystemClock
from ai_gateway.runtime.leases import Leases
from ai_gateway.runtime.meters import Meters
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from support.clock import NOON

LIMIT = Limit(("key", "k"), Window.DAILY, Unit.USD, 1_000)
POT = Pot("t", "key", "k", "D:2026-01-01", "usd")


async def test_what_is_shown_is_what_all_processes_have_and_adds_up_to_no_more_than_the_limit() -> None:
    desk = MemoryLeaseDesk(lambda: NOON)
    leases = Leases(desk, SystemClock(), "prc_1")
    meters = Meters(leases)
    await desk.grant("prc_2", [Want(POT, 1_000, asked=400)])
    desk.book("prc_2", [(POT, 150)])
    charge = Charge((("key", "k"), ("tenant", "t")), 80, at=NOON, limits=(LIMIT,))
    standings = SharedStandings(meters, desk)
    [before] = await standings.of([LIMIT], NOON, UTC)
    assert (before.spent, before.held, before.leased) == (150, 0, 250)
    [grant] = await desk.grant("prc_1", [Want(POT, 1_000, asked=80)])
    for lacking in meters.lacking(charge):
        lacking.cell.allowance = grant.granted
    meters.take("r", charge)
    [after] = await standings.of([LIMIT], NOON, UTC)
    assert (after.spent, after.held, after.leased) == (150, 80, 250)
    assert after.spent + after.held + after.leased <= LIMIT.amount
    assert await standings.of([], NOON, UTC) == []
