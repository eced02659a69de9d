import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.chat import ServiceTier, Usage
from ai_gateway.domain.prices import Hours, Rates, Schedule, Step, rates_of
from support.builders import a_price


def test_a_lane_that_nobody_names_costs_what_the_whole_costs() -> None:
    assert rates_of(input=1, output=2) == Rates(1, 2, 1, 1, 1, 2, 1, 2, 1, 0)
    assert rates_of(input=1, output=2, cache_write=3).cache_write_1h == 3


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [(Hours(3_600, 7_200), (3_600, 7_199), (3_599, 7_200)), (Hours(79_200, 3_600), (79_200, 0, 3_599), (3_600,))],
)
def test_hours_are_of_the_utc_day_and_may_reach_over_midnight(
    hours: Hours, inside: tuple[int, ...], outside: tuple[int, ...]
) -> None:
    day = 20_000 * 86_400
    assert all(hours.has(day + second) for second in inside)
    assert not any(hours.has(day + second) for second in outside)


@given(
    hours=st.builds(Hours, st.integers(0, 86_399), st.integers(0, 86_400)),
    at=st.floats(0, 4e9) | st.integers(0, 3 * 86_400),
    part=st.floats(0, 1, exclude_max=True),
)
def test_until_their_turn_hours_say_the_same_and_the_turn_is_a_boundary_within_a_day(
    hours: Hours, at: float, part: float
) -> None:
    turn = hours.turn_after(at)
    assert at < turn <= at + 86_400
    assert turn % 86_400 in {hours.start, hours.until % 86_400}
    between = at + part * (turn - at)
    assert hours.has(at) == hours.has(min(between, turn - 0.001)) or between >= turn


def test_a_step_begins_above_its_threshold() -> None:
    low, middle, high = (rates_of(input=n, output=n) for n in (1, 2, 3))
    schedule = Schedule(low, (Step(10, middle), Step(20, high)))
    assert [schedule.rates_for(tokens).input for tokens in (0, 10, 11, 20, 21)] == [1, 1, 2, 2, 3]


def test_a_service_has_steps_of_its_own() -> None:
    priority = Schedule(rates_of(input=5, output=5), (Step(10, rates_of(input=9, output=9)),))
    price = a_price(services={ServiceTier.PRIORITY: priority})
    assert price.rates_for(Usage(11, service_tier=ServiceTier.PRIORITY)).input == 9
    assert price.rates_for(Usage(11, service_tier=ServiceTier.FLEX)).input == 150_000


def test_a_price_holds_from_its_instant_on_and_in_its_hours() -> None:
    price = a_price(effective_from=100.0, hours=Hours(0, 200))
    assert [price.holds(at) for at in (99.0, 100.0, 199.9, 200.0)] == [False, True, True, False]
