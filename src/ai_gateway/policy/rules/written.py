"""A rule as it is written, and what a kind makes of it.

Every kind declares its members as a Struct: their types and bounds are checked by one decoder, the same declaration is
what the API's description shows, and what a kind's own code sees is right already but for what types cannot say.
"""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, get_args, get_type_hints

import msgspec

from ai_gateway.domain.rules import Effect, Facts, Hook, Json, OnError, RequestForm, Tally
from ai_gateway.domain.secret import Secret
from ai_gateway.policy.rules.plain_json import within
from ai_gateway.policy.rules.refused import RuleRefused

W = TypeVar("W", bound="Written")
Act = Callable[[RequestForm, Facts, Tally], None]
SecretNamed = Callable[[str], Secret | None]

OnRequest = Literal["request"]
OnResponse = Literal["response"]
OnEither = Literal["request", "response"]
OnAny = Literal["request", "response", "both"]

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Lines = Annotated[tuple[Line, ...], msgspec.Meta(min_length=1, max_length=256)]
PathText = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description='For example "choices.logprobs".')]


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do"):
    """`when`: a condition in CEL; without it the rule always holds. `on_error`: what becomes of a request on which the
    rule cannot be done. `name`: for people."""

    when: Annotated[str, msgspec.Meta(min_length=1, max_length=1024)] | None = None
    on_error: OnError = OnError.FAIL
    name: Short | None = None


class Placed(msgspec.Struct, frozen=True):
    """Where a rule stands: `place` for people ("rules[2]"), `number` for the record; `sides` are "request" and
    "response" as far as the rule is on them."""

    place: str
    number: int
    sides: tuple[str, ...]
    secret: SecretNamed

    def at(self, member: str) -> str:
        return f"{self.place}.{member}"

    @property
    def is_on_request(self) -> bool:
        return "request" in self.sides

    @property
    def is_on_response(self) -> bool:
        return "response" in self.sides


class Made(msgspec.Struct, frozen=True):
    """What a rule does: to a request by `act` or `hook`, to an answer by `effects`."""

    act: Act | None = None
    hook: Hook | None = None
    effects: tuple[Effect, ...] = ()


class Kind(msgspec.Struct, Generic[W], frozen=True):
    """`make` raises RuleRefused."""

    shape: type[W]
    make: Callable[[W, Placed], Made]

    @property
    def name(self) -> str:
        return str(self.shape.__struct_config__.tag)

    @property
    def sides(self) -> tuple[str, ...]:
        """What `on` may be."""
        return get_args(get_type_hints(self.shape)["on"])

    @property
    def members(self) -> tuple[str, ...]:
        """What may be written in it, besides `do`."""
        return self.shape.__struct_encode_fields__

    def read(self, said: Mapping[str, Json], place: str) -> W:
        """Raises RuleRefused."""
        try:
            return msgspec.convert(said, self.shape)
        except msgspec.ValidationError as error:
            raise _refusal(self, place, str(error)) from None


_FOUND: Final = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(.*)`")
_KIND: Final = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
_LENGTH: Final = re.compile(r"Expected `(str|array|object)` of length (>=|<=) (\d+)")
_BOUND: Final = re.compile(r"Expected `(?:int|float)` (>=|<=|>|<) (\S+)")
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "str": "text",
        "int": "a whole number",
        "float": "a number",
        "int | float": "a number",
        "bool": "true or false",
        "array": "a list",
        "object": "an object",
        "null": "null",
    }
)
_UNITS: Final[Mapping[str, str]] = MappingProxyType({"str": "characters", "array": "entries", "object": "members"})
_SIGNS: Final[Mapping[str, str]] = MappingProxyType(
    {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}
)


def _refusal(kind: Kind[Any], place: str, text: str) -> RuleRefused:
    """The decoder's finding, for people: its place is the member's, its words are ours."""
    found = _FOUND.fullmatch(text)
    what, path = (found[1], found[2] or "") if found else (text, "")
    if unknown := _UNKNOWN.fullmatch(what):
        known = ", ".join(("do", *kind.members))
        return RuleRefused(within(place + path, unknown[1]), f"is no member of '{kind.name}', which has: {known}")
    if missing := _MISSING.fullmatch(what):
        return RuleRefused(within(place + path, missing[1]), "is missing")
    return RuleRefused(place + path, _said(kind, path, what))


def _said(kind: Kind[Any], path: str, what: str) -> str:
    if length := _LENGTH.fullmatch(what):
        if length[2] == ">=" and length[3] == "1":
            return "must not be empty"
        return f"must have {_SIGNS[length[2]]} {length[3]} {_UNITS[length[1]]}"
    if bound := _BOUND.fullmatch(what):
        return f"must be {_SIGNS[bound[1]]} {_number(bound[2])}"
    choices = _choices(kind, path)
    wrong = _KIND.fullmatch(what)
    if wrong is not None and not (choices and "str" in wrong[1]):
        kinds = [_NAMES.get(one, one) for one in _alternatives(wrong[1])]
        return f"must be {' or '.join(dict.fromkeys(kinds))}, not {_NAMES.get(wrong[2], wrong[2])}"
    return f"must be {' or '.join(choices)}" if choices else "is not what belongs here"


def _alternatives(names: str) -> list[str]:
    """`null` is how a member is left out; nobody has to be told."""
    every = names.replace("int | float", "float").split(" | ")
    return [one for one in every if one != "null"] or every


def _number(text: str) -> str:
    return text.removesuffix(".0")


def _choices(kind: Kind[Any], path: str) -> list[str]:
    """The words that a member may be, where it is one of few."""
    name = path.lstrip(".").partition("[")[0]
    fields = dict(zip(kind.shape.__struct_encode_fields__, kind.shape.__struct_fields__, strict=True))
    return [f"'{word}'" for word in _words(get_type_hints(kind.shape).get(fields.get(name, ""), None))]


def _words(hint: object) -> list[str]:
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return [member.value for member in hint]
    found: list[str] = []
    for part in get_args(hint):
        found += [part] if isinstance(part, str) else _words(part)
    return found
