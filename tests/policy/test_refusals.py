"""What people read, to the letter."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ai_gateway.domain.budgets import Limit, Unit, Window
from ai_gateway.domain.faults import Level
from ai_gateway.policy.refusals import contended, exhausted, shown, shown_up

CENT = 10_000_000
MIDNIGHT = int(datetime(2026, 12, 1, tzinfo=UTC).timestamp())
BERLIN = ZoneInfo("Europe/Berlin")
BERLINS = int(datetime(2026, 12, 1, tzinfo=BERLIN).timestamp())


def a_limit(window: Window = Window.DAILY, unit: Unit = Unit.USD, amount: int = 5000 * CENT) -> Limit:
    return Limit(("team", "team_1"), window, unit, amount, "Search")


def test_the_customers_message() -> None:
    fault = exhausted(a_limit(), 5234 * CENT, 2 * CENT, MIDNIGHT)
    assert fault.message == "Daily cost limit exceeded. Limit: $50.00, Current: $52.34. Resets at midnight UTC."
    assert (fault.status, fault.code, fault.level) == (402, "budget_exceeded", Level("team", "Search"))
    assert fault.retry_after_seconds is None


def test_below_the_limit_one_more_sentence_says_what_the_request_could_have_added() -> None:
    fault = exhausted(a_limit(), 4999 * CENT, 2 * CENT, MIDNIGHT)
    assert fault.message == (
        "Daily cost limit exceeded. Limit: $50.00, Current: $49.99. Resets at midnight UTC."
        " This request could cost up to $0.02."
    )


@pytest.mark.parametrize(
    ("limit", "spent", "resets_at", "zone", "message"),
    [
        (
            a_limit(Window.MONTHLY),
            5000 * CENT,
            MIDNIGHT,
            UTC,
            "Monthly cost limit exceeded. Limit: $50.00, Current: $50.00. Resets on 2026-12-01 at midnight UTC.",
        ),
        (
            a_limit(Window.TOTAL),
            5000 * CENT,
            None,
            UTC,
            "Total cost limit exceeded. Limit: $50.00, Current: $50.00. It does not reset.",
        ),
        (
            a_limit(),
            5000 * CENT,
            BERLINS,
            BERLIN,
            "Daily cost limit exceeded. Limit: $50.00, Current: $50.00. Resets at midnight in Europe/Berlin.",
        ),
        (
            a_limit(Window.MONTHLY),
            5000 * CENT,
            BERLINS,
            BERLIN,
            "Monthly cost limit exceeded. Limit: $50.00, Current: $50.00."
            " Resets on 2026-12-01 at midnight in Europe/Berlin.",
        ),
        (
            a_limit(unit=Unit.TOKENS, amount=1_000_000),
            1_000_001,
            MIDNIGHT,
            UTC,
            "Daily token limit exceeded. Limit: 1,000,000 tokens, Current: 1,000,001 tokens. Resets at midnight UTC.",
        ),
        (
            a_limit(unit=Unit.REQUESTS, amount=100),
            100,
            MIDNIGHT,
            UTC,
            "Daily request limit exceeded. Limit: 100 requests, Current: 100 requests. Resets at midnight UTC.",
        ),
    ],
)
def test_other_windows_units_and_zones(
    limit: Limit, spent: int, resets_at: int | None, zone: ZoneInfo, message: str
) -> None:
    assert exhausted(limit, spent, 1, resets_at, zone).message == message


@pytest.mark.parametrize(
    ("nano", "down", "up"),
    [
        (0, "$0.00", "$0.00"),
        (10 * CENT, "$0.10", "$0.10"),
        (95_640_000, "$0.0956", "$0.0957"),
        (99_999_999, "$0.0999", "$0.10"),
        (1, "$0.000000001", "$0.0001"),
        (120_000, "$0.0001", "$0.0002"),
        (1_999_999_999, "$1.99", "$2.00"),
        (52_340_000_000, "$52.34", "$52.34"),
        (1_234_567_000_000_000, "$1234567.00", "$1234567.00"),
    ],
)
def test_money_is_never_told_too_high_when_spent_nor_too_low_when_asked(nano: int, down: str, up: str) -> None:
    assert (shown(Unit.USD, nano), shown_up(Unit.USD, nano)) == (down, up)


def test_what_others_hold_is_worth_another_try_soon() -> None:
    fault = contended(a_limit(), 5, 10)
    assert (fault.status, fault.code, fault.retryable, fault.retry_after_seconds) == (429, "budget_contended", True, 1)
    assert fault.level == Level("team", "Search")
