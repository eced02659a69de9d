"""Dollars in, integers inside, decimal text out; no float at any step.

Limits are nano-dollars, prices pico-dollars a token. Both are the same reading of decimal text at another scale:
digits and exponent are taken apart by hand, because Decimal's own arithmetic rounds at its context's precision.
"""

import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, WithJsonSchema

_TEXT: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)
_NANO_PLACES: Final = 9
_MAX_DOLLARS: Final = 9_000_000_000  # 9e18 nano-dollars still fit in 64 bits
_PRICE_PLACES: Final = 6  # $0.000001 per million tokens is one pico-dollar a token
_PICO_PLACES: Final = 12  # a fee is pico-dollars a request: tokens and fee are added before they are rounded
_MAX_PRICE: Final = 1_000_000


def parse_dollars(value: object) -> int:
    """Dollars (a JSON number as int or Decimal, or decimal text) as nano-dollars; raises ValueError."""
    return _scaled(value, _NANO_PLACES, _MAX_DOLLARS)


def parse_price(value: object) -> int:
    """Dollars per million tokens as pico-dollars a token; raises ValueError."""
    return _scaled(value, _PRICE_PLACES, _MAX_PRICE)


def parse_fee(value: object) -> int:
    """Dollars per request as pico-dollars; raises ValueError."""
    return _scaled(value, _PICO_PLACES, _MAX_PRICE)


def show_fee(pico: int) -> str:
    return _shown(pico, _PICO_PLACES)


def show_dollars(nano: int) -> str:
    return _shown(nano, _NANO_PLACES)


def show_price(pico: int) -> str:
    return _shown(pico, _PRICE_PLACES)


def _scaled(value: object, places: int, maximum: int) -> int:
    number = _as_decimal(value)
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError("must be a finite amount of dollars.")
    if not number:
        return 0
    if sign:
        raise ValueError("must not be negative.")
    if exponent < -places:
        raise ValueError(f"must have at most {places} decimals.")
    if number > maximum:
        raise ValueError(f"must be at most {maximum} dollars.")
    return int("".join(map(str, digits))) * 10 ** (exponent + places)


def _as_decimal(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, str) and _TEXT.fullmatch(value):
        return Decimal(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError('must be dollars, as a number or as decimal text such as "0.10".')


def _shown(scaled: int, places: int) -> str:
    whole, rest = divmod(scaled, 10**places)
    return f"{whole}.{str(rest).zfill(places).rstrip('0').ljust(2, '0')}"


_MONEY_SCHEMA: Final = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}],
    "examples": ["0.10"],
}

Dollars = Annotated[int, BeforeValidator(parse_dollars), WithJsonSchema(_MONEY_SCHEMA)]
"""A request field in dollars; the model holds nano-dollars."""

Fee = Annotated[int, BeforeValidator(parse_fee), WithJsonSchema(_MONEY_SCHEMA)]
"""A request field in dollars per request; the model holds pico-dollars."""

PerMillion = Annotated[int, BeforeValidator(parse_price), WithJsonSchema(_MONEY_SCHEMA)]
"""A request field in dollars per million tokens; the model holds pico-dollars a token."""
