from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.traffic import Charge, Hold
from ai_gateway.policy.windows import windows_at
from ai_gateway.runtime.cells import Shortage
from ai_gateway.runtime.corrections import spend_correction
from ai_gateway.runtime.meters import Meters
from support.builders import a_receipt
from support.clock import NOON

DAY = 86_400


def test_a_correction_is_spent_on_every_leg_in_the_day_of_the_original() -> None:
    meters = Meters()
    yesterday = windows_at(NOON - DAY).day
    limit = Limit(("team", "team_1"), Window.MONTHLY, Unit.USD, 10_000)
    before = meters.standing(limit, NOON - DAY).spent
    receipt = a_receipt("att_1~price_2", kind="adjust", day=yesterday, cost_nano_usd=500, team_id="team_1")
    spend_correction(meters, receipt)
    for leg in (("key", "key_1"), ("team", "team_1"), ("tenant", "t1")):
        assert meters.spent(leg, Window.DAILY, NOON - DAY) == (500, 0, 0)
        assert meters.spent(leg, Window.DAILY, NOON) == (0, 0, 0)
        assert meters.spent(leg, Window.TOTAL, NOON) == (500, 0, 0)
    assert meters.standing(limit, NOON - DAY).spent == before + 500
    assert meters.open_holds == 0


def test_money_comes_back_too() -> None:
    meters = Meters()
    for attempt, cost in (("att_1~price_2", 500), ("att_1~price_3", -200)):
        spend_correction(meters, a_receipt(attempt, day=windows_at(NOON).day, cost_nano_usd=cost))
    assert meters.spent(("tenant", "t1"), Window.DAILY, NOON)[0] == 300


def test_money_that_comes_back_lets_those_in_who_wait() -> None:
    meters = Meters()
    today = windows_at(NOON).day
    limit = Limit(("tenant", "t1"), Window.DAILY, Unit.USD, 1_000)
    charge = Charge((("tenant", "t1"),), 500, at=NOON, limits=(limit,))
    spend_correction(meters, a_receipt("att_1~price_2", kind="adjust", day=today, cost_nano_usd=300))
    assert isinstance(meters.take("first", charge), Hold)
    waiting = meters.take("second", charge)
    assert isinstance(waiting, Shortage)
    served: list[Hold | Shortage] = []
    meters.freed = lambda _: served.append(meters.take_in_turn("second", charge))
    with meters.waiting_for(waiting.cell):
        spend_correction(meters, a_receipt("att_1~price_3", kind="adjust", day=today, cost_nano_usd=100))
        assert served == []
        spend_correction(meters, a_receipt("att_1~price_4", kind="adjust", day=today, cost_nano_usd=-400))
    assert isinstance(served[0], Hold)
