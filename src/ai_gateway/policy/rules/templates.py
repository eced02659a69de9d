"""Texts with variables in them: `${tenant_id}`, and `$$` where a dollar is meant.

A template is a list of texts and names, made when it is saved. It has no logic, so it cannot loop, fail or say more
than its variables do; what is filled in is never read again as a template.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, cast, final

from ai_gateway.domain.rules import VARIABLES, Facts, FactValue, Json, Template
from ai_gateway.policy.rules.refused import RuleRefused

_MARK: Final = re.compile(r"\$(?:(\$)|\{([^{}]{0,64})\}|(\{))")


@final
class PlainText:
    """A text without variables."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def fill(self, facts: Facts) -> str:
        return self.text


@final
class FilledText:
    """`parts`: a text and the fact that follows it, in pairs; `rest` ends it."""

    __slots__ = ("_parts", "_rest")

    def __init__(self, parts: tuple[tuple[str, str], ...], rest: str) -> None:
        self._parts = parts
        self._rest = rest

    def fill(self, facts: Facts) -> str:
        value = facts.value
        return "".join([text + _shown(value(name)) for text, name in self._parts]) + self._rest


@final
class FilledValue:
    """A JSON object or list, made anew each time: a request that changes what it was given changes only its own."""

    __slots__ = ("_value",)

    def __init__(self, value: Json) -> None:
        self._value = value

    def fill(self, facts: Facts) -> Json:
        return _filled(self._value, facts)


def compile_template(text: str, place: str) -> PlainText | FilledText:
    """Raises RuleRefused."""
    parts: list[tuple[str, str]] = []
    plain: list[str] = []
    last = 0
    for mark in _MARK.finditer(text):
        plain.append(text[last : mark.start()])
        last = mark.end()
        if mark[1]:
            plain.append("$")
            continue
        parts.append(("".join(plain), _fact_of(mark, place)))
        plain = []
    rest = "".join((*plain, text[last:]))
    return FilledText(tuple(parts), rest) if parts else PlainText(rest)


def compile_value(value: Json, place: str) -> Json:
    """A JSON value whose texts are templates: the value itself where there is nothing to make, else something to fill.
    Raises RuleRefused."""
    compiled = _compiled(value, place)
    return FilledValue(compiled) if isinstance(compiled, dict | list) else compiled


def is_template(value: Json) -> bool:
    return isinstance(value, FilledText | FilledValue)


def fill_value(value: Json, facts: Facts) -> Json:
    return cast(Template, value).fill(facts) if is_template(value) else value


def _fact_of(mark: re.Match[str], place: str) -> str:
    at = mark.start() + 1
    if mark[3]:
        raise RuleRefused(place, f"has a '${{' that is never closed (at character {at}); a dollar is written '$$'")
    name = mark[2]
    if name not in VARIABLES:
        known = ", ".join(f"${{{one}}}" for one in VARIABLES)
        raise RuleRefused(place, f"has a variable that is not known (at character {at}); there are: {known}")
    return VARIABLES[name]


def _shown(value: FactValue) -> str:
    return "" if value is None else str(value)


def _compiled(value: Json, place: str) -> Json:
    if isinstance(value, str):
        template = compile_template(value, place)
        return template.text if isinstance(template, PlainText) else template
    if isinstance(value, dict):
        members = cast(Mapping[str, Any], value).items()
        return {name: _compiled(member, f"{place}.{name}") for name, member in members}
    if isinstance(value, list):
        return [_compiled(one, f"{place}[{index}]") for index, one in enumerate(cast(list[Any], value))]
    return value


def _filled(value: Json, facts: Facts) -> Json:
    if isinstance(value, FilledText):
        return value.fill(facts)
    if isinstance(value, dict):
        return {name: _filled(member, facts) for name, member in cast(Mapping[str, Any], value).items()}
    if isinstance(value, list):
        return [_filled(one, facts) for one in cast(list[Any], value)]
    return value
