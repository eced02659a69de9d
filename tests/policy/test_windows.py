"""Windows partition time: every instant is in exactly one day and one month, whatever happens at midnight."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.windows import (
    DAY_MS,
    day_of_request,
    day_starts_ms,
    month_starts_ms,
    window_names,
    windows_at,
)
from ai_gateway.runtime import ids

AN_INSTANT = st.floats(min_value=0, max_value=4_102_444_800, allow_nan=False)


@given(AN_INSTANT)
def test_an_instant_is_in_the_day_and_the_month_that_the_calendar_says(at: float) -> None:
    windows = windows_at(at)
    that = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(at * 1000))).date()
    assert window_names(windows) == (f"D:{that}", f"M:{that:%Y-%m}", "T:total")


@given(AN_INSTANT)
def test_a_window_begins_at_its_first_millisecond_and_not_before(at: float) -> None:
    windows = windows_at(at)
    assert windows_at(day_starts_ms(windows) / 1000) == windows
    assert windows_at((day_starts_ms(windows) - 1) / 1000 if windows.day else 0).day == max(0, windows.day - 1)
    first = windows_at(month_starts_ms(windows) / 1000)
    assert first.month == windows.month
    assert month_starts_ms(windows) == day_starts_ms(first) <= day_starts_ms(windows)


def test_days_and_months_follow_each_other_without_a_gap_over_a_leap_year() -> None:
    day = date(2027, 12, 30)
    windows = [windows_at(datetime(it.year, it.month, it.day, tzinfo=UTC).timestamp()) for it in _days(day, 400)]
    assert [it.day for it in windows] == list(range(windows[0].day, windows[0].day + 400))
    assert {it.month for it in windows} == set(range(windows[0].month, windows[0].month + 15))


@pytest.mark.parametrize("before_midnight", [1e-3, 1e-4, 1e-6, 1e-7, 0.0])
def test_the_id_of_a_request_tells_the_same_day_as_its_instant(before_midnight: float) -> None:
    at = 1_767_312_000.0 - before_midnight  # 2026-01-02T00:00:00Z
    request_id = ids.request_id(at)
    assert int(request_id[4:16], 16) // 86_400_000 == windows_at(at).day
    tomorrow = windows_at(1_767_312_000.0)
    assert (request_id >= ids.first_request_id(day_starts_ms(tomorrow))) == (windows_at(at) == tomorrow)


def _days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=number) for number in range(count)]


def test_the_day_of_a_request_is_told_by_its_id_to_the_millisecond() -> None:
    last, first = 20_400 * DAY_MS - 1, 20_400 * DAY_MS
    assert day_of_request(f"req_{last:012x}{7:016x}", 0.0) == 20_399
    assert day_of_request(f"req_{first:012x}{7:016x}", 0.0) == 20_400


@pytest.mark.parametrize("foreign", ["req_1", "", "req_" + "x" * 28, "req_" + "0" * 29])
def test_the_day_of_an_id_that_is_not_ours_is_that_of_its_start(foreign: str) -> None:
    assert day_of_request(foreign, 20_400 * 86_400.0) == 20_400
