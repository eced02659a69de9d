"""What somebody may spend or ask for, and in which stretch of time.

A Budget is what people set: one level of the hierarchy, one kind of window, up to three limits. A Limit is what a
request meets: one number in one unit. Several budgets on the same level, window and unit are one Limit, the smallest
number of them, because more than that can never be spent; so what is enforced and what is shown have one place.
"""

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from typing import Final

import msgspec


class Scope(StrEnum):
    """The levels, in the order in which they are checked."""

    KEY = "key"
    TEAM = "team"
    DEPARTMENT = "department"
    USER = "user"
    TENANT = "tenant"


class Window(StrEnum):
    """A day, a month (both of the tenant's calendar), or all of time."""

    DAILY = "daily"
    MONTHLY = "monthly"
    TOTAL = "total"


class Unit(IntEnum):
    """What is counted; the number is its place in amounts such as (nano-dollars, tokens, requests)."""

    USD = 0
    TOKENS = 1
    REQUESTS = 2


class Mode(StrEnum):
    """What becomes of a request whose worst case no longer fits: a shorter answer, an answer that is paid for step by
    step while it comes, or none."""

    CLAMP = "clamp"
    EXTEND = "extend"
    STRICT = "strict"


WARN_AT: Final = (50, 80, 90, 100)
"""Per cent, where nobody says otherwise."""

Leg = tuple[str, str]
"""A level that pays (a Scope's value) and the id of its owner."""


class Budget(msgspec.Struct, frozen=True):
    """`limits` are nano-dollars, tokens, requests; None where there is none. `name` is the owner's, for people."""

    scope: Scope
    scope_id: str
    window: Window
    limits: tuple[int | None, int | None, int | None]
    name: str = ""
    mode: Mode = Mode.CLAMP
    warn_at: tuple[int, ...] = WARN_AT
    tenant_id: str = ""


class Limit(msgspec.Struct, frozen=True):
    """One number that a leg may not pass in a window. `warn_at`: per cent, rising."""

    leg: Leg
    window: Window
    unit: Unit
    amount: int
    name: str = ""
    mode: Mode = Mode.CLAMP
    warn_at: tuple[int, ...] = WARN_AT
    tenant_id: str = ""


Limits = tuple[Limit, ...]
"""Of one leg, or of a whole caller in the order of checking."""


def limits_of(budgets: Iterable[Budget]) -> Mapping[Leg, Limits]:
    """Every leg's limits, each window and unit once."""
    found: dict[Leg, list[Limit]] = {}
    for budget in budgets:
        leg = (budget.scope.value, budget.scope_id)
        for unit, amount in zip(Unit, budget.limits, strict=True):
            if amount is not None:
                limit = Limit(
                    leg, budget.window, unit, amount, budget.name, budget.mode, budget.warn_at, budget.tenant_id
                )
                found.setdefault(leg, []).append(limit)
    return {leg: tightest(limits) for leg, limits in found.items()}


def tightest(limits: Iterable[Limit]) -> Limits:
    """Of one leg: each window and unit once, the shorter windows first."""
    found: dict[tuple[Window, Unit], Limit] = {}
    for limit in limits:
        other = found.get((limit.window, limit.unit))
        found[limit.window, limit.unit] = limit if other is None else _tighter(limit, other)
    return tuple(sorted(found.values(), key=_order))


def _tighter(one: Limit, other: Limit) -> Limit:
    """The smaller number with the warnings of both; of equal numbers the one that was there first."""
    limit = one if one.amount < other.amount else other
    return msgspec.structs.replace(limit, warn_at=tuple(sorted({*one.warn_at, *other.warn_at})))


def _order(limit: Limit) -> tuple[int, int]:
    return list(Window).index(limit.window), limit.unit
