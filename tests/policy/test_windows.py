"""Windows partition time: every instant is in exactly one day and one month, whatever happens at midnight."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.domain.budgets import Window
from ai_gateway.policy.windows import (
    day_starts_ms,
    ends_ms,
    month_starts_ms,
    number_of,
    window_id,
    window_of_id,
    windows_at,
    windows_of_day,
)
from ai_gateway.runtime import ids

AN_INSTANT = st.floats(min_value=0, max_value=4_102_444_800, allow_nan=False)
ZONES = """
UTC Europe/London Europe/Berlin Europe/Lisbon Europe/Moscow Europe/Istanbul Atlantic/Azores Atlantic/Reykjavik
America/New_York America/Chicago America/Denver America/Phoenix America/Los_Angeles America/Anchorage America/St_Johns
America/Halifax America/Havana America/Asuncion America/Santiago America/Sao_Paulo America/Nuuk America/Caracas
Africa/Cairo Africa/Casablanca Africa/Johannesburg Africa/Lagos Asia/Beirut Asia/Jerusalem Asia/Tehran Asia/Kabul
Asia/Kolkata Asia/Kathmandu Asia/Shanghai Asia/Tokyo Australia/Adelaide Australia/Lord_Howe Australia/Sydney
Pacific/Apia Pacific/Chatham Pacific/Kiritimati
""".split()  # noqa: SIM905
ZONED = st.sampled_from([UTC, *map(ZoneInfo, ZONES)])


@given(AN_INSTANT)
def test_an_instant_is_in_the_day_and_the_month_that_the_calendar_says(at: float) -> None:
    windows = windows_at(at)
    that = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(at * 1000))).date()
    names = [window_id(window, number_of(window, windows)) for window in Window]
    assert names == [f"D:{that}", f"M:{that:%Y-%m}", "T:total"]


@given(AN_INSTANT, ZONED)
def test_a_zones_calendar_is_the_one_of_the_library(at: float, zone: ZoneInfo) -> None:
    local = datetime.fromtimestamp(int(at * 1000) // 1000, UTC).astimezone(zone)
    names = [window_id(window, number_of(window, windows_at(at, zone))) for window in Window]
    assert names == [f"D:{local:%Y-%m-%d}", f"M:{local:%Y-%m}", "T:total"]


@given(AN_INSTANT)
def test_a_window_begins_at_its_first_millisecond_and_not_before(at: float) -> None:
    windows = windows_at(at)
    assert windows_at(day_starts_ms(windows) / 1000) == windows
    assert windows_at((day_starts_ms(windows) - 1) / 1000 if windows.day else 0).day == max(0, windows.day - 1)
    first = windows_at(month_starts_ms(windows) / 1000)
    assert first.month == windows.month
    assert month_starts_ms(windows) == day_starts_ms(first) <= day_starts_ms(windows)


@given(AN_INSTANT)
def test_a_window_is_told_from_its_id_and_from_its_day(at: float) -> None:
    windows = windows_at(at)
    assert windows_of_day(windows.day) == windows
    for window in Window:
        number = number_of(window, windows)
        assert window_of_id(window_id(window, number)) == (window, number)


@pytest.mark.parametrize("text", ["", "D", "D:", "D:2026-13-01", "M:2026-1", "W:2026-01", "T:all"])
def test_what_names_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        window_of_id(text)


@pytest.mark.parametrize("name", ZONES)
def test_b15_days_and_months_of_a_zone_partition_400_days(name: str) -> None:
    """Through a leap day and every change of clocks: each window ends where the next one begins, the millisecond before
    is still its own, and nothing is in two. Virtual days from 2027-12-01 on, in 40 zones."""
    zone = UTC if name == "UTC" else ZoneInfo(name)
    at_ms = int(datetime(2027, 12, 1, tzinfo=zone).timestamp()) * 1000
    windows = windows_at(at_ms / 1000, zone)
    assert day_starts_ms(windows, zone) == month_starts_ms(windows, zone) == at_ms
    for _ in range(400):
        end = ends_ms(Window.DAILY, windows, zone)
        assert end is not None
        assert 22.5 <= (end - at_ms) / 3_600_000 <= 25.5
        following = windows_at(end / 1000, zone)
        assert windows_at((end - 1) / 1000, zone) == windows
        assert following.day == windows.day + 1
        assert following.month - windows.month == (ends_ms(Window.MONTHLY, windows, zone) == end)
        at_ms, windows = end, following
    assert ends_ms(Window.TOTAL, windows, zone) is None


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
