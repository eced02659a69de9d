from ai_gateway.domain.config import LegRates, RateLimits
from ai_gateway.runtime.rates import RateHold, Rates, Shortfall

KEY = LegRates(("key", "k"), RateLimits(requests_per_minute=2), "Mine")
TEAM = LegRates(("team", "t"), RateLimits(max_concurrent=1), "Search")


def test_all_levels_are_taken_in_one_step_or_none() -> None:
    rates = Rates()
    first = rates.take((KEY, TEAM), 0.0, 5)
    assert isinstance(first, RateHold)
    short = rates.take((KEY, TEAM), 0.0, 5)
    assert isinstance(short, Shortfall)
    assert (short.level, short.seconds, short.lacks) == (TEAM, float("inf"), "1 requests at a time")
    first.settle(0.0, 5)
    assert isinstance(rates.take((KEY, TEAM), 0.0, 5), RateHold)  # the refused one took nothing of the key's two


def test_levels_are_shared_by_all_who_stand_on_them_and_follow_the_configuration() -> None:
    rates, other = Rates(), LegRates(("key", "other"), RateLimits(requests_per_minute=9))
    assert isinstance(rates.take((KEY, TEAM), 0.0, 1), RateHold)
    assert isinstance(rates.take((other, TEAM), 0.0, 1), Shortfall)
    wider = LegRates(TEAM.leg, RateLimits(max_concurrent=2), TEAM.name)
    assert isinstance(rates.take((other, wider), 0.0, 1), RateHold)


def test_what_was_not_sent_is_put_back() -> None:
    rates = Rates()
    for _ in range(5):
        hold = rates.take((KEY,), 0.0, 1)
        assert isinstance(hold, RateHold)
        hold.put_back(0.0)


def test_another_process_halves_what_this_one_lets_through() -> None:
    processes = 1
    rates = Rates(lambda: processes)
    level = LegRates(("key", "k"), RateLimits(requests_per_minute=4))
    assert isinstance(rates.take((level,), 0.0, 1), RateHold)
    processes = 2
    assert isinstance(rates.take((level,), 0.0, 1), RateHold)  # two is its half of four
    assert isinstance(rates.take((level,), 0.0, 1), Shortfall)
