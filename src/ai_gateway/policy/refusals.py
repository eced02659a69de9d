"""What a caller is told when a limit stands in the way: which limit, how it stands, and when it begins anew.

The sentences of an exhausted budget are a contract with those who read them (PRODUCT's words): they begin with the
window and what is limited, then the limit and what is spent of it, then the reset. Where what is spent is still below
the limit, one more sentence says what this request could have added, because the first ones alone would not explain it.
"""

from datetime import UTC, datetime, tzinfo
from typing import Final

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.faults import BudgetExceeded, Figures, Level, RateLimited
from ai_gateway.policy.pricing import dollars

CONTENDED_RETRY_SECONDS: Final = 1
NANO: Final = 1_000_000_000
_WINDOW_WORDS: Final = {Window.DAILY: "Daily", Window.MONTHLY: "Monthly", Window.TOTAL: "Total"}
_UNIT_WORDS: Final = {Unit.USD: "cost", Unit.TOKENS: "token", Unit.REQUESTS: "request"}
_CENTS: Final = 2
_FINEST: Final = 4
"""Decimals of a dollar that people are shown below one dollar."""


def exhausted(limit: Limit, spent: int, asked: int, resets_at: int | None, zone: tzinfo = UTC) -> BudgetExceeded:
    """`spent` is settled, `asked` is the worst case that does not fit; both in the limit's unit."""
    message = (
        f"{_WINDOW_WORDS[limit.window]} {_UNIT_WORDS[limit.unit]} limit exceeded. "
        f"Limit: {shown(limit.unit, limit.amount)}, Current: {shown(limit.unit, spent)}. "
        f"{resets(limit.window, resets_at, zone)}"
    )
    if spent < limit.amount:
        message += f" This request could cost up to {shown_up(limit.unit, asked)}."
    return BudgetExceeded(
        message,
        level=level_of(limit),
        figures=Figures(
            window=limit.window,
            unit=limit.unit,
            limit=limit.amount,
            current=spent,
            could_cost=asked if spent < limit.amount else None,
            resets_on=None if resets_at is None else _day_of(resets_at, zone),
            zone=_zone_name(zone),
        ),
        detail=f"{limit.leg[0]} {limit.leg[1]}: limit {limit.amount}, spent {spent}, asked {asked}",
    )


def contended(limit: Limit, free: int, asked: int) -> RateLimited:
    """It would fit once others have settled."""
    return RateLimited(
        f"Other requests in flight hold what is left of a {_UNIT_WORDS[limit.unit]} limit.",
        code="budget_contended",
        retry_after_seconds=CONTENDED_RETRY_SECONDS,
        level=level_of(limit),
        detail=f"{limit.leg[0]} {limit.leg[1]}: limit {limit.amount}, free {free}, asked {asked}",
    )


def level_of(limit: Limit) -> Level:
    return Level(limit.leg[0], limit.name)


def resets(window: Window, resets_at: int | None, zone: tzinfo = UTC) -> str:
    if resets_at is None:
        return "It does not reset."
    clock = "UTC" if zone is UTC else f"in {zone}"
    if window is Window.DAILY:
        return f"Resets at midnight {clock}."
    return f"Resets on {_day_of(resets_at, zone)} at midnight {clock}."


def _day_of(at: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).date().isoformat()


def _zone_name(zone: tzinfo) -> str:
    return "UTC" if zone is UTC else str(zone)


def shown(unit: Unit, amount: int) -> str:
    """Cut, never rounded up: nobody is told of money that was not spent."""
    return f"${_cut(amount, 0)}" if unit is Unit.USD else _counted(unit, amount)


def shown_up(unit: Unit, amount: int) -> str:
    """An upper bound, so rounded up."""
    return f"${_cut(amount, 1)}" if unit is Unit.USD else _counted(unit, amount)


def _counted(unit: Unit, amount: int) -> str:
    return f"{amount:,} {'tokens' if unit is Unit.TOKENS else 'requests'}"


def _cut(nano: int, up: int) -> str:
    """Cents, and below a dollar as many decimals more as tell something."""
    places = _CENTS if nano >= NANO else _FINEST
    step = 10 ** (9 - places)
    whole = -(-nano // step) if up else nano // step
    if not whole and nano:
        return dollars(nano)
    head, rest = divmod(whole * step, NANO)
    return f"{head}.{f'{rest:09d}'.rstrip('0').ljust(_CENTS, '0')}"
