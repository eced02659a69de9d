"""What a provider's headers say about its rate limits, read without trusting them.

Two dialects matter. OpenAI's (Groq and most compatible servers speak it) gives `x-ratelimit-{limit,remaining,reset}-`
`{requests,tokens}`, the reset as a Go duration ("6m0s", "12ms"). Anthropic's gives
`anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, the reset as an RFC 3339
instant. An instant needs a clock, and only the provider's own is trusted, which stands beside it in `date`: a wrong
clock of ours then changes nothing, and without `date` the instant is not read.

A reset without a unit is not read: Azure means milliseconds by it, others seconds, and guessing wrong by a thousand is
worse than not knowing. Whatever cannot be right (negative, not a number, absurdly large, more left than there is) is
as if it had not been said. https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers,
https://docs.anthropic.com/en/api/rate-limits#response-headers, https://pkg.go.dev/time#ParseDuration
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import msgspec

LARGEST: Final = 10**12
LONGEST_SECONDS: Final = 86_400.0
LANE_SHARE: Final = 0.1
MINUTE: Final = 60.0

_DIGITS: Final = re.compile(r"[0-9]{1,13}")
_NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_DURATION: Final = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,12})?(?:ns|us|µs|ms|s|m|h|d)){1,6}")
_PART: Final = re.compile(r"([0-9.]+)(ns|us|µs|ms|s|m|h|d)")
_UNIT_SECONDS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


class Quota(msgspec.Struct, frozen=True, gc=False):
    """One limit as its owner tells it. `limit` is at least 1 and `remaining` within it; `reset_seconds` is how long
    until all of it is there again. None: not said, or not believable."""

    limit: int | None = None
    remaining: int | None = None
    reset_seconds: float | None = None


class RateReport(msgspec.Struct, frozen=True):
    """`rest_seconds` is how long nothing should be sent at all: `retry-after`, or a lane of tokens that is empty."""

    requests: Quota | None = None
    tokens: Quota | None = None
    rest_seconds: float = 0.0


def read_rates(headers: Mapping[str, str]) -> RateReport | None:
    """None where nothing was said. Names are lower case."""
    if "anthropic-ratelimit-requests-limit" in headers or "anthropic-ratelimit-tokens-limit" in headers:
        report = _read_anthropic(headers)
    else:
        report = _read_openai(headers)
    rest = max(report.rest_seconds, _retry_after(headers))
    if report.requests is None and report.tokens is None and not rest:
        return None
    return RateReport(report.requests, report.tokens, rest)


def read_duration(text: str) -> float | None:
    """Seconds of a Go duration, at most a day."""
    if len(text) > 80 or not _DURATION.fullmatch(text):
        return None
    return min(sum(float(number) * _UNIT_SECONDS[unit] for number, unit in _PART.findall(text)), LONGEST_SECONDS)


def _read_openai(headers: Mapping[str, str]) -> RateReport:
    requests, tokens = (
        _quota(
            headers.get(f"x-ratelimit-limit-{what}"),
            headers.get(f"x-ratelimit-remaining-{what}"),
            read_duration(headers.get(f"x-ratelimit-reset-{what}", "").strip()),
        )
        for what in ("requests", "tokens")
    )
    return RateReport(requests, tokens)


def _read_anthropic(headers: Mapping[str, str]) -> RateReport:
    """`tokens` is the limit that binds most. The lanes of input and output are not counted here, because a request is
    one number of tokens; one that is empty stops everything until a tenth of it is back."""
    sent_at = _http_date(headers.get("date"))
    requests, tokens, *lanes = (
        _quota(
            headers.get(f"anthropic-ratelimit-{what}-limit"),
            headers.get(f"anthropic-ratelimit-{what}-remaining"),
            _until(headers.get(f"anthropic-ratelimit-{what}-reset"), sent_at),
        )
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    )
    empty = [
        MINUTE if lane.reset_seconds is None else lane.reset_seconds
        for lane in lanes
        if lane is not None and lane.remaining == 0
    ]
    return RateReport(requests, tokens, LANE_SHARE * max(empty, default=0.0))


def _quota(limit: str | None, remaining: str | None, reset_seconds: float | None) -> Quota | None:
    most, left = _count(limit), _count(remaining)
    if most == 0:
        most = None
    if most is not None and left is not None and left > most:
        left = None
    if most is None and left is None:
        return None
    return Quota(most, left, reset_seconds)


def _count(text: str | None) -> int | None:
    if text is None or not _DIGITS.fullmatch(text := text.strip()):
        return None
    number = int(text)
    return number if number <= LARGEST else None


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds; 0 where nothing was said. `retry-after-ms`, else `retry-after` in seconds or as a date (RFC 9110)."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if _NUMBER.fullmatch(text):
            return min(float(text) * unit, LONGEST_SECONDS)
    moment, sent_at = _http_date(headers.get("retry-after")), _http_date(headers.get("date"))
    return 0.0 if moment is None or sent_at is None else min(max(0.0, moment - sent_at), LONGEST_SECONDS)


def _until(text: str | None, sent_at: float | None) -> float | None:
    """Seconds from `sent_at` to an RFC 3339 instant, at most a day."""
    if text is None or sent_at is None or len(text) > 40:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, at - sent_at), LONGEST_SECONDS)


def _http_date(text: str | None) -> float | None:
    if text is None or not 16 <= len(text) <= 40:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
