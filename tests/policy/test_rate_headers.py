import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_gateway.policy.rate_headers import LARGEST, LONGEST_SECONDS, Quota, RateReport, read_duration, read_rates
from recorded.corpus import load, needs_corpus

DATE = {"date": "Tue, 14 Oct 2025 19:38:40 GMT"}


def openai(limit: str, remaining: str, reset: str, what: str = "requests") -> dict[str, str]:
    names = ("limit", "remaining", "reset")
    return {f"x-ratelimit-{name}-{what}": it for name, it in zip(names, (limit, remaining, reset), strict=True)}


def anthropic(limit: str, remaining: str, reset: str, what: str = "requests") -> dict[str, str]:
    names = ("limit", "remaining", "reset")
    return {f"anthropic-ratelimit-{what}-{name}": it for name, it in zip(names, (limit, remaining, reset), strict=True)}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360),
        ("12ms", 0.012),
        ("0s", 0),
        ("1h2m3.5s", 3723.5),
        ("278.999999ms", 0.278999999),
        ("500µs", 0.0005),
        ("10m4.8s", 604.8),
        ("9d", LONGEST_SECONDS),
        ("99999999h", LONGEST_SECONDS),
    ],
)
def test_a_go_duration_is_seconds_and_a_day_at_most(text: str, seconds: float) -> None:
    assert read_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "500", "7", "s", "-1s", "1s ", "1.2.3s", "1e9s", "inf", "nan", "\u0663s", "1s" * 40, "1s" * 7, ".5s"]
)
def test_what_is_no_duration_is_not_read(text: str) -> None:
    assert read_duration(text) is None


def test_openais_headers_give_both_limits() -> None:
    headers = openai("5000", "4999", "12ms") | openai("160000", "159974", "8ms", "tokens")
    assert read_rates(headers) == RateReport(Quota(5000, 4999, 0.012), Quota(160_000, 159_974, 0.008))


def test_a_reset_without_a_unit_is_not_read() -> None:
    """Azure's 500 beside 119 of 120 are milliseconds (60 s / 120); elsewhere the same 500 would be seconds."""
    assert read_rates(openai("120", "119", "500")) == RateReport(Quota(120, 119, None))


def test_anthropics_reset_is_measured_against_its_own_clock() -> None:
    headers = anthropic("50", "49", "2025-10-14T19:38:43Z") | anthropic("48000", "47000", "bad", "tokens")
    assert read_rates(headers | DATE) == RateReport(Quota(50, 49, 3.0), Quota(48_000, 47_000, None))
    assert read_rates(headers) == RateReport(Quota(50, 49, None), Quota(48_000, 47_000, None))


def test_an_empty_lane_rests_until_a_tenth_of_it_is_back() -> None:
    headers = anthropic("50", "49", "2025-10-14T19:38:43Z") | anthropic(
        "8000", "0", "2025-10-14T19:39:20Z", "output-tokens"
    )
    report = read_rates(headers | DATE)
    assert report is not None
    assert report.rest_seconds == pytest.approx(4.0)  # 40 s / 10
    unknown = read_rates(headers)
    assert unknown is not None
    assert unknown.rest_seconds == pytest.approx(6.0)  # a minute / 10


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "43"}, 43),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1),
        ({"retry-after": "999999999"}, LONGEST_SECONDS),
        ({"retry-after": "Tue, 14 Oct 2025 19:39:10 GMT"} | DATE, 30),
        ({"retry-after": "Tue, 14 Oct 2025 19:38:10 GMT"} | DATE | openai("9", "9", "0s"), 0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float) -> None:
    report = read_rates(headers)
    assert report is not None
    assert report.rest_seconds == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["-1", "1e3", "soon", "", "\u0663", "Tue, 99 Oct 2025 99:99:99 GMT", "9" * 30])
def test_a_retry_after_that_cannot_be_right_is_not_read(text: str) -> None:
    assert read_rates({"retry-after": text}) is None
    assert read_rates({"retry-after": text} | DATE) is None


def test_a_date_to_retry_at_without_a_date_beside_it_is_not_read() -> None:
    assert read_rates({"retry-after": "Tue, 14 Oct 2025 19:39:10 GMT"}) is None


@pytest.mark.parametrize(
    ("limit", "remaining", "expected"),
    [
        ("0", "0", Quota(None, 0, 1.0)),
        ("-5", "3", Quota(None, 3, 1.0)),
        ("1_000", "3", Quota(None, 3, 1.0)),
        ("\u0661\u0660", "3", Quota(None, 3, 1.0)),
        ("10", "11", Quota(10, None, 1.0)),
        ("10", "many", Quota(10, None, 1.0)),
        (str(LARGEST), "1", Quota(LARGEST, 1, 1.0)),
        (str(LARGEST + 1), "1", Quota(None, 1, 1.0)),
        ("9" * 5000, "", None),
        ("", "", None),
    ],
)
def test_a_number_that_cannot_be_right_is_as_if_it_had_not_been_said(
    limit: str, remaining: str, expected: Quota | None
) -> None:
    assert read_rates(openai(limit, remaining, "1s")) == (None if expected is None else RateReport(expected))


def test_nothing_said_is_nothing_known() -> None:
    assert read_rates({"content-type": "text/plain"}) is None


NAMES = [
    *openai("", "", ""),
    *openai("", "", "", "tokens"),
    *anthropic("", "", ""),
    *anthropic("", "", "", "tokens"),
    *anthropic("", "", "", "output-tokens"),
    "retry-after",
    "retry-after-ms",
    "date",
]
HOSTILE = st.one_of(
    st.text(max_size=60),
    st.integers(-5, 10**14).map(str),
    st.datetimes().map(lambda it: it.isoformat() + "Z"),
    st.sampled_from(["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", DATE["date"], "6m0s", "1e400", "nan"]),
)


@given(st.dictionaries(st.sampled_from(NAMES), HOSTILE))
def test_whatever_is_said_what_is_read_is_bounded(headers: dict[str, str]) -> None:
    report = read_rates(headers)
    if report is None:
        return
    assert 0 <= report.rest_seconds <= LONGEST_SECONDS
    for quota in (report.requests, report.tokens):
        if quota is None:
            continue
        assert quota.limit is None or 1 <= quota.limit <= LARGEST
        assert quota.remaining is None or 0 <= quota.remaining <= (quota.limit or LARGEST)
        assert quota.reset_seconds is None or (0 <= quota.reset_seconds <= LONGEST_SECONDS)
        assert quota.reset_seconds is None or math.isfinite(quota.reset_seconds)


@needs_corpus
def test_every_recorded_limit_is_read() -> None:
    """OpenAI's, Groq's and Anthropic's own headers: both numbers of both limits, and no reset above a day."""
    read = 0
    left_of = {
        "x-ratelimit-limit-requests": "x-ratelimit-remaining-requests",
        "anthropic-ratelimit-tokens-limit": "anthropic-ratelimit-tokens-remaining",
    }
    for exchange in load():
        headers = exchange.headers
        for name, what in (("x-ratelimit-limit-requests", "requests"), ("anthropic-ratelimit-tokens-limit", "tokens")):
            if name not in headers:
                continue
            report = read_rates(headers)
            assert report is not None
            quota = getattr(report, what)
            assert quota.limit == int(headers[name])
            assert quota.remaining == int(headers[left_of[name]])
            assert exchange.provider == "azure" or quota.reset_seconds is not None
            read += 1
    assert read > 200
