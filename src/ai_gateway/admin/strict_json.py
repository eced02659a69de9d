"""JSON as the standard means it, because what Python's parser forgives becomes somebody's surprise later.

Refused are duplicate keys (two readers would see two values), NaN and Infinity (not JSON), numbers too long to be
meant, lone surrogates and NUL (cannot be stored), nesting beyond a depth (a parser's stack), and whatever is not one
object. Numbers with a point stay `Decimal`, so that dollars never pass a float.
"""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final, cast

from ai_gateway.domain.faults import InvalidRequest

MAX_DEPTH: Final = 128
_ESCAPED_TROUBLE: Final = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_MAX_EXPONENT: Final = 400  # beyond any double; a number like 1e999999999 must not be expanded by whoever reads it


class _Refused(ValueError):
    """Why a document is not taken; the text is for people."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Raises InvalidRequest (400) with a text that says what is wrong."""
    if not body.strip():
        raise InvalidRequest("The body is empty; a JSON object is expected.", code="invalid_json")
    try:
        value = _parse(body)
    except _Refused as refused:
        raise InvalidRequest(f"The body is not acceptable JSON: {refused}", code="invalid_json") from None
    if not isinstance(value, dict):
        raise InvalidRequest("The body is JSON, but not an object.", code="invalid_json")
    return cast(dict[str, Any], value)


def _parse(body: bytes) -> object:
    try:
        value: object = json.loads(
            body.decode("utf-8"),
            parse_float=_read_decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_refuse_duplicates,
        )
    except UnicodeDecodeError:
        raise _Refused("it is not valid UTF-8.") from None
    except json.JSONDecodeError as wrong:
        raise _Refused(f"{wrong.msg} at line {wrong.lineno}, column {wrong.colno}.") from None
    except RecursionError:
        raise _Refused(f"it is nested deeper than {MAX_DEPTH} levels.") from None
    except _Refused:
        raise
    except ValueError:  # an integer beyond Python's digit limit
        raise _Refused("it has a number with too many digits.") from None
    _check_depth(value)
    if _ESCAPED_TROUBLE.search(body):
        _check_text(value)
    return value


def _read_decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _Refused("it has a number that is out of range.") from None
    if abs(number.adjusted()) > _MAX_EXPONENT:
        raise _Refused("it has a number that is out of range.")
    return number


def _refuse_constant(name: str) -> object:
    raise _Refused(f"{name} is not JSON.")


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Refused("an object has the same key twice.")
    return members


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(cast(dict[str, object], value).values())
    return cast(list[object], value) if isinstance(value, list) else []


def _containers(values: list[object]) -> list[object]:
    return [value for value in values if isinstance(value, dict | list)]


def _check_depth(value: object) -> None:
    level: list[object] = _containers([value])
    depth = 0
    while level:
        depth += 1
        level = [child for parent in level for child in _containers(_children(parent))]
        if depth > MAX_DEPTH:
            raise _Refused(f"it is nested deeper than {MAX_DEPTH} levels.")


def _check_text(value: object) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str).encode("utf-8")
    except UnicodeEncodeError:
        raise _Refused("it has a lone surrogate.") from None
    if rb"\u0000" in text.replace(rb"\\", b""):
        raise _Refused("it has a NUL character.")
