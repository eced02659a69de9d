from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.admin.money import parse_dollars, parse_price, show_dollars, show_price


@given(st.integers(min_value=0, max_value=9 * 10**18))
def test_dollars_survive_being_shown_and_read_again(nano: int) -> None:
    shown = show_dollars(nano)
    assert parse_dollars(shown) == nano
    assert parse_dollars(Decimal(shown)) == nano


@given(st.integers(min_value=0, max_value=10**12))
def test_prices_survive_being_shown_and_read_again(pico: int) -> None:
    assert parse_price(show_price(pico)) == pico


@pytest.mark.parametrize(
    ("given_value", "nano"),
    [
        (Decimal("0.10"), 100_000_000),
        (Decimal("1e-9"), 1),
        (Decimal("1E+2"), 100_000_000_000),
        (Decimal("0e999"), 0),
        ("0.10", 100_000_000),
        ("-0", 0),
        (50, 50_000_000_000),
        (9_000_000_000, 9 * 10**18),
    ],
)
def test_dollars_are_read_as_decimal_text(given_value: object, nano: int) -> None:
    assert parse_dollars(given_value) == nano


@pytest.mark.parametrize(
    "value",
    [
        -1,
        "-0.01",
        Decimal("-0.10"),
        Decimal("1e-10"),
        "0.0000000001",
        "0.1000000000",
        9_000_000_001,
        Decimal("1e999999"),
        Decimal("NaN"),
        Decimal("Infinity"),
        "NaN",
        "1e2",
        "1_000",
        " 1",
        "٣",
        "",
        True,
        None,
        [],
        {},
    ],
)
def test_what_is_no_amount_of_dollars_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        parse_dollars(value)


@pytest.mark.parametrize(
    ("nano", "text"), [(0, "0.00"), (100_000_000, "0.10"), (1, "0.000000001"), (50_000_000_000, "50.00")]
)
def test_dollars_are_shown_with_at_least_cents(nano: int, text: str) -> None:
    assert show_dollars(nano) == text


def test_a_price_of_a_dollar_per_million_is_a_million_pico_a_token() -> None:
    assert parse_price("1") == 1_000_000
    with pytest.raises(ValueError):
        parse_price("0.0000001")
