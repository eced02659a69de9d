from datetime import UTC

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.runtime.meters import Meters
from ai_gateway.runtime.standings import OwnStandings
from support.clock import NOON


async def test_an_owners_standings_are_its_meters() -> None:
    meters = Meters()
    limits = [Limit(("key", "k"), window, Unit.USD, 5) for window in Window]
    standings = await OwnStandings(meters).of(limits, NOON, UTC)
    assert standings == [meters.standing(limit, NOON) for limit in limits]
    assert [it.window_id[:2] for it in standings] == ["D:", "M:", "T:"]
