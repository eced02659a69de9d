"""JSON from somebody whom nobody trusts: what does not decode is absent, and never an exception.

A provider's answer may be cut, hostile or merely new. The codecs therefore read parts of it (`msgspec.Raw` keeps the
rest undecoded, so that half an emoji in a text cannot hide the usage beside it) and ask for each part whether it is
what they can use.
"""

from typing import TypeVar, cast

import msgspec

T = TypeVar("T")
NO_RAW = msgspec.Raw()
"""The default of a raw member that is absent."""


def decode(data: bytes | msgspec.Raw, kind: type[T]) -> T | None:
    """The value, or None where the bytes are not JSON of this kind (nor UTF-8, nor of sane depth)."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError):
        return None


def decode_any(data: bytes | msgspec.Raw) -> object:
    """The plain value, or None where it does not decode (or is null)."""
    return decode(data, object)


def says_something(raw: msgspec.Raw) -> bool:
    """Whether a raw member is there and is not null, false or empty."""
    return bytes(raw).strip() not in (b"", b"null", b"false", b'""', b"{}", b"[]")


def as_object(value: object) -> dict[str, object]:
    """The value if it is a JSON object, else an empty one."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """The value if it is a JSON array, else an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def first_of(value: object) -> object:
    """The first element of a JSON array, or None where there is none."""
    return next(iter(as_list(value)), None)


def as_text(value: object) -> str | None:
    """A string, or a number as one (providers disagree on whether a code is 401 or "401"); None for all else."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9 else None
