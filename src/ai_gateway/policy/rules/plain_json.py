"""What people wrote, checked before anything reads it: JSON that can be kept, of a size that stays small.

Each thing that is wrong has its place. Nothing else in this room has to think of a number that is no number, of half a
character, or of a depth that is a stack's end.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from ai_gateway.policy.rules.refused import RuleRefused

MOST_TEXT_BYTES: Final = 16 * 1024
MOST_ENTRIES: Final = 256
MOST_DEPTH: Final = 32
_MOST_NUMBER: Final = 2**63 - 1
_SHOWN: Final = 64


def canonical(rules: Sequence[Mapping[str, Any]]) -> str:
    """Two lists of rules that say the same have the same text, in ASCII, whatever is in them."""
    return json.dumps(rules, sort_keys=True, separators=(",", ":"))


def check_json(value: object, place: str, depth: int = 0) -> None:
    """Raises RuleRefused."""
    if depth > MOST_DEPTH:
        raise RuleRefused(place, f"is nested deeper than {MOST_DEPTH} levels")
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise RuleRefused(place, "is no number that JSON has")
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) > _MOST_NUMBER:
            raise RuleRefused(place, "is a number that is too large")
    elif isinstance(value, dict):
        _check_object(cast(dict[object, object], value), place, depth)
    elif isinstance(value, list | tuple):
        entries = cast(Sequence[object], value)
        _check_count(len(entries), place)
        for index, entry in enumerate(entries):
            check_json(entry, f"{place}[{index}]", depth + 1)
    else:
        raise RuleRefused(place, "is not JSON")


def within(place: str, member: str) -> str:
    """The place of a member; a long or strange name is cut."""
    return f"{place}.{''.join(sign for sign in member[:_SHOWN] if sign.isprintable())}"


def _check_text(text: str, place: str) -> None:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise RuleRefused(place, "has half of a character in it (a lone surrogate)") from None
    if size > MOST_TEXT_BYTES:
        raise RuleRefused(place, f"is longer than {MOST_TEXT_BYTES // 1024} KiB")
    if "\x00" in text:
        raise RuleRefused(place, "has a NUL character in it")


def _check_object(value: Mapping[object, object], place: str, depth: int) -> None:
    _check_count(len(value), place)
    for name, member in value.items():
        if not isinstance(name, str):
            raise RuleRefused(place, "is not JSON")
        _check_text(name, place)
        check_json(member, within(place, name), depth + 1)


def _check_count(count: int, place: str) -> None:
    if count > MOST_ENTRIES:
        raise RuleRefused(place, f"has more than {MOST_ENTRIES} entries")
