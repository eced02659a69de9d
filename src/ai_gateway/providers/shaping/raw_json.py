"""JSON members that are changed without being read whole: only the objects on the way are opened, one level each.

What is beside the way keeps its bytes: the order of members, the text of numbers, whatever a provider adds tomorrow.
Where a whole value has to be opened (its texts are asked for), numbers that a float could not hold stay the text that
they were.
"""

from typing import Final

import msgspec

from ai_gateway.domain.rules import Json, Path, RuleError
from ai_gateway.providers.decoding import decode

Members = dict[str, msgspec.Raw]
Items = list[msgspec.Raw]

_N: Final = 0x6E
_QUOTE: Final = 0x22
_ANY: Final = msgspec.json.Decoder()
_TEXT: Final = msgspec.json.Decoder(str)
_FLOATS: Final = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode()))
_MEMBERS: Final = msgspec.json.Decoder(Members)
_ITEMS: Final = msgspec.json.Decoder(Items)
_encode: Final = msgspec.json.Encoder().encode


def first_byte(raw: msgspec.Raw) -> int:
    """Which tells an object from a list and a text from a number. Values that were read out of a body begin with it."""
    return memoryview(raw)[0]


def is_null(raw: msgspec.Raw) -> bool:
    return first_byte(raw) == _N


def raw_of(value: Json) -> msgspec.Raw:
    """Raises RuleError for what JSON cannot say."""
    try:
        return msgspec.Raw(_encode(value))
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise RuleError("a value is no JSON") from None


def members_of(raw: msgspec.Raw) -> Members | None:
    """None where it is no object."""
    try:
        return _MEMBERS.decode(raw)
    except (ValueError, RecursionError):
        return decode(raw, Members)


def items_of(raw: msgspec.Raw) -> Items | None:
    """None where it is no list."""
    try:
        return _ITEMS.decode(raw)
    except (ValueError, RecursionError):
        return decode(raw, Items)


def value_of(raw: msgspec.Raw) -> Json:
    """None, too, where nobody could read it."""
    try:
        return _ANY.decode(raw)
    except (ValueError, RecursionError):
        return decode(raw, object)


def text_of(raw: msgspec.Raw | None) -> str | None:
    """The text, empty for none; None where it is something else than a text."""
    start = _N if raw is None else memoryview(raw)[0]
    if raw is None or start != _QUOTE:
        return "" if start == _N else None
    try:
        return _TEXT.decode(raw)
    except (ValueError, RecursionError):
        return decode(raw, str)


def whole_of(raw: msgspec.Raw) -> Json:
    """The value, whose fractions stay text (`Raw`). What is no JSON cannot be scanned, so it raises RuleError."""
    try:
        return _FLOATS.decode(raw)
    except (ValueError, RecursionError):
        mended = decode(raw, object)
    if mended is None and not is_null(raw):
        raise RuleError("a member is not valid JSON")
    return mended


def found_in(raw: msgspec.Raw, path: Path) -> Json:
    """What is there, the first of it where a list is on the way; UNSET where nothing is."""
    if not path:
        return value_of(raw)
    members = members_of(raw)
    if members is not None:
        return found_in(members[path[0]], path[1:]) if path[0] in members else msgspec.UNSET
    for item in items_of(raw) or ():
        if (found := found_in(item, path)) is not msgspec.UNSET:
            return found
    return msgspec.UNSET


def put_in(raw: msgspec.Raw | None, path: Path, value: msgspec.Raw) -> msgspec.Raw:
    """Raises RuleError where something that is no object is in the way."""
    if not path:
        return value
    if raw is None or is_null(raw):
        return raw_of({path[0]: put_in(None, path[1:], value)})
    members = members_of(raw)
    if members is not None:
        members[path[0]] = put_in(members.get(path[0]), path[1:], value)
        return raw_of(members)
    items = items_of(raw)
    if items is None:
        raise RuleError(f"'{path[0]}' has nowhere to be: what should have it is no object")
    return raw_of([put_in(item, path, value) for item in items])


def drop_in(raw: msgspec.Raw, path: Path) -> msgspec.Raw | None:
    """None where there is no such thing."""
    members = members_of(raw)
    if members is not None:
        return _without(members, path)
    items = items_of(raw)
    if items is None:
        return None
    dropped = [drop_in(item, path) for item in items]
    if all(it is None for it in dropped):
        return None
    return raw_of([item if less is None else less for item, less in zip(items, dropped, strict=True)])


def renamed_in(raw: msgspec.Raw, path: Path, to: str) -> msgspec.Raw | None:
    """None where there is no such thing. The member keeps its place."""
    members = members_of(raw)
    if members is not None:
        if len(path) == 1:
            named = renamed(members, path[0], to)
            return None if named is None else raw_of(named)
        inner = renamed_in(members[path[0]], path[1:], to) if path[0] in members else None
        return None if inner is None else raw_of({**members, path[0]: inner})
    items = items_of(raw)
    if items is None:
        return None
    changed = [renamed_in(item, path, to) for item in items]
    if all(it is None for it in changed):
        return None
    return raw_of([item if new is None else new for item, new in zip(items, changed, strict=True)])


def renamed(members: Members, name: str, to: str) -> Members | None:
    """None where there is none of that name. What had the new name before is gone."""
    if name not in members:
        return None
    return {to if it == name else it: raw for it, raw in members.items() if it == name or it != to}


def _without(members: Members, path: Path) -> msgspec.Raw | None:
    first = path[0]
    if first not in members:
        return None
    if len(path) == 1:
        del members[first]
        return raw_of(members)
    less = drop_in(members[first], path[1:])
    return None if less is None else raw_of({**members, first: less})
