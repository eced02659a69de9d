"""Moments: ISO 8601 or Unix seconds in, Unix seconds inside, ISO 8601 in UTC out."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

_LAST: Final = 253_402_300_799  # 9999-12-31T23:59:59Z


def parse_instant(value: object) -> float:
    """Raises ValueError with a text for people. A text without a zone is read as UTC."""
    seconds = _seconds(value)
    if not 0 <= seconds <= _LAST:
        raise ValueError("must lie between the years 1970 and 9999.")
    return seconds


def show_instant(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds").replace("+00:00", "Z")


def _seconds(value: object) -> float:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return float(value) if abs(value) <= _LAST else -1.0
    if not isinstance(value, str):
        raise ValueError("must be ISO 8601 text or Unix seconds.")
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise ValueError('must be ISO 8601 text such as "2030-01-31T00:00:00Z", or Unix seconds.') from None


Instant = Annotated[
    float,
    BeforeValidator(parse_instant),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "number", "minimum": 0}]}),
]
"""A request field that is a moment; the model holds Unix seconds."""
