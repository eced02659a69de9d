import asyncio
from datetime import UTC

import pytest

from ai_gateway.domain.budgets import Limit, Mode, Unit, Window
from ai_gateway.domain.leases import Grant, Pot, Verdict
from ai_gateway.runtime.cells import Cell, Short
from ai_gateway.runtime.lease import Asker, Lease, pot_of

DAY = 20_454  # 2026-01-01
LEG = ("team", "team_1")


def a_lease(window: Window = Window.DAILY, number: int = DAY, mode: Mode = Mode.CLAMP) -> Lease:
    cell = Cell(Limit(LEG, window, Unit.USD, 1_000, mode=mode), number, 0)
    return Lease(cell, pot_of(cell, "t1"), UTC)


def a_grant(granted: int, verdict: Verdict = Verdict.ENOUGH, settled: int = 0, leased: int | None = None) -> Grant:
    return Grant(POT, granted, verdict, 1_000, settled, 0, granted if leased is None else leased)


POT = Pot("t1", "team", "team_1", "D:2026-01-01", "usd")


@pytest.mark.parametrize(
    ("window", "number", "window_id", "ends_at"),
    [
        (Window.DAILY, DAY, "D:2026-01-01", 1_767_312_000.0),
        (Window.MONTHLY, 2026 * 12, "M:2026-01", 1_769_904_000.0),
        (Window.TOTAL, 0, "T:total", None),
    ],
)
def test_a_pot_is_named_by_its_window_which_ends_when_the_calendar_says(
    window: Window, number: int, window_id: str, ends_at: float | None
) -> None:
    lease = a_lease(window, number)
    assert lease.pot == Pot("t1", "team", "team_1", window_id, "usd")
    assert lease.ends_at == ends_at


def test_half_of_what_is_free_is_kept_out_of_the_allowance_while_there_is_plenty() -> None:
    lease = a_lease()
    lease.take(a_grant(100), 10, 0.0)
    assert lease.cell.allowance == 50
    lease.take(a_grant(100, settled=800), 10, 0.0)
    assert lease.cell.allowance == 50
    lease.take(a_grant(100, settled=801), 10, 0.0)
    assert lease.cell.allowance == 100, "a tenth of 99 is less than one hold: nobody fetches ahead near the limit"


def test_a_refusal_is_for_as_much_or_more_and_for_a_moment() -> None:
    lease = a_lease()
    lease.take(a_grant(0, Verdict.EXHAUSTED, settled=900), 101, now=10.0)
    assert [lease.refusal(amount, 10.9) for amount in (100, 101, 102)] == [None, Short.EXHAUSTED, Short.EXHAUSTED]
    assert lease.refusal(101, 11.0) is None
    lease.take(a_grant(0, Verdict.CONTENDED, leased=900), 101, now=20.0)
    assert lease.refusal(101, 20.5) is Short.CONTENDED
    lease.forgive()
    assert lease.refusal(101, 20.5) is None


def test_what_others_have_spent_is_what_is_settled_without_ones_own() -> None:
    lease = a_lease()
    lease.take(Grant(POT, 100, Verdict.ENOUGH, 1_000, settled=500, used=120, leased=100), 10, 0.0)
    assert lease.cell.others == 380


async def test_who_waits_is_told_in_order_as_far_as_a_grant_reaches_and_who_left_is_forgotten() -> None:
    lease = a_lease()
    loop = asyncio.get_running_loop()
    askers = [Asker(amount, loop.create_future()) for amount in (40, 30, 50, 10)]
    lease.askers.extend(askers)
    askers[1].answered.cancel()
    assert lease.want().asked == 40
    lease.take(a_grant(90), 40, 0.0)
    assert [it.answered.done() for it in askers] == [True, True, True, False]
    assert lease.want().asked == 10
    lease.disappoint(ConnectionError("away"))
    assert str(askers[3].answered.result()) == "away"
    assert not lease.has_askers


async def test_a_refusal_is_told_to_those_who_ask_for_as_much_and_the_others_wait_on() -> None:
    lease = a_lease()
    loop = asyncio.get_running_loop()
    askers = [Asker(amount, loop.create_future()) for amount in (40, 30, 50)]
    lease.askers.extend(askers)
    lease.take(a_grant(0, Verdict.CONTENDED, leased=1_000), 40, 0.0)
    assert [it.answered.done() for it in askers] == [True, False, True]
    assert lease.want().asked == 30


def test_only_a_strict_limit_has_no_use_for_what_is_left() -> None:
    assert [a_lease(mode=mode).want().least for mode in (Mode.CLAMP, Mode.EXTEND, Mode.STRICT)] == [1, 1, 0]


def test_what_is_spent_and_held_is_kept() -> None:
    lease = a_lease()
    lease.take(a_grant(100), 0, 0.0)
    lease.cell.spent, lease.cell.used = 20, 50
    assert lease.idle == 50
    assert lease.surrender() == 50
    assert (lease.granted, lease.cell.allowance, lease.idle) == (50, 50, 0)
