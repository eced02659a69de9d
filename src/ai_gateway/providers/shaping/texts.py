"""Where in a request's JSON the words of people, tools and models are: everything that is not known to be something
else.

A list of text fields would miss what a provider adds tomorrow, and a text that is missed leaves unscanned. So every
string is a text, but for words of the dialects themselves under names that are known for them (`type`, `role`, ids,
names of tools), and bytes under names that are known for those (`data`, signatures). Even there it has to look like
one: a `type` with a space or an address in it is text.

Free JSON (arguments of calls, metadata, members that nobody knows) has no structure of ours: its names are words, and a
number may be somebody's card. It is rewritten literal by literal, so what is between them stays byte for byte, and a
name that is said twice is looked at twice. Everything else is decoded and written anew, which leaves one of the two.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final, cast, final

import msgspec

from ai_gateway.domain.rules import Json, RuleError, TextPipe
from ai_gateway.providers.decoding import decode
from ai_gateway.providers.shaping.raw_json import Members, raw_of, whole_of
from ai_gateway.providers.shaping.text_names import (
    ARGUMENTS,
    COMMON,
    CREDENTIALS,
    FREE,
    KNOWN,
    NAMED,
    NO_TEXT,
    OF_SCHEMA,
    REMOTE,
    SCHEMAS,
    VALUES,
    Object,
    is_word,
)

Make = Callable[[], TextPipe]
Spares = Callable[[str], bool]

_LITERAL: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)
_MODEL: Final = "model"
_encode: Final = msgspec.json.Encoder().encode


def _none_spared(_text: str) -> bool:
    return False


def rewritten(members: Members, make: Make, spares: Spares | None = None) -> Members:
    """The members with every text put through a pipe of its own, unless it is spared. Raises RuleError where one cannot
    be read, and what pipes raise."""
    walk = _Walk(make, spares or _none_spared)
    try:
        return walk.body(members)
    except RecursionError:
        raise RuleError("the body is too deep") from None


def texts_in(members: Members) -> tuple[str, ...]:
    """What `rewritten` would see, in the same order."""
    listener = _Listener()
    rewritten(members, lambda: listener)
    return tuple(listener.heard)


@final
class _Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def feed(self, text: str) -> str:
        self.heard.append(text)
        return text

    def end(self) -> str:
        return ""


@final
class _Walk:
    """Changes what it is given, which was decoded for it."""

    def __init__(self, make: Make, spares: Spares) -> None:
        self._make = make
        self._spares = spares

    def body(self, members: Members) -> Members:
        told: Members = {}
        for name, raw in members.items():
            if name not in KNOWN:
                said = self._text(name)
                told[said] = self._free(whole_of(raw))
                continue
            value = whole_of(raw)
            kind = value.__class__
            if kind is list or kind is dict:
                told[name] = raw_of(self._value({}, name, value))
            elif kind is str and name != _MODEL:
                said = self._string({}, name, value)
                told[name] = raw if said == value else raw_of(said)
            else:
                told[name] = raw
        return told

    def _text(self, said: str) -> str:
        if not said or self._spares(said):
            return said
        pipe = self._make()
        return pipe.feed(said) + pipe.end()

    def _object(self, told: Object) -> Object:
        make, spares = self._make, self._spares
        for name, value in told.items():
            kind = value.__class__
            if kind is str:
                if not value:
                    continue
                if name not in NO_TEXT:
                    if not spares(value):
                        pipe = make()
                        told[name] = pipe.feed(value) + pipe.end()
                elif value not in COMMON:
                    told[name] = self._string(told, name, value)
            elif kind is dict or kind is list:
                told[name] = self._value(told, name, value)
        return told

    def _value(self, told: Object, name: str, value: Any) -> Json:
        """An object or a list, under this name in `told`."""
        if name in CREDENTIALS and told.get("type") in REMOTE:
            return value
        if isinstance(value, dict):
            inner = cast("Object", value)
            if name in SCHEMAS:
                return self._schema(inner)
            return self._free(inner) if name in FREE else self._object(inner)
        return self._items(told, name, value)

    def _items(self, told: Object, name: str, items: list[Any]) -> list[Any]:
        for number, item in enumerate(items):
            kind = item.__class__
            if kind is dict:
                items[number] = self._object(item)
            elif kind is str:
                items[number] = self._string(told, name, item)
            elif kind is list:
                items[number] = self._items(told, name, item)
        return items

    def _string(self, told: Object, name: str, said: str) -> str:
        if name == ARGUMENTS:
            return self._arguments(said)
        is_no_text = NO_TEXT.get(name)
        return said if is_no_text is not None and is_no_text(told, said) else self._text(said)

    def _arguments(self, said: str) -> str:
        """What a model wrote as JSON, or tried to."""
        is_json = decode(said.encode(), object) is not None
        return self._json(said) if is_json else self._text(said)

    def _free(self, value: Json) -> msgspec.Raw:
        return msgspec.Raw(self._json(_encode(value).decode()).encode())

    def _json(self, text: str) -> str:
        said = _LITERAL.sub(self._literal, text)
        return text if said == text else _without_doubles(said, text)

    def _literal(self, found: re.Match[str]) -> str:
        token = found[0]
        if token[0] != '"':
            said = self._text(token)
            return token if said == token else _encode(said).decode()
        plain = token[1:-1] if "\\" not in token else decode(token.encode(), str)
        if not plain:
            return token
        said = self._text(plain)
        return token if said == plain else _encode(said).decode()

    def _schema(self, schema: Object) -> Object:
        """Names of properties are the caller's own; what a value may be is said to the model like any text."""
        for name, value in schema.items():
            if name in NAMED and isinstance(value, dict):
                named = cast("Object", value)
                for key, inner in named.items():
                    named[key] = self._of_schema(key, inner)
            else:
                schema[name] = self._of_schema(name, value)
        return schema

    def _of_schema(self, name: str, value: Json) -> Json:
        if isinstance(value, str):
            return value if name in OF_SCHEMA and is_word({}, value) else self._text(value)
        if name in VALUES and isinstance(value, dict | list):
            return self._free(value)
        if isinstance(value, dict):
            return self._schema(cast("Object", value))
        return [self._of_schema(name, it) for it in cast("list[Any]", value)] if isinstance(value, list) else value


def _without_doubles(said: str, before: str) -> str:
    """Two names may have become the same, of which readers keep one: then the second gets a number. Those that were
    the same before are the caller's own."""
    try:
        told, doubles = _told_apart(said)
        return said if not doubles or _told_apart(before)[1] else _encode(told).decode()
    except ValueError:  # half an emoji, which stays what it was
        return said


def _told_apart(text: str) -> tuple[Json, int]:
    """The value with every name once, and how many had to be given a number."""
    doubles = 0

    def members(pairs: list[tuple[str, Json]]) -> Object:
        nonlocal doubles
        told: Object = {}
        for name, value in pairs:
            said, count = name, 1
            while said in told:
                count += 1
                said = f"{name} ({count})"
            doubles += count > 1
            told[said] = value
        return told

    reader = json.JSONDecoder(
        object_pairs_hook=members, parse_float=_raw, parse_int=_raw, parse_constant=_raw, strict=False
    )
    return reader.decode(text), doubles


def _raw(number: str) -> msgspec.Raw:
    return msgspec.Raw(number.encode())
