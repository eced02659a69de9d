"""Rules about numbers: at most, at least. What a caller left out is left out; `default` gives it a value first."""

from typing import Final

import msgspec

from ai_gateway.domain.rules import Facts, Json, Path, RequestForm, RuleError, Tally
from ai_gateway.policy.rules.fields import number_for, path_of_number
from ai_gateway.policy.rules.written import Kind, Made, OnRequest, PathText, Placed, Written


class Cap(Written, frozen=True, kw_only=True, tag="cap"):
    """A number that is larger becomes `max`. One that is absent stays absent."""

    on: OnRequest
    field: PathText
    max: int | float


class Floor(Written, frozen=True, kw_only=True, tag="floor"):
    """A number that is smaller becomes `min`. One that is absent stays absent."""

    on: OnRequest
    field: PathText
    min: int | float


def make_cap(rule: Cap, placed: Placed) -> Made:
    path = path_of_number(rule.field, placed.at("field"))
    most = number_for(path, rule.max, placed.at("max"))

    def cap(form: RequestForm, facts: Facts, tally: Tally) -> None:
        number = _number_at(form, path)
        if number is not None and number > most:
            form.put(path, most)

    return Made(act=cap)


def make_floor(rule: Floor, placed: Placed) -> Made:
    path = path_of_number(rule.field, placed.at("field"))
    least = number_for(path, rule.min, placed.at("min"))

    def floor(form: RequestForm, facts: Facts, tally: Tally) -> None:
        number = _number_at(form, path)
        if number is not None and number < least:
            form.put(path, least)

    return Made(act=floor)


def _number_at(form: RequestForm, path: Path) -> float | None:
    """None where it is absent, which null means too."""
    value: Json = form.get(path)
    kind = value.__class__
    if kind is float or kind is int:
        return value
    if value is None or value is msgspec.UNSET:
        return None
    raise RuleError(f"'{'.'.join(path)}' is no number in this request")


KINDS: Final = (Kind(Cap, make_cap), Kind(Floor, make_floor))
