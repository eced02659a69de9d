"""What a field means, and where a dialect has it: a rule says `max_tokens`, whatever an API calls it.

A field that an operation does not have is nowhere: a rule that sets it has nothing to do there. So a route's rule about
temperatures does not break the embeddings that go through the same route. What has no meaning of ours is a path in the
body, taken literally.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from ai_gateway.domain.rules import Json, Path

Object = dict[str, Any]
Change = Callable[[Json], Json]


class Meaning(msgspec.Struct, frozen=True):
    """`paths`: the names under which it may be there, in the order in which they count; what is put goes to all that
    are there, else to the first. `read` and `write` turn the dialect's value into the common one and back; UNSET: it
    cannot be said."""

    paths: tuple[Path, ...]
    read: Change | None = None
    write: Change | None = None


NOWHERE: Final = Meaning(())
Meanings = Mapping[str, Meaning]


def at(*names: str) -> Meaning:
    """Under one of these names, dots between the levels."""
    return Meaning(tuple(tuple(name.split(".")) for name in names))


def nowhere(names: Iterable[str]) -> dict[str, Meaning]:
    return dict.fromkeys(names, NOWHERE)


def also_called(meanings: Meanings) -> Meanings:
    """Every name that some API has for the length of an answer means that."""
    length = meanings["max_tokens"]
    return {**meanings, "max_completion_tokens": length, "max_output_tokens": length}


def listed(value: Json) -> Json:
    """A stop sequence where a list of them is wanted."""
    return [value] if isinstance(value, str) else value


def opposite(value: Json) -> Json:
    return not value if isinstance(value, bool) else msgspec.UNSET


def flat_choice(value: Json) -> Json:
    """Chat's choice of a tool as responses have it."""
    return _without_inner(value, ("function", "custom"))


def inner_choice(value: Json) -> Json:
    """Back again."""
    match value:
        case {"type": "function" | "custom" as kind, "name": name}:
            return {"type": kind, kind: {"name": name}}
        case _:
            return value


def anthropic_choice(value: Json) -> Json:
    match value:
        case "auto" | "none":
            return {"type": value}
        case "required":
            return {"type": "any"}
        case {"type": "function" | "custom" as kind, **rest} if isinstance(rest.get(kind), dict):
            return {"type": "tool", "name": rest[kind].get("name")}
        case {"type": _}:
            return value
        case _:
            return msgspec.UNSET


def chat_choice(value: Json) -> Json:
    """Back again."""
    match value:
        case {"type": "auto" | "none" as mode}:
            return mode
        case {"type": "any"}:
            return "required"
        case {"type": "tool", "name": name}:
            return {"type": "function", "function": {"name": name}}
        case _:
            return value


def flat_format(value: Json) -> Json:
    """Chat's form of an answer as responses have it."""
    return _without_inner(value, ("json_schema",))


def inner_format(value: Json) -> Json:
    """Back again."""
    match value:
        case {"type": "json_schema", **rest}:
            return {"type": "json_schema", "json_schema": rest}
        case _:
            return value


def anthropic_format(value: Json) -> Json:
    """Only a schema can be said there."""
    match value:
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return {"type": "json_schema", "schema": schema}
        case {"type": "json_schema", "schema": _}:
            return value
        case _:
            return msgspec.UNSET


def _without_inner(value: Json, kinds: tuple[str, ...]) -> Json:
    match value:
        case {"type": kind, **rest} if kind in kinds and isinstance(rest.get(kind), dict):
            return {"type": kind, **rest[kind]}
        case _:
            return value
