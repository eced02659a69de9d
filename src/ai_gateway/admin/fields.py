"""The kinds of fields that several nouns share, each strict: a wrong type is named, never converted.

A body model is closed (`extra="forbid"`): a field that the gateway does not know is a typing error of the caller's,
and swallowing it would be the stub that pretends. Patch models inherit from the full ones and only give their required
fields a default; which fields were sent is what `model_fields_set` says.
"""

import unicodedata
from decimal import Decimal
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from ai_gateway.admin.money import Dollars, show_dollars
from ai_gateway.store.rows import LimitedRow
from ai_gateway.store.zones import zone_named


class Body(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")


B = TypeVar("B", bound=Body)


def merged(current: B, patch: Body) -> B:
    """The current body with the fields that the patch really has."""
    return current.model_copy(update={name: getattr(patch, name) for name in patch.model_fields_set})


def _printable(text: str) -> str:
    if not text.strip() or any(unicodedata.category(char) == "Cc" for char in text):
        raise ValueError("must be text that people can read, without control characters.")
    return text


def plain_number(value: object) -> object:
    return float(value) if isinstance(value, Decimal) else value


def distinct(texts: list[str]) -> list[str]:
    if len(set(texts)) != len(texts):
        raise ValueError("must not name the same thing twice.")
    return texts


def distinct_numbers(numbers: list[int]) -> list[int]:
    if len(set(numbers)) != len(numbers):
        raise ValueError("must not name the same number twice.")
    return numbers


def plain(value: object) -> Any:
    """Free-form JSON as it can be stored: no Decimal in it. Raises ValueError for what is beyond a double."""
    if isinstance(value, Decimal):
        return _finite(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in cast(dict[str, object], value).items()}
    if isinstance(value, list):
        return [plain(item) for item in cast(list[object], value)]
    return value


def _a_zone(name: str) -> str:
    zone_named(name)
    return name


def _finite(value: Decimal) -> float:
    number = float(value)
    if number in (float("inf"), float("-inf")):
        raise ValueError("has a number that is out of range.")
    return number


Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
RowId = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
ConfigName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
RouteName = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^/\x00-\x20\x7f]+$"), AfterValidator(_printable)
]
ModelNames = Annotated[list[Text], Field(max_length=500), AfterValidator(distinct)]
Seconds = Annotated[
    float,
    BeforeValidator(plain_number),
    Field(gt=0, le=86_400),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": 86_400}),
]
FreeForm = Annotated[dict[str, Any], BeforeValidator(plain)]
Zone = Annotated[Text, AfterValidator(_a_zone)]
Rate = Annotated[int, Field(ge=1, le=1_000_000_000_000)]


class RateLimitsBody(Body):
    requests_per_minute: Rate | None = None
    tokens_per_minute: Rate | None = None
    max_concurrent: Rate | None = None

    def stored(self) -> dict[str, int]:
        return cast(dict[str, int], self.model_dump(exclude_none=True))


class LimitsBody(Body):
    """What every level of the hierarchy can carry; dollars."""

    cost_limit_daily: Dollars | None = None
    cost_limit_monthly: Dollars | None = None
    cost_limit_total: Dollars | None = None
    rate_limits: RateLimitsBody = RateLimitsBody()


def stored_limits(body: LimitsBody) -> dict[str, Any]:
    """A body's limits as a row's columns."""
    return {
        "cost_limit_daily": body.cost_limit_daily,
        "cost_limit_monthly": body.cost_limit_monthly,
        "cost_limit_total": body.cost_limit_total,
        "rate_limits": body.rate_limits.stored(),
    }


def sent_limits(row: LimitedRow) -> dict[str, Any]:
    """A row's limits as the fields of a body that was validated before."""
    return {
        "cost_limit_daily": row.cost_limit_daily,
        "cost_limit_monthly": row.cost_limit_monthly,
        "cost_limit_total": row.cost_limit_total,
        "rate_limits": RateLimitsBody(**row.rate_limits),
    }


def limits_of(row: LimitedRow) -> dict[str, Any]:
    """A row's limits as they are answered."""
    return {
        "cost_limit_daily": _shown(row.cost_limit_daily),
        "cost_limit_monthly": _shown(row.cost_limit_monthly),
        "cost_limit_total": _shown(row.cost_limit_total),
        "rate_limits": row.rate_limits,
    }


def _shown(nano: int | None) -> str | None:
    return None if nano is None else show_dollars(nano)
