"""JSON from somebody whom nobody trusts: what does not decode is absent, and never an exception.

A provider's answer may be cut, hostile or merely new. The codecs therefore read parts of it and ask for each part
whether it is what they can use. Half an emoji, which some providers send at the end of a piece of text as a lone
surrogate, must not hide the usage beside it: such escapes are read as U+FFFD. Nor must NaN or a bare tab, which most
clients' parsers take: a text is not lost for what stands beside it. What is forwarded stays as it was.
"""

import json
import re
from functools import cache
from typing import TypeVar, cast

import msgspec

T = TypeVar("T")
_LENIENT = re.compile(rb"NaN|Infinity|[\x00-\x1f]")
NO_RAW = msgspec.Raw()
"""The default of a raw member that is absent."""

_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def decode(data: bytes | msgspec.Raw, kind: type[T]) -> T | None:
    """The value, or None where the bytes are not JSON of this kind (nor UTF-8, nor of sane depth)."""
    decoder = _decoder_of(kind)
    try:
        return decoder.decode(data)
    except (ValueError, RecursionError):
        mended = _ESCAPE.sub(_mend, bytes(data))
    try:
        return decoder.decode(mended)
    except (ValueError, RecursionError):
        strict = _strictly(mended)
    try:
        return None if strict is None else decoder.decode(strict)
    except (ValueError, RecursionError):
        return None


def decode_any(data: bytes | msgspec.Raw) -> object:
    """The plain value, or None where it does not decode (or is null)."""
    return decode(data, object)


def says_something(raw: msgspec.Raw) -> bool:
    """Whether a raw member is there and is not null, false or empty."""
    return raw is not NO_RAW and bytes(raw).strip() not in (b"", b"null", b"false", b'""', b"{}", b"[]")


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


@cache
def _decoder_of(kind: type[T]) -> msgspec.json.Decoder[T]:
    """A decoder for each kind that the codecs ask for; making one costs more than a small decode."""
    return msgspec.json.Decoder(kind)


def _strictly(data: bytes) -> bytes | None:
    """What only strict readers refuse, as they want it; None for what is no JSON to anybody. NaN is null."""
    if _LENIENT.search(data) is None:
        return None
    try:
        return msgspec.json.encode(json.loads(data, strict=False, parse_constant=lambda _: None))
    except (ValueError, RecursionError):
        return None


def _mend(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]
