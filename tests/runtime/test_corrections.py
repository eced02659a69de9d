from ai_gateway.runtime.corrections import spend_correction
from ai_gateway.runtime.ids import admitted_at, request_id
from ai_gateway.runtime.meters import Meters
from support.builders import a_receipt
from support.clock import NOON

DAY = 86_400


def test_a_correction_is_spent_on_every_leg_in_the_day_of_the_original() -> None:
    meters = Meters()
    receipt = a_receipt("att_1~price_2", request_id=request_id(NOON - DAY), cost_nano_usd=500, team_id="team_1")
    spend_correction(meters, receipt)
    for leg in (("key", "key_1"), ("team", "team_1"), ("tenant", "t1")):
        assert meters.levels(leg, NOON - DAY).day.spent == 500
        assert (meters.levels(leg, NOON).day.spent, meters.levels(leg, NOON).total.spent) == (0, 500)
    assert meters.open_holds == 0


def test_money_comes_back_too() -> None:
    meters = Meters()
    for attempt, cost in (("att_1~price_2", 500), ("att_1~price_3", -200)):
        spend_correction(meters, a_receipt(attempt, request_id=request_id(NOON), cost_nano_usd=cost))
    assert meters.levels(("tenant", "t1"), NOON).day.spent == 300


def test_an_id_says_when_its_request_was_admitted() -> None:
    assert admitted_at(request_id(NOON)) == NOON
