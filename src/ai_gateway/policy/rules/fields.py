"""Names of fields in rules: paths, which of them a rule may touch, and what some of them must be."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ai_gateway.domain.rules import Json, Path
from ai_gateway.policy.rules.refused import RuleRefused

_MOST_SEGMENTS: Final = 8
_SEGMENT: Final = re.compile(r"[^\s.\x00-\x1f\x7f\"]{1,64}")

_OWN_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "messages": "use 'inject', 'system_prompt' or 'redact'",
        "input": "use 'inject', 'system_prompt' or 'redact'",
        "system": "use 'system_prompt'",
        "instructions": "use 'system_prompt'",
        "tools": "use 'tools'",
        "stream": "whether an answer is streamed is the caller's choice",
    }
)
"""What no rule about fields touches in a request, and what does instead."""
_WHOLE_LISTS: Final = frozenset({("tools",), ("tool_choice",)})
_SKELETON: Final = frozenset({"type", "id", "object", "choices", "content", "output", "role", "index", "error"})
"""Without these an answer is none: clients would not read it."""

WHOLE_NUMBERS: Final = frozenset({"max_tokens", "top_k", "n", "seed"})
_KNOWN: Final[Mapping[str, tuple[type, ...]]] = MappingProxyType(
    {
        "temperature": (int, float),
        "top_p": (int, float),
        "max_tokens": (int,),
        "top_k": (int,),
        "n": (int,),
        "seed": (int,),
        "parallel_tool_calls": (bool,),
        "reasoning_effort": (str,),
        "service_tier": (str,),
        "user": (str,),
        "model": (str,),
        "stop": (str, list),
        "metadata": (dict,),
        "response_format": (dict,),
        "tool_choice": (str, dict),
    }
)
_WORDS: Final[Mapping[type, str]] = MappingProxyType(
    {int: "a whole number", float: "a number", bool: "true or false", str: "text", list: "a list", dict: "an object"}
)


def parse_path(text: str, place: str) -> Path:
    """Raises RuleRefused."""
    path = tuple(text.split("."))
    if len(path) > _MOST_SEGMENTS:
        raise RuleRefused(place, f"has more than {_MOST_SEGMENTS} names")
    if not all(_SEGMENT.fullmatch(one) for one in path):
        raise RuleRefused(place, "must be names of members with a dot between them, such as 'metadata.team'")
    return path


def path_to_change(text: str, place: str) -> Path:
    """A field of a request that a rule may put something into. Raises RuleRefused."""
    path = parse_path(text, place)
    _refuse_owned(path, place)
    return path


def path_to_drop(text: str, place: str) -> Path:
    """A field of a request that a rule may take away. Raises RuleRefused."""
    path = parse_path(text, place)
    if path in _WHOLE_LISTS:
        return path
    if path == ("model",):
        raise RuleRefused(place, "'model' cannot be taken away; 'set' gives it another value")
    _refuse_owned(path, place)
    return path


def path_of_answer_to_drop(text: str, place: str) -> Path:
    """Raises RuleRefused."""
    path = parse_path(text, place)
    if len(path) == 1 and path[0] in _SKELETON:
        raise RuleRefused(place, f"'{path[0]}' cannot be taken away: without it the answer cannot be read")
    return path


def path_of_answer_to_put(text: str, place: str) -> Path:
    """Raises RuleRefused."""
    path = parse_path(text, place)
    if path[0] in _SKELETON:
        raise RuleRefused(place, f"'{path[0]}' cannot be set: it is what the answer says")
    return path


def path_of_number(text: str, place: str) -> Path:
    """A field of a request that can be a number. Raises RuleRefused."""
    path = path_to_change(text, place)
    if len(path) == 1 and int not in _KNOWN.get(path[0], (int,)):
        raise RuleRefused(place, f"'{path[0]}' is no number")
    return path


def name_within(text: str, beside: Path, place: str) -> str:
    """The new name of the field at `beside`, in the same object. Raises RuleRefused."""
    if len(parse_path(text, place)) > 1:
        raise RuleRefused(place, "must be one name: a field is renamed where it is")
    if len(beside) == 1 and (text == "model" or (text,) in _WHOLE_LISTS or text in _OWN_KINDS):
        raise RuleRefused(place, f"'{text}' is a name that the gateway itself reads")
    return text


def number_for(path: Path, number: float, place: str) -> float:
    """As the field at `path` has it. Raises RuleRefused."""
    if path[0] not in WHOLE_NUMBERS or isinstance(number, int):
        return number
    if not number.is_integer():
        raise RuleRefused(place, f"must be a whole number, as '{path[0]}' is one")
    return int(number)


def check_value(path: Path, value: Json, place: str) -> None:
    """That a field whose meaning is known gets what it can be; null is what an API takes as absent. Raises
    RuleRefused."""
    kinds = _KNOWN.get(path[0]) if len(path) == 1 else None
    if kinds is None or value is None:
        return
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        words = " or ".join(_WORDS[kind] for kind in kinds if not (kind is int and float in kinds))
        raise RuleRefused(place, f"must be {words}, as '{path[0]}' is")
    if path[0] in {"max_tokens", "n"} and value < 1:
        raise RuleRefused(place, "must be at least 1")


def _refuse_owned(path: Path, place: str) -> None:
    instead = _OWN_KINDS.get(path[0])
    if instead is not None:
        raise RuleRefused(place, f"'{path[0]}' is not a field that this rule may change; {instead}")
