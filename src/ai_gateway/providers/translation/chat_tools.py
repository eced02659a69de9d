"""Tools of a chat request and which of them has to be called, both ways.

What a tool has beside the members that are known keeps its place in its name ("tools[2].eager_input_streaming"): a
target that cannot say it names it to the caller, and this dialect's own back puts it where it was.
"""

import re
from typing import Final

from ai_gateway.domain.conversation import ChoiceMode, Json, ServerTool, Tool, ToolChoice, ToolKind
from ai_gateway.providers.translation.chat_parts import CHAT, invalid, items_of, members_of, read_cache

_PLACE: Final = re.compile(r"tools\[(\d+)\]\.(.+)", re.DOTALL)
_HINT: Final = ".eager_input_streaming"
_MODES: Final = {
    "auto": ChoiceMode.AUTO,
    "none": ChoiceMode.NONE,
    "required": ChoiceMode.REQUIRED,
    "any": ChoiceMode.REQUIRED,
}


def read_tools(tools: object, others: dict[str, Json], hints: dict[str, Json]) -> tuple[Tool | ServerTool, ...]:
    """What no tool of ours has a place for is put into `others`, or into `hints`. Raises InvalidRequest."""
    if tools is None:
        return ()
    found = tuple(_read_tool(tool, f"tools[{number}]", others) for number, tool in enumerate(items_of(tools, "tools")))
    for name in [name for name in others if name.endswith(_HINT)]:
        hints[name] = others.pop(name)
    return found


def read_functions(functions: object) -> tuple[Tool, ...]:
    """The legacy `functions`. Raises InvalidRequest."""
    if functions is None:
        return ()
    listed = enumerate(items_of(functions, "functions"))
    return tuple(
        _read_function(members_of(one, f"functions[{number}]"), f"functions[{number}]") for number, one in listed
    )


def read_choice(choice: Json) -> ToolChoice | None:
    """None also for a form that only this dialect has (`allowed_tools`): it stays among the `others`."""
    match choice:
        case str(word) if word in _MODES:
            return ToolChoice(_MODES[word])
        case {"type": "function", "function": {"name": str(name)}} | {"type": "tool", "name": str(name)}:
            return ToolChoice(ChoiceMode.NAMED, name)
        case {"type": "custom", "custom": {"name": str(name)}}:
            return ToolChoice(ChoiceMode.NAMED, name, ToolKind.CUSTOM)
        case {"name": str(name), **rest} if not rest:  # the legacy function_call
            return ToolChoice(ChoiceMode.NAMED, name)
        case _:
            return None


def write_choice(choice: ToolChoice, required_word: str) -> Json:
    if choice.mode is ChoiceMode.NAMED:
        kind = choice.kind.value
        return {"type": kind, kind: {"name": choice.name}}
    return required_word if choice.mode is ChoiceMode.REQUIRED else choice.mode.value


def is_of_tool(name: str) -> bool:
    """Whether it is the name of a member that only one tool has."""
    return _PLACE.fullmatch(name) is not None


def put_back(tools: list[Json], name: str, value: Json) -> None:
    """If it is such a name, its tool has it again; one that was left out (None) stays out."""
    place = _PLACE.fullmatch(name)
    if place is None or (tool := tools[int(place[1])]) is None:
        return
    member = place[2]
    outer, dot, inner = member.partition(".")
    if dot and isinstance(tool.get(outer), dict):
        tool[outer][inner] = value
    else:
        tool[member] = value


def _read_tool(said: object, param: str, others: dict[str, Json]) -> Tool | ServerTool:
    tool = members_of(said, param)
    kind = tool.get("type") or "function"
    if not isinstance(kind, str):
        raise invalid(f"{param}.type", "must be a string")
    if kind not in ("function", "custom"):
        return ServerTool(CHAT, kind, tool)
    cache = read_cache(tool.get("cache_control"), f"{param}.cache_control")
    inner = members_of(tool.get(kind), f"{param}.{kind}")
    others |= _unknown(tool, ("type", kind, "cache_control"), param)
    if kind == "function":
        others |= _unknown(inner, ("name", "description", "parameters", "strict"), f"{param}.function")
        function = _read_function(inner, f"{param}.function")
        return Tool(function.name, function.description, function.schema, function.strict, cache=cache)
    others |= _unknown(inner, ("name", "description", "format"), f"{param}.custom")
    name, description = _described(inner, f"{param}.custom")
    return Tool(name, description, kind=ToolKind.CUSTOM, format=read_grammar(inner.get("format")), cache=cache)


def _read_function(function: dict[str, object], param: str) -> Tool:
    name, description = _described(function, param)
    schema, strict = function.get("parameters"), function.get("strict")
    if not isinstance(strict, bool | None):
        raise invalid(f"{param}.strict", "must be true or false")
    return Tool(name, description, None if schema is None else members_of(schema, f"{param}.parameters"), strict)


def _described(inner: dict[str, object], param: str) -> tuple[str, str | None]:
    name, description = inner.get("name"), inner.get("description")
    if not isinstance(name, str):
        raise invalid(f"{param}.name", "must be a string")
    if not isinstance(description, str | None):
        raise invalid(f"{param}.description", "must be a string")
    return name, description


def _unknown(members: dict[str, object], known: tuple[str, ...], param: str) -> dict[str, Json]:
    return {f"{param}.{name}": value for name, value in members.items() if name not in known and value is not None}


def read_grammar(form: Json) -> Json:
    """The form of a custom tool's input; a grammar as the Responses API has it, without the object around."""
    match form:
        case {"type": "grammar", "grammar": {**grammar}}:
            return {"type": "grammar"} | grammar
        case _:
            return form


def write_grammar(form: Json) -> Json:
    match form:
        case {"type": "grammar", **grammar}:
            return {"type": "grammar", "grammar": grammar}
        case _:
            return form
