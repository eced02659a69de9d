"""Calendars by their name: 'UTC', 'Europe/Berlin', as the IANA database has them."""

from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

UTC_NAME: Final = "UTC"


def zone_named(name: str) -> tzinfo:
    """UTC itself is told apart, because its days are plain arithmetic. Raises ValueError for a name that is none."""
    if name == UTC_NAME:
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, KeyError, ValueError) as error:  # KeyError: ZoneInfoNotFoundError; OSError: a folder of zones
        raise ValueError(f"{name!r} is not the name of a time zone") from error
