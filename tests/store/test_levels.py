from ai_gateway.domain.budgets import Limit, Mode, Scope, Unit, Window
from ai_gateway.domain.config import LegRates, RateLimits
from ai_gateway.store.levels import budget_of, budgets_of, limits_of_key, rates_of, rates_of_key
from ai_gateway.store.rows import BudgetRow
from store.rows_for_tests import a_key, a_team, a_tenant


def a_budget(**changes: object) -> BudgetRow:
    fields = {"id": "bud_1", "tenant_id": "t1", "created_at": 1.0, "scope": "team", "scope_id": "team_1"}
    return BudgetRow(**{**fields, "window": "daily", "limit_nano": 5} | changes)  # type: ignore[arg-type]


def test_a_levels_cost_limits_and_rows_of_their_own_are_budgets_alike() -> None:
    team = a_team(cost_limit_daily=7, cost_limit_total=9)
    row = a_budget(window="monthly", limit_tokens=100, mode="strict", warn_at_percent=(90, 10))
    budgets = list(budgets_of([row], [(Scope.TENANT, a_tenant()), (Scope.TEAM, team)]))
    assert [(it.scope, it.scope_id, it.window, it.limits, it.name) for it in budgets] == [
        (Scope.TEAM, "team_1", Window.DAILY, (7, None, None), "team_1"),
        (Scope.TEAM, "team_1", Window.TOTAL, (9, None, None), "team_1"),
        (Scope.TEAM, "team_1", Window.MONTHLY, (5, 100, None), "team_1"),
    ]
    assert (budgets[2].mode, budgets[2].warn_at) == (Mode.STRICT, (10, 90))


def test_a_budget_of_somebody_unknown_here_has_no_name() -> None:
    assert budget_of(a_budget(scope="key", scope_id="key_9")).name == ""


def test_a_key_has_its_own_limits_or_shares_having_none() -> None:
    assert limits_of_key(a_key()) is limits_of_key(a_key("key_2"))
    (limit,) = limits_of_key(a_key(cost_limit_daily=100_000_000))
    assert limit == Limit(("key", "key_1"), Window.DAILY, Unit.USD, 100_000_000, "key_1", tenant_id="t1")


def test_rates_stand_on_whoever_has_some() -> None:
    assert rates_of_key(a_key()) is None
    assert rates_of_key(a_key(rate_limits={"max_concurrent": 2})) == LegRates(
        ("key", "key_1"), RateLimits(max_concurrent=2), "key_1"
    )
    levels = [(Scope.TENANT, a_tenant()), (Scope.TEAM, a_team(rate_limits={"requests_per_minute": 60}))]
    assert rates_of(levels) == {
        ("team", "team_1"): LegRates(("team", "team_1"), RateLimits(requests_per_minute=60), "team_1")
    }
