from ai_gateway.domain.budgets import Scope, Window
from ai_gateway.policy.windows import windows_at
from ai_gateway.runtime.corrections import spend_correction
from ai_gateway.runtime.meters import Meters
from support.builders import a_receipt
from support.clock import NOON

DAY = 86_400
TODAY = windows_at(NOON).day


def test_a_correction_is_spent_on_every_leg_in_the_day_of_the_original() -> None:
    meters = Meters()
    spend_correction(meters, a_receipt("att_1~price_2", day=TODAY - 1, cost_nano_usd=500, team_id="team_1"))
    for leg in ((Scope.KEY, "key_1"), (Scope.TEAM, "team_1"), (Scope.TENANT, "t1")):
        assert meters.spent(leg, Window.DAILY, NOON - DAY) == (500, 0, 0)  # no token, no request
        assert meters.spent(leg, Window.DAILY, NOON) == (0, 0, 0)
        assert meters.spent(leg, Window.TOTAL, NOON) == (500, 0, 0)


def test_money_comes_back_too() -> None:
    meters = Meters()
    for cost in (500, -200):
        spend_correction(meters, a_receipt("att_1~price_2", day=TODAY, cost_nano_usd=cost))
    assert meters.spent((Scope.TENANT, "t1"), Window.DAILY, NOON) == (300, 0, 0)
