"""Every budget of a tenant, wherever it was set, and how it stands.

Some are rows of their own, others are the `cost_limit_*` of a level or a key. Both are compiled by the functions of the
data plane (`store/levels.py`), and how they stand is read from what enforces them, so that what is shown is what stops
a request.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, tzinfo
from typing import Final

import msgspec

from ai_gateway.admin.answers import Answer
from ai_gateway.admin.desk import Desk
from ai_gateway.admin.instants import show_instant
from ai_gateway.admin.money import show_dollars
from ai_gateway.admin.standing import tenant_of
from ai_gateway.domain.budgets import Budget, Leg, Limit, Scope, Unit, Window, limits_of
from ai_gateway.domain.config import Key
from ai_gateway.policy.quotas import limits_of_caller
from ai_gateway.policy.windows import Windows, number_of, window_of_id, windows_at
from ai_gateway.runtime.cells import Standing
from ai_gateway.runtime.thresholds import NEAR_PERCENT
from ai_gateway.store import records
from ai_gateway.store.levels import Levels, budget_of, cost_budgets
from ai_gateway.store.records import StoreUnavailable
from ai_gateway.store.rows import BudgetRow, DepartmentRow, TeamRow, TenantRow, UserRow

MOST_NEAR: Final = 200
_COLUMNS: Final = {
    Window.DAILY: "cost_limit_daily",
    Window.MONTHLY: "cost_limit_monthly",
    Window.TOTAL: "cost_limit_total",
}
_FIELDS: Final = {Unit.USD: "nano_usd", Unit.TOKENS: "tokens", Unit.REQUESTS: "requests"}
_BUDGET: Final = "budget"


Place = tuple[Leg, Window, Unit]


class Sourced(msgspec.Struct, frozen=True):
    """`id` is the row's, or the owner's and the window where a `cost_limit_*` is the source."""

    id: str
    source: str
    budget: Budget


async def all_budgets(unit: records.Unit, desk: Desk) -> list[Sourced]:
    """By id."""
    rows = await unit.find(BudgetRow, desk.tenant_id)
    levels = await _levels(unit, desk.tenant_id)
    keys = await _keys_with_budgets(desk, {row.scope_id for row in rows if row.scope == Scope.KEY})
    names: dict[Leg, str] = {(scope.value, row.id): getattr(row, "name", "") for scope, row in levels}
    names |= {(Scope.KEY.value, key.id): key.name for key in keys}
    found = [sourced(row, names.get((row.scope, row.scope_id), "")) for row in rows]
    for scope, row in levels:
        found += [_of_level(budget) for budget in cost_budgets(scope, row, names[scope.value, row.id])]
    for key in keys:
        found += [_of_level(_budget_of(limit)) for limit in key.limits]
    return sorted(found, key=lambda it: it.id)


def sourced(row: BudgetRow, name: str) -> Sourced:
    return Sourced(row.id, _BUDGET, budget_of(row, name))


async def describe_all(desk: Desk, budgets: Sequence[Sourced]) -> list[Answer]:
    """Each with the numbers of now. Raises ConnectionError."""
    now, zone = desk.doors.now(), zone_of(desk)
    limits = [limit for it in budgets for limit in _limits_of(it.budget)]
    places = [_in_force(desk, (it.leg, it.window, it.unit)) or it for it in limits]
    standings = await desk.doors.budgets.of(places, now, zone)
    by_limit = dict(zip(limits, standings, strict=True))
    return [_describe(it, [(limit, by_limit[limit]) for limit in _limits_of(it.budget)]) for it in budgets]


async def near_limit(desk: Desk) -> list[Answer]:
    """What is well used of the limits that are in force, the fullest first: of those that this process has seen so, and
    those of which a warning was written, by whatever process. Of a hundred thousand limits only these are looked at."""
    now, zone = desk.doors.now(), zone_of(desk)
    seen = [(it.leg, it.window, it.unit) for it in desk.doors.budgets.near(desk.tenant_id, now, zone)]
    places = dict.fromkeys([*seen[:MOST_NEAR], *await _warned_of(desk, windows_at(now, zone))])
    limits = [limit for place in places if (limit := _in_force(desk, place)) is not None]
    standings = await desk.doors.budgets.of(limits, now, zone)
    near = [(percent_of(it.limit.amount, it.spent), it) for it in standings]
    fullest = sorted((it for it in near if it[0] >= NEAR_PERCENT), key=lambda it: -it[0])
    return [_describe_near(percent, standing) for percent, standing in fullest]


def zone_of(desk: Desk) -> tzinfo:
    tenant = tenant_of(desk)
    return UTC if tenant is None else tenant.zone


def percent_of(amount: int, spent: int) -> float:
    """With one decimal, cut. A limit of nothing is used up."""
    return spent * 1000 // amount / 10 if amount else 100.0


async def _levels(unit: records.Unit, tenant_id: str) -> Levels:
    return (
        *((Scope.TENANT, row) for row in await unit.find(TenantRow, tenant_id)),
        *((Scope.DEPARTMENT, row) for row in await unit.find(DepartmentRow, tenant_id)),
        *((Scope.TEAM, row) for row in await unit.find(TeamRow, tenant_id)),
        *((Scope.USER, row) for row in await unit.find(UserRow, tenant_id)),
    )


async def _keys_with_budgets(desk: Desk, key_ids: set[str]) -> list[Key]:
    """From the snapshot, where the few of a hundred thousand are found without reading them all."""
    keys = desk.doors.snapshot().keys
    limited = await desk.doors.limited_keys.of(keys, desk.tenant_id)
    others = [keys.find(key_id) for key_id in key_ids - {key.id for key in limited}]
    return [*limited, *(key for key in others if key is not None and key.tenant_id == desk.tenant_id)]


def _in_force(desk: Desk, place: Place) -> Limit | None:
    """The limit in a place, as the data plane has it."""
    leg, *_ = place
    tenant = tenant_of(desk)
    if tenant is None:
        return None
    limits = tenant.limits.get(leg, ())
    if leg[0] == Scope.KEY.value:
        key = desk.doors.snapshot().keys.find(leg[1])
        if key is None or key.tenant_id != desk.tenant_id:
            return None
        limits = limits_of_caller(tenant, key, (leg,))
    return next((it for it in limits if (it.leg, it.window, it.unit) == place), None)


async def _warned_of(desk: Desk, windows: Windows) -> list[Place]:
    """Where a threshold was crossed in a window that is still running. Nothing while that cannot be read."""
    try:
        crossed = await desk.doors.warnings.of(desk.tenant_id, MOST_NEAR)
    except StoreUnavailable:
        return []
    found: list[Place] = []
    for it in crossed:
        window, number = window_of_id(it.window_id)
        if number == number_of(window, windows):
            found.append(((it.scope, it.scope_id), window, Unit[it.unit.upper()]))
    return found


def _budget_of(limit: Limit) -> Budget:
    return Budget(
        Scope.KEY, limit.leg[1], limit.window, (limit.amount, None, None), limit.name, tenant_id=limit.tenant_id
    )


def _of_level(budget: Budget) -> Sourced:
    return Sourced(f"{budget.scope_id}.{budget.window.value}", _COLUMNS[budget.window], budget)


def _limits_of(budget: Budget) -> tuple[Limit, ...]:
    return limits_of([budget]).get((budget.scope.value, budget.scope_id), ())


def _describe(it: Sourced, standings: Iterable[tuple[Limit, Standing]]) -> Answer:
    budget = it.budget
    answer: Answer = {
        "id": it.id,
        "source": it.source,
        "scope": budget.scope.value,
        "scope_id": budget.scope_id,
        "scope_name": budget.name,
        "window": budget.window.value,
        "limit_usd": None if budget.limits[0] is None else show_dollars(budget.limits[0]),
        "mode": budget.mode.value,
        "warn_at_percent": list(budget.warn_at),
    }
    used = 0.0
    for limit, standing in standings:
        field = _FIELDS[limit.unit]
        answer |= _numbers(field, limit.amount, standing)
        answer |= _window(standing)
        used = max(used, percent_of(limit.amount, standing.spent))
    return {**answer, "percent_used": used}


def _numbers(field: str, amount: int, standing: Standing) -> Answer:
    return {
        f"limit_{field}": amount,
        f"spent_{field}": standing.spent,
        f"held_{field}": standing.held,
        f"leased_{field}": standing.leased,
    }


def _window(standing: Standing) -> Answer:
    ends = standing.resets_at
    return {"window_id": standing.window_id, "resets_at": None if ends is None else show_instant(ends)}


def _describe_near(percent: float, standing: Standing) -> Answer:
    limit = standing.limit
    return {
        "scope": limit.leg[0],
        "scope_id": limit.leg[1],
        "scope_name": limit.name,
        "window": limit.window.value,
        **_window(standing),
        **_numbers(_FIELDS[limit.unit], limit.amount, standing),
        "percent_used": percent,
    }
