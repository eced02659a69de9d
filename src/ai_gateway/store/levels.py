"""Budgets and rates as rows have them, on every level of a tenant, as the values that are enforced.

A level's `cost_limit_daily` and the like are budgets in dollars with everything else as it is when nobody says
otherwise; rows of their own may say more. Both end in the same place, so that neither can be forgotten.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from ai_gateway.domain.budgets import Budget, Leg, Limits, Mode, Scope, Window, limits_of
from ai_gateway.domain.config import LegRates, RateLimits
from ai_gateway.store.rows import BudgetRow, LimitedRow

Levels = Sequence[tuple[Scope, LimitedRow]]

_NONE: Final[Limits] = ()


class CostLimits(Protocol):
    """Of a row of any level, or the columns of a key."""

    @property
    def id(self) -> str: ...
    @property
    def tenant_id(self) -> str | None: ...
    @property
    def cost_limit_daily(self) -> int | None: ...
    @property
    def cost_limit_monthly(self) -> int | None: ...
    @property
    def cost_limit_total(self) -> int | None: ...


class Limited(CostLimits, Protocol):
    @property
    def name(self) -> str: ...
    @property
    def rate_limits(self) -> dict[str, int]: ...


def budgets_of(rows: Sequence[BudgetRow], levels: Levels) -> Iterator[Budget]:
    """Those that stand on levels, then those that were set as budgets. A key's name is not known here."""
    names: dict[Leg, str] = {}
    for scope, level in levels:
        names[scope.value, level.id] = getattr(level, "name", "")
        yield from cost_budgets(scope, level, names[scope.value, level.id])
    for row in rows:
        yield budget_of(row, names.get((row.scope, row.scope_id), ""))


def cost_budgets(scope: Scope, level: CostLimits, name: str) -> Iterator[Budget]:
    for window, nano in (
        (Window.DAILY, level.cost_limit_daily),
        (Window.MONTHLY, level.cost_limit_monthly),
        (Window.TOTAL, level.cost_limit_total),
    ):
        if nano is not None:
            tenant_id = level.tenant_id or ""
            yield Budget(scope, level.id, window, (nano, None, None), name, tenant_id=tenant_id)


def budget_of(row: BudgetRow, name: str = "") -> Budget:
    return Budget(
        Scope(row.scope),
        row.scope_id,
        Window(row.window),
        (row.limit_nano, row.limit_tokens, row.limit_requests),
        name,
        Mode(row.mode),
        tuple(sorted(row.warn_at_percent)),
        row.tenant_id or "",
    )


def limits_of_key(key: Limited) -> Limits:
    """Nearly all keys have none, and share that."""
    if key.cost_limit_daily is None and key.cost_limit_monthly is None and key.cost_limit_total is None:
        return _NONE
    return limits_of(cost_budgets(Scope.KEY, key, key.name))[Scope.KEY.value, key.id]


def rates_of_key(key: Limited) -> LegRates | None:
    return LegRates((Scope.KEY.value, key.id), RateLimits(**key.rate_limits), key.name) if key.rate_limits else None


def rates_of(levels: Levels) -> Mapping[Leg, LegRates]:
    return {
        (scope.value, level.id): LegRates(
            (scope.value, level.id), RateLimits(**level.rate_limits), getattr(level, "name", "")
        )
        for scope, level in levels
        if level.rate_limits
    }
