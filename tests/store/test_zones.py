from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from ai_gateway.store.zones import zone_named


def test_utc_is_told_apart_and_others_are_the_librarys() -> None:
    assert zone_named("UTC") is UTC
    assert zone_named("Europe/Berlin") == ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize("name", ["", "Europe", "Mars/Olympus", "../etc/passwd", "/etc/localtime", "a\0b"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        zone_named(name)
