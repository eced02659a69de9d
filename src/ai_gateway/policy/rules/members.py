"""Rules about single fields: set, given where absent, taken away, called something else."""

from typing import Any, Final

import msgspec

from ai_gateway.domain.rules import DropFields, Facts, Json, PutField, RequestForm, Tally
from ai_gateway.policy.rules.fields import (
    check_value,
    name_within,
    path_of_answer_to_drop,
    path_of_answer_to_put,
    path_to_change,
    path_to_drop,
)
from ai_gateway.policy.rules.refused import RuleRefused
from ai_gateway.policy.rules.templates import compile_value, fill_value
from ai_gateway.policy.rules.written import (
    Kind,
    Made,
    OnAny,
    OnEither,
    OnRequest,
    PathText,
    Placed,
    Written,
)


class Set(Written, frozen=True, kw_only=True, tag="set"):
    """The field has this value, whatever it had. `model` pins the model. Texts may have variables."""

    on: OnEither
    field: PathText
    value: Any


class Default(Written, frozen=True, kw_only=True, tag="default"):
    """The field has this value where the caller says nothing. Texts may have variables."""

    on: OnRequest
    field: PathText
    value: Any


class Drop(Written, frozen=True, kw_only=True, tag="drop"):
    """The fields are taken away; lists on the way are gone through. `field` is for a single one."""

    on: OnAny
    fields: tuple[PathText, ...] | None = None
    field: PathText | None = None


class Rename(Written, frozen=True, kw_only=True, tag="rename"):
    """The field has another name, in the same object."""

    on: OnRequest
    field: PathText
    to: PathText


def make_set(rule: Set, placed: Placed) -> Made:
    if placed.is_on_response:
        path = path_of_answer_to_put(rule.field, placed.at("field"))
        return Made(effects=(PutField(path, compile_value(rule.value, placed.at("value"))),))
    path = path_to_change(rule.field, placed.at("field"))
    check_value(path, rule.value, placed.at("value"))
    if path == ("model",) and not rule.value:
        raise RuleRefused(placed.at("value"), "must name a model")
    value = compile_value(rule.value, placed.at("value"))

    def put(form: RequestForm, facts: Facts, tally: Tally) -> None:
        form.put(path, fill_value(value, facts))

    return Made(act=put)


def make_default(rule: Default, placed: Placed) -> Made:
    path = path_to_change(rule.field, placed.at("field"))
    if path == ("model",):
        raise RuleRefused(placed.at("field"), "every request names a 'model'; 'set' gives it another one")
    check_value(path, rule.value, placed.at("value"))
    value = compile_value(rule.value, placed.at("value"))

    def put_where_absent(form: RequestForm, facts: Facts, tally: Tally) -> None:
        said: Json = form.get(path)
        if said is None or said is msgspec.UNSET:
            form.put(path, fill_value(value, facts))

    return Made(act=put_where_absent)


def make_drop(rule: Drop, placed: Placed) -> Made:
    if (rule.fields is None) == (rule.field is None):
        raise RuleRefused(placed.at("fields"), "is what to take away; give either 'fields' or one 'field'")
    if rule.fields == ():
        raise RuleRefused(placed.at("fields"), "must name at least one field")
    named = [(one, placed.at(f"fields[{index}]")) for index, one in enumerate(rule.fields or ())]
    named += [] if rule.field is None else [(rule.field, placed.at("field"))]
    asked = tuple(path_to_drop(*one) for one in named) if placed.is_on_request else ()
    answered = tuple(path_of_answer_to_drop(*one) for one in named) if placed.is_on_response else ()

    def drop(form: RequestForm, facts: Facts, tally: Tally) -> None:
        for path in asked:
            form.drop(path)

    return Made(act=drop if asked else None, effects=(DropFields(answered),) if answered else ())


def make_rename(rule: Rename, placed: Placed) -> Made:
    path = path_to_drop(rule.field, placed.at("field"))
    if path == ("tools",):
        raise RuleRefused(placed.at("field"), "'tools' is not a field that this rule may change; use 'tools'")
    to = name_within(rule.to, path, placed.at("to"))

    def rename(form: RequestForm, facts: Facts, tally: Tally) -> None:
        form.rename(path, to)

    return Made(act=rename)


KINDS: Final = (
    Kind(Set, make_set),
    Kind(Default, make_default),
    Kind(Drop, make_drop),
    Kind(Rename, make_rename),
)
