from random import Random

from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.retry_budget import FREE_A_SECOND, KEPT_SECONDS, REQUESTS_A_RETRY, RetryBudget


def test_a_quiet_route_may_retry() -> None:
    budget = RetryBudget(0.0)
    budget.deposit(0.0)
    assert budget.withdraw(0.0)


def test_ten_a_second_are_free() -> None:
    budget = RetryBudget(0.0)
    assert sum(budget.withdraw(0.5) for _ in range(50)) == FREE_A_SECOND
    assert not budget.withdraw(1.49)
    assert budget.withdraw(1.5)


def test_five_requests_pay_for_one_retry() -> None:
    budget = RetryBudget(0.0)
    for _ in range(500):
        budget.deposit(0.0)
    assert sum(budget.withdraw(0.0) for _ in range(500)) == 500 // REQUESTS_A_RETRY + FREE_A_SECOND


def test_deposits_expire() -> None:
    budget = RetryBudget(0.0)
    for _ in range(500):
        budget.deposit(0.0)
    assert sum(budget.withdraw(KEPT_SECONDS) for _ in range(500)) == FREE_A_SECOND


def test_a_storm_of_a_minute_costs_a_fifth_and_ten_a_second() -> None:
    budget, requests, retries = RetryBudget(0.0), 0, 0
    for tick in range(60 * 300):
        now = tick / 300
        budget.deposit(now)
        requests += 1
        retries += budget.withdraw(now) + budget.withdraw(now)
    assert retries <= requests / 5 + 10 * 60
    assert retries >= 0.95 * (requests / 5 + 10 * 60)


def test_a_budget_that_slept_for_a_day_is_as_new() -> None:
    budget = RetryBudget(0.0)
    for _ in range(500):
        budget.deposit(0.0)
        budget.withdraw(0.0)
    assert sum(budget.withdraw(86_400.0) for _ in range(50)) == FREE_A_SECOND


@given(st.integers(0, 10_000), st.floats(0.001, 0.2), st.integers(1, 4))
def test_no_traffic_gets_more_than_its_share(seed: int, step: float, most_wishes: int) -> None:
    rng, now = Random(seed), 0.0
    budget, requests, retries = RetryBudget(now), 0, 0
    for _ in range(400):
        now += step * rng.random()
        if rng.random() < 0.7:
            budget.deposit(now)
            requests += 1
        retries += sum(budget.withdraw(now) for _ in range(rng.randrange(most_wishes + 1)))
        assert retries <= requests / 5 + 10 * (int(now) + 1)
