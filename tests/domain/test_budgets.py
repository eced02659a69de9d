from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.budgets import Budget, Mode, Scope, Unit, Window, limits_of, tightest


def a_budget(**changes: object) -> Budget:
    fields = {"scope": Scope.TEAM, "scope_id": "t", "window": Window.DAILY, "limits": (5, None, None)}
    return Budget(**fields | changes)  # type: ignore[arg-type]


def test_of_two_budgets_in_one_place_the_smaller_rules_and_the_warnings_of_both_are_given() -> None:
    small = a_budget(limits=(5, 100, None), mode=Mode.STRICT, warn_at=(90,))
    large = a_budget(limits=(9, None, 7), warn_at=(50, 90))
    for budgets in ([small, large], [large, small]):
        usd, tokens, requests = limits_of(budgets)["team", "t"]
        assert (usd.unit, usd.amount, usd.mode, usd.warn_at) == (Unit.USD, 5, Mode.STRICT, (50, 90))
        assert (tokens.amount, requests.amount) == (100, 7)


def test_each_leg_and_window_has_its_own() -> None:
    limits = limits_of([a_budget(window=window, scope=scope) for window in reversed(Window) for scope in Scope])
    assert set(limits) == {(scope.value, "t") for scope in Scope}
    assert [limit.window for limit in limits["key", "t"]] == list(Window)


@given(st.lists(st.tuples(st.sampled_from(Window), st.integers(0, 9)), max_size=8))
def test_a_tightest_limit_is_the_least_of_its_kind(asked: list[tuple[Window, int]]) -> None:
    budgets = [a_budget(window=window, limits=(amount, None, None)) for window, amount in asked]
    limits = [limit for budget in budgets for limit in limits_of([budget])["team", "t"]]
    assert {limit.window: limit.amount for limit in tightest(limits)} == {
        window: min(amount for other, amount in asked if other is window) for window, _ in asked
    }
