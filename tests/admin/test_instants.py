from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.admin.instants import parse_instant, show_instant


@given(st.integers(min_value=0, max_value=253_402_300_799))
def test_an_instant_survives_being_shown_and_read_again(seconds: int) -> None:
    assert parse_instant(show_instant(seconds)) == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01T01:00:00+01:00", 0.0),
        ("1970-01-01T00:00:01", 1.0),
        (60, 60.0),
        (Decimal("60.5"), 60.5),
    ],
)
def test_iso_text_and_unix_seconds_are_both_read(value: object, seconds: float) -> None:
    assert parse_instant(value) == seconds


@pytest.mark.parametrize(
    "value", ["tomorrow", "", "0001-01-01T00:00:00+23:00", -1, 10**30, Decimal("1e300"), True, None, ["2030"]]
)
def test_what_is_no_instant_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        parse_instant(value)


def test_an_instant_is_shown_in_utc() -> None:
    assert show_instant(0) == "1970-01-01T00:00:00Z"
    assert show_instant(0.25) == "1970-01-01T00:00:00.250Z"
