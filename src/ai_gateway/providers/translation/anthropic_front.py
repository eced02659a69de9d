"""Anthropic's messages as a dialect of callers: what they ask, read; what anybody answers, written.

Only what no provider of the dialect would take is refused here. What is known to the dialect alone keeps its name
(`others`, `hints`), for a provider that speaks it at another address.
"""

from typing import Final, NoReturn, cast, final

import msgspec

from ai_gateway.domain.conversation import (
    ChoiceMode,
    Conversation,
    Json,
    JsonSchema,
    Part,
    Reasoning,
    Role,
    Sampling,
    ServerTool,
    Text,
    ThinkingMode,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.domain.reply import Reply
from ai_gateway.domain.traffic import Shaped
from ai_gateway.providers.decoding import as_list, as_object, decode_any
from ai_gateway.providers.translation import EventEncoder
from ai_gateway.providers.translation.anthropic_blocks import NAME, Block, read_cache, read_parts
from ai_gateway.providers.translation.anthropic_encoder import MessageEncoder
from ai_gateway.providers.translation.anthropic_reply import write_message

Fields = dict[str, Json]

_READ: Final = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "stream",
        "stop_sequences",
        "temperature",
        "top_p",
        "top_k",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
        "service_tier",
        "cache_control",
    }
)
_HINTS: Final = frozenset({"context_management", "diagnostics"})
"""`context_management` prunes what Anthropic looks at of a conversation, to save money; others look at all of it."""
_TOOL_MEMBERS: Final = frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"})
_TOOL_HINTS: Final = frozenset({"defer_loading", "eager_input_streaming"})
_ROLES: Final = {"user": Role.USER, "assistant": Role.ASSISTANT, "system": Role.SYSTEM}
_MODES: Final = {
    "auto": ChoiceMode.AUTO,
    "any": ChoiceMode.REQUIRED,
    "none": ChoiceMode.NONE,
    "tool": ChoiceMode.NAMED,
}
_THINKING: Final = {"enabled": ThinkingMode.ON, "adaptive": ThinkingMode.ADAPTIVE, "disabled": ThinkingMode.OFF}
_SUMMARIES: Final = {"summarized": "auto", "omitted": "omitted"}


@final
class AnthropicFront:
    @property
    def name(self) -> str:
        return NAME

    def read_request(self, fields: dict[str, msgspec.Raw]) -> Conversation:
        said: Fields = {name: value for name, raw in fields.items() if (value := decode_any(raw)) is not None}
        hints, others = _unknown(said)
        tools = _tools(said, hints, others)
        choice, parallel = _choice(said)
        metadata = as_object(said.get("metadata"))
        if labels := {name: value for name, value in metadata.items() if name != "user_id"}:
            hints["metadata"] = labels
        return Conversation(
            turns=(*_system(said), *_turns(said)),
            stream=_typed(said, "stream", bool) or False,
            max_output=_typed(said, "max_tokens", int),
            stop=tuple(_texts(said, "stop_sequences")),
            sampling=Sampling(
                temperature=_number(said, "temperature"), top_p=_number(said, "top_p"), top_k=_typed(said, "top_k", int)
            ),
            tools=tools,
            tool_choice=choice,
            parallel_tools=parallel,
            format=_format(said),
            reasoning=_reasoning(said, others),
            service_tier=_typed(said, "service_tier", str),
            end_user=_typed(metadata, "user_id", str, "metadata."),
            cache=read_cache(said.get("cache_control")),
            hints=hints,
            others=others,
        )

    def write_reply(self, reply: Reply) -> bytes:
        return write_message(reply)

    def encoder(self, shaped: Shaped) -> EventEncoder:
        return MessageEncoder(f"msg_{shaped.call.head.request_id}", shaped.call.model)


def _refuse(place: str, why: str) -> NoReturn:
    raise InvalidRequest(f"'{place}' {why}.", param=place)


def _typed(said: Fields, name: str, kind: type[Json], start: str = "") -> Json:
    """A member of this type or none."""
    value = said.get(name)
    if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        return value
    _refuse(start + name, f"has to be of type {kind.__name__}")


def _number(said: Fields, name: str) -> float | None:
    value = said.get(name)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    _refuse(name, "has to be a number")


def _listed(said: Fields, name: str) -> list[Json]:
    if not isinstance(said.get(name, []), list):
        _refuse(name, "has to be a list")
    return as_list(said.get(name))


def _texts(said: Fields, name: str) -> list[str]:
    values = _listed(said, name)
    return values if all(isinstance(value, str) for value in values) else _refuse(name, "has to be a list of strings")


def _object(value: Json, place: str) -> Fields:
    if not isinstance(value, dict):
        _refuse(place, "has to be an object")
    return as_object(cast("object", value))


def _unknown(said: Fields) -> tuple[Fields, Fields]:
    """Members without a place of ours: those that change no answer, and the others."""
    left = {name: value for name, value in said.items() if name not in _READ}
    return (
        {name: value for name, value in left.items() if name in _HINTS},
        {name: value for name, value in left.items() if name not in _HINTS},
    )


def _system(said: Fields) -> tuple[Turn, ...]:
    content = said.get("system")
    if content is None:
        return ()
    return (Turn(Role.SYSTEM, tuple(_parts(content, "system"))),)


def _turns(said: Fields) -> list[Turn]:
    turns: list[Turn] = []
    names: dict[str, str] = {}
    for number, message in enumerate(_listed(said, "messages")):
        place = f"messages[{number}]"
        told: Fields = as_object(message)
        role = _ROLES.get(str(told.get("role"))) or _refuse(
            f"{place}.role", "has to be 'user', 'assistant' or 'system'"
        )
        others = {name: value for name, value in told.items() if name not in ("role", "content")}
        parts = [_named(part, names) for part in _parts(told.get("content"), f"{place}.content")]
        turns.append(Turn(role, tuple(parts), others=others))
    return turns or _refuse("messages", "has to have a message")


def _named(part: Part, names: dict[str, str]) -> Part:
    """A result of a tool is told which one it was of."""
    if isinstance(part, ToolCall):
        names[part.id] = part.name
    elif isinstance(part, ToolResult) and part.call_id in names:
        return msgspec.structs.replace(part, name=names[part.call_id])
    return part


def _parts(content: Json, place: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    if not isinstance(content, list):
        _refuse(place, "has to be a string or a list of blocks")
    blocks: list[Block] = []
    for number, block in enumerate(as_list(cast("object", content))):
        if not isinstance(as_object(block).get("type"), str):
            _refuse(f"{place}[{number}].type", "has to be there")
        blocks.append(as_object(block))
    return read_parts(blocks)


def _tools(said: Fields, hints: Fields, others: Fields) -> tuple[Tool | ServerTool, ...]:
    """What a tool has beyond a function's members rides along under its place."""
    tools: list[Tool | ServerTool] = []
    for number, value in enumerate(_listed(said, "tools")):
        tool: Fields = {name: it for name, it in as_object(value).items() if it is not None}
        kind = tool.get("type", "custom")
        if kind != "custom":
            tools.append(ServerTool(NAME, str(kind), value))
            continue
        place = f"tools[{number}]"
        name, schema = tool.get("name"), _object(tool.get("input_schema"), f"{place}.input_schema")
        if not isinstance(name, str):
            _refuse(f"{place}.name", "has to be there")
        for member, it in tool.items():
            if member not in _TOOL_MEMBERS:
                (hints if member in _TOOL_HINTS else others)[f"{place}.{member}"] = it
        cache = read_cache(tool.get("cache_control"))
        tools.append(Tool(name, tool.get("description"), schema, tool.get("strict"), cache=cache))
    return tuple(tools)


def _choice(said: Fields) -> tuple[ToolChoice | None, bool | None]:
    """`tool_choice`, and whether calls may come in parallel."""
    choice = said.get("tool_choice")
    if choice is None:
        return None, None
    told: Fields = as_object(choice)
    mode = _MODES.get(str(told.get("type"))) or _refuse("tool_choice.type", f"has to be one of {', '.join(_MODES)}")
    name = _typed(told, "name", str, "tool_choice.")
    if mode is ChoiceMode.NAMED and name is None:
        _refuse("tool_choice.name", "has to be there")
    disabled = _typed(told, "disable_parallel_tool_use", bool, "tool_choice.")
    return ToolChoice(mode, name if mode is ChoiceMode.NAMED else None), None if disabled is None else not disabled


def _format(said: Fields) -> JsonSchema | None:
    """`output_config.format`, or `output_format` as it was called first."""
    form = as_object(said.get("output_config")).get("format") or said.get("output_format")
    if form is None:
        return None
    told = _object(form, "output_config.format")
    if told.get("type") != "json_schema":
        _refuse("output_config.format.type", "has to be 'json_schema'")
    return JsonSchema(_object(told.get("schema"), "output_config.format.schema"))


def _reasoning(said: Fields, others: Fields) -> Reasoning | None:
    """`thinking` and the effort. What is new in either goes to the others, whole."""
    config: Fields = as_object(said.get("output_config"))
    if rest := {name: value for name, value in config.items() if name not in ("effort", "format")}:
        others["output_config"] = rest
    effort = _typed(config, "effort", str, "output_config.")
    thinking: Fields = as_object(said.get("thinking"))
    mode = _THINKING.get(str(thinking.get("type")))
    if thinking and mode is None:
        others["thinking"] = thinking
    if mode is None:
        return None if effort is None else Reasoning(effort=effort, effort_only=True)
    return Reasoning(
        mode,
        effort,
        _typed(thinking, "budget_tokens", int, "thinking."),
        _SUMMARIES.get(str(thinking.get("display"))),
    )
