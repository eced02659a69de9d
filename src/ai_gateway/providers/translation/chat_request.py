"""The members of a chat request, read into a conversation.

Every member is either read here, or kept under its name: as a hint, if it changes no answer, else among the others.
A member that is null says nothing, as everywhere in this dialect.
"""

from typing import Final, TypeVar

import msgspec

from ai_gateway.domain.conversation import (
    CacheTtl,
    Conversation,
    Json,
    JsonSchema,
    Reasoning,
    Sampling,
    ThinkingMode,
    ToolChoice,
)
from ai_gateway.providers.decoding import as_object, decode_any
from ai_gateway.providers.translation.chat_messages import read_messages
from ai_gateway.providers.translation.chat_parts import CHAT, invalid, read_cache
from ai_gateway.providers.translation.chat_tools import read_choice, read_functions, read_tools

HINTS: Final = frozenset(
    {
        "metadata",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "stream_options",
    }
)
_READ: Final = frozenset({"model", "messages"})
T = TypeVar("T")


def read_request(fields: dict[str, msgspec.Raw]) -> Conversation:
    """Raises InvalidRequest for what no provider of this dialect would take."""
    members = _Members({name: decode_any(raw) for name, raw in fields.items() if name not in _READ})
    others: dict[str, Json] = {}
    hints: dict[str, Json] = {}
    raw_messages = fields.get("messages")
    turns = read_messages(None if raw_messages is None else decode_any(raw_messages))
    tools = read_tools(members.take("tools"), others, hints) + read_functions(members.take("functions"))
    sampling = _read_sampling(members)
    return Conversation(
        turns=turns,
        stream=members.typed("stream", bool, "must be true or false") or False,
        max_output=_read_cap(members),
        stop=_read_stop(members),
        choices=members.typed("n", int, "must be a number") or 1,
        sampling=sampling,
        tools=tools,
        tool_choice=_read_choice(members),
        parallel_tools=members.typed("parallel_tool_calls", bool, "must be true or false"),
        format=_read_format(members),
        reasoning=_read_reasoning(members),
        service_tier=members.typed("service_tier", str, "must be a string"),
        end_user=members.typed("user", str, "must be a string"),
        cache=_read_top_cache(members),
        hints=_read_hints(members) | hints,
        others=others | members.rest(),
        dialect=CHAT,
    )


class _Members:
    """The members that nobody has taken yet; null is absent."""

    def __init__(self, members: dict[str, Json]) -> None:
        self._members = {name: value for name, value in members.items() if value is not None}

    def look(self, name: str) -> Json:
        return self._members.get(name)

    def take(self, name: str) -> Json:
        return self._members.pop(name, None)

    def typed(self, name: str, kind: type[T], why: str) -> T | None:
        value = self.take(name)
        if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
            return value
        raise invalid(name, why)

    def put(self, name: str, value: Json) -> None:
        self._members[name] = value

    def rest(self) -> dict[str, Json]:
        return self._members


def _read_sampling(members: _Members) -> Sampling:
    def number(name: str) -> float | None:
        value = members.take(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise invalid(name, "must be a number")
        return value

    def whole(name: str) -> int | None:
        return members.typed(name, int, "must be a whole number")

    return Sampling(
        temperature=number("temperature"),
        top_p=number("top_p"),
        top_k=whole("top_k"),
        seed=whole("seed"),
        frequency_penalty=number("frequency_penalty"),
        presence_penalty=number("presence_penalty"),
        logprobs=members.typed("logprobs", bool, "must be true or false"),
        top_logprobs=whole("top_logprobs"),
    )


def _read_cap(members: _Members) -> int | None:
    legacy = members.typed("max_tokens", int, "must be a whole number")
    told = members.typed("max_completion_tokens", int, "must be a whole number")
    return legacy if told is None else told


def _read_stop(members: _Members) -> tuple[str, ...]:
    match members.take("stop"):
        case None:
            return ()
        case str(one):
            return (one,)
        case [*several] if all(isinstance(one, str) for one in several):
            return tuple(several)
        case _:
            raise invalid("stop", "must be a string or a list of strings")


def _read_choice(members: _Members) -> ToolChoice | None:
    for name in ("tool_choice", "function_call"):
        said = members.look(name)
        if (choice := read_choice(said)) is not None:
            members.take(name)
            return choice
        if said is not None and not isinstance(said, dict):
            raise invalid(name, "must be none, auto, required or the name of a tool")
    return None


def _read_format(members: _Members) -> JsonSchema | None:
    """A form that has more than is read here stays whole among the others."""
    said = as_object(members.look("response_format"))
    if not said and members.look("response_format") is None:
        return None
    schema = as_object(said.get("json_schema"))
    found: JsonSchema | None = None
    match said.get("type"), said.keys():
        case "text", _:
            pass
        case "json_object", keys if len(keys) == 1:
            found = JsonSchema()
        case "json_schema", keys if len(keys) == 2 and schema:
            if (found := _read_schema(schema)) is None:
                return None
        case str(_), _:
            return None
        case _:
            raise invalid("response_format.type", "must be a string")
    members.take("response_format")
    return found


def _read_schema(said: dict[str, object]) -> JsonSchema | None:
    if said.keys() - {"schema", "name", "description", "strict"}:
        return None
    try:
        found = msgspec.convert(said, JsonSchema)
    except msgspec.ValidationError:
        return None
    return msgspec.structs.replace(found, schema=found.schema or {})


def _read_reasoning(members: _Members) -> Reasoning | None:
    """`reasoning_effort`, OpenRouter's `reasoning`, and the `thinking` of Anthropic's own compatible API. A form that
    has more than is read here stays whole among the others."""
    effort = members.typed("reasoning_effort", str, "must be a string")
    said, thinking = as_object(members.look("reasoning")), as_object(members.look("thinking"))
    if said and said.keys() <= _REASONING:
        members.take("reasoning")
        inner = _Members(said)
        enabled = inner.typed("enabled", bool, "must be true or false")
        own = inner.typed("effort", str, "must be a string")
        return Reasoning(
            None if enabled is None else ThinkingMode.ON if enabled else ThinkingMode.OFF,
            effort or own,
            inner.typed("max_tokens", int, "must be a whole number"),
            "omitted" if said.get("exclude") is True else inner.typed("summary", str, "must be a string"),
        )
    mode = _THINKING.get(thinking.get("type"))
    if mode is not None and thinking.keys() <= {"type", "budget_tokens"}:
        members.take("thinking")
        budget = _Members(thinking).typed("budget_tokens", int, "must be a whole number")
        return Reasoning(mode, effort, budget)
    return None if effort is None else Reasoning(effort=effort)


_REASONING: Final = frozenset({"effort", "max_tokens", "enabled", "exclude", "summary"})
_THINKING: Final[dict[object, ThinkingMode]] = {
    "enabled": ThinkingMode.ON,
    "disabled": ThinkingMode.OFF,
    "adaptive": ThinkingMode.ADAPTIVE,
}


def _read_top_cache(members: _Members) -> CacheTtl | None:
    return read_cache(members.take("cache_control"), "cache_control")


def _read_hints(members: _Members) -> dict[str, Json]:
    """Of `stream_options`, only what is not about the usage, which every stream is asked for."""
    options = as_object(members.take("stream_options"))
    if rest := {key: value for key, value in options.items() if key != "include_usage"}:
        members.put("stream_options", rest)
    if members.look("modalities") == ["text"]:
        members.take("modalities")
    return {name: members.take(name) for name in sorted(HINTS) if members.look(name) is not None}
