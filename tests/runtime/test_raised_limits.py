import asyncio
from typing import Any

import msgspec
import pytest

from ai_gateway.domain.budgets import Leg, Limit, Mode, Unit, Window
from ai_gateway.domain.config import Snapshot
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.runtime.cells import Cell, Short, Shortage
from ai_gateway.runtime.leases import Leases
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.raised_limits import hear_of_raises
from ai_gateway.store.memory_leases import MemoryLeaseDesk
from support.builders import a_key, a_snapshot, a_tenant
from support.clock import NOON, FakeClock

KEY, TENANT = ("key", "key_1"), ("tenant", "t1")


def a_limit(leg: Leg, amount: int, **more: Any) -> Limit:
    return Limit(**{"leg": leg, "window": Window.DAILY, "unit": Unit.USD, "amount": amount, "tenant_id": "t1"} | more)


def a_charge(*limits: Limit) -> Charge:
    return Charge((KEY, TENANT), 100, at=NOON, limits=limits, revision=1)


def configured(limit: Limit, revision: int = 2) -> Snapshot:
    """On the key itself, or at a level."""
    on_key = limit.leg == KEY
    tenant = a_tenant("t1", limits={} if on_key else {limit.leg: (limit,)})
    return a_snapshot(tenant, keys={"sk": a_key(limits=(limit,) if on_key else ())}, revision=revision)


def contended(meters: Meters, charge: Charge) -> Shortage:
    """What the second of two is told."""
    assert isinstance(meters.take("first", charge), Hold)
    shortage = meters.take("second", charge)
    assert isinstance(shortage, Shortage)
    assert shortage.short is Short.CONTENDED
    return shortage


@pytest.mark.parametrize("leg", [KEY, TENANT])
def test_whoever_waits_is_called_when_the_limit_grows(leg: Leg) -> None:
    meters = Meters()
    charge = a_charge(a_limit(leg, 150))
    cell = contended(meters, charge).cell
    called: list[int] = []
    meters.freed = lambda freed: called.append(freed.allowance)
    with meters.waiting_for(cell):
        hear_of_raises(meters, configured(a_limit(leg, 150, mode=Mode.STRICT)))
        assert called == []  # not larger
        hear_of_raises(meters, configured(a_limit(leg, 120)))
        hear_of_raises(meters, configured(a_limit(leg, 200), revision=1))
        assert called == []  # smaller, or older
        hear_of_raises(meters, configured(a_limit(leg, 200), revision=3))
        assert called == [200]
        assert isinstance(meters.take_in_turn("second", charge), Hold)


def test_nobody_is_called_where_nobody_is_left_who_could_have_a_limit() -> None:
    meters = Meters()
    called: list[Cell] = []
    for leg in (TENANT, KEY):
        charge = a_charge(a_limit(leg, 150))
        cell = contended(meters, charge).cell
        meters.freed = called.append
        with meters.waiting_for(cell):
            hear_of_raises(meters, a_snapshot(a_tenant("t2"), revision=2))
            assert isinstance(meters.take_in_turn("second", charge), Shortage)
        meters.settle_whole("first", 0, 0)
    assert called == []


@pytest.mark.parametrize("leg", [KEY, TENANT])
def test_whoever_waits_for_a_limit_that_is_gone_is_called_and_held_to_the_others(leg: Leg) -> None:
    meters = Meters()
    other = a_limit(TENANT, 250, window=Window.TOTAL)
    charge = a_charge(a_limit(leg, 150), other)
    cell = contended(meters, charge).cell
    served: list[Hold | Shortage] = []
    meters.freed = lambda _: served.append(meters.take_in_turn("second", charge))
    gone = configured(other)
    if leg == KEY:
        gone = a_snapshot(a_tenant("t1", limits={TENANT: (other,)}), keys={"sk": a_key()}, revision=2)
    with meters.waiting_for(cell):
        hear_of_raises(meters, msgspec.structs.replace(gone, revision=1))
        assert served == []  # older
        hear_of_raises(meters, gone)
        (hold,) = served
        assert isinstance(hold, Hold)
        third = meters.take_in_turn("third", charge)
        assert isinstance(third, Shortage)
        assert third.cell.limit == other  # which has room for two


def test_a_limit_that_comes_back_is_a_limit_again() -> None:
    meters = Meters()
    limit = a_limit(TENANT, 150)
    charge = a_charge(limit)
    cell = contended(meters, charge).cell
    meters.freed = lambda _: None
    with meters.waiting_for(cell):
        hear_of_raises(meters, a_snapshot(a_tenant("t1"), revision=2))
        hear_of_raises(meters, configured(limit, revision=3))
        assert isinstance(meters.take_in_turn("second", charge), Shortage)
        hear_of_raises(meters, a_snapshot(a_tenant("t1"), revision=4))
    with meters.waiting_for(cell):  # somebody else, who came later
        assert isinstance(meters.take_in_turn("third", charge), Shortage)


def test_the_first_request_of_the_new_configuration_calls_those_who_wait_too() -> None:
    meters = Meters()
    charge = a_charge(a_limit(TENANT, 150))
    with meters.waiting_for(contended(meters, charge).cell):
        served: list[Hold | Shortage] = []
        meters.freed = lambda _: served.append(meters.take_in_turn("second", charge))
        newer = msgspec.structs.replace(charge, limits=(a_limit(TENANT, 250),), revision=2)
        third = meters.take("third", newer)
    assert isinstance(served[0], Hold)
    assert isinstance(third, Shortage)  # 250 have room for two


async def test_a_lessee_asks_for_what_the_raise_has_room_for() -> None:
    clock = FakeClock()
    desk = MemoryLeaseDesk(clock.wall)
    await desk.open("prc_1", "here")
    leases = Leases(desk, clock, "prc_1", wait_seconds=5)
    meters = Meters(leases)
    leases.granted = meters.granted

    async def ask(charge: Charge) -> None:
        asking = asyncio.ensure_future(leases.ask(meters.lacking(charge), charge))
        while not asking.done():
            await asyncio.sleep(0)
            await leases.fetch()

    charge = a_charge(a_limit(TENANT, 150))
    await ask(charge)
    assert isinstance(meters.take("first", charge), Hold)
    await ask(charge)
    shortage = meters.take("second", charge)
    assert isinstance(shortage, Shortage)
    assert shortage.short is Short.CONTENDED
    called: list[Hold | Shortage] = []
    meters.freed = lambda _: called.append(meters.take_in_turn("second", charge))
    with meters.waiting_for(shortage.cell):
        hear_of_raises(meters, configured(a_limit(TENANT, 300)))
        (told,) = called
        assert isinstance(told, Shortage)
        assert told.short is Short.NEEDS_GRANT  # what was refused is not believed any more
        await ask(charge)
    assert isinstance(called[-1], Hold)
