"""The members of a request of the Responses API, both ways: all of it but the conversation itself.

What changes no answer is a hint; what may change it and has no place in a Conversation is among the others, under the
API's own name. `reasoning.encrypted_content` is always given, so whoever asks for it asks for nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import msgspec

from ai_gateway.domain.conversation import (
    ChoiceMode,
    Conversation,
    Json,
    JsonSchema,
    Reasoning,
    Role,
    Sampling,
    ServerTool,
    Text,
    ThinkingMode,
    Tool,
    ToolChoice,
    ToolKind,
    Turn,
)
from ai_gateway.providers.decoding import as_list, as_object
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.responses_items import in_namespace, read_input
from ai_gateway.providers.translation.responses_parts import wrong
from ai_gateway.providers.translation.responses_wire import NAME

HINTS: Final = frozenset(
    {
        "client_metadata",
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "store",
        "stream_options",
    }
)
LOGPROBS: Final = "message.output_text.logprobs"
ENCRYPTED: Final = "reasoning.encrypted_content"
DEFERRED: Final = "tools.defer_loading"
OTHERS: Final = frozenset(
    {
        "background",
        "context_management",
        "conversation",
        "max_tool_calls",
        "moderation",
        "previous_response_id",
        "prompt",
        "tool_choice",
        "truncation",
        "verbosity",
    }
)
"""What may change an answer, of the names that the API itself has; `verbosity` stands in `text`."""

_READ: Final = frozenset(
    {
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "model",
        "parallel_tool_calls",
        "reasoning",
        "service_tier",
        "stream",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
    }
)
_DEFAULTS: Final[Mapping[str, Json]] = {"background": False, "truncation": "disabled"}
_THINKS: Final = re.compile(r"(?:.*/)?(?:o\d|gpt-5(?!.*-chat)|codex|gpt-oss|computer-use)")
_OF_REASONING: Final = "reasoning."
_BUDGETS: Final = ((2_048, "low"), (12_288, "medium"))


def read_members(fields: Mapping[str, msgspec.Raw]) -> Conversation:
    """Raises InvalidRequest."""
    members = {name: value for name, raw in fields.items() if (value := _value(name, raw)) is not None}
    if "input" not in members and not members.keys() & {"prompt", "previous_response_id", "conversation"}:
        raise wrong("input", "is missing")
    turns = read_input(members.get("input", []))
    if (instructions := _text(members, "instructions")) is not None:
        turns = (Turn(Role.SYSTEM, (Text(instructions),)), *turns)
    tools, hints = _tools(members.get("tools"))
    others = {
        name: value
        for name, value in members.items()
        if name not in _READ and name not in HINTS and value != _DEFAULTS.get(name)
    }
    form, verbosity = _text_options(members.get("text"))
    if verbosity is not None:
        others["verbosity"] = verbosity
    choice = _tool_choice(members.get("tool_choice"), others)
    include = [it for it in as_list(members.get("include")) if it != LOGPROBS]
    if include:
        hints["include"] = include
    hints |= {name: value for name, value in members.items() if name in HINTS}
    return Conversation(
        turns=turns,
        stream=members.get("stream") is True,
        max_output=_number(members, "max_output_tokens", int),
        sampling=Sampling(
            temperature=_number(members, "temperature", float),
            top_p=_number(members, "top_p", float),
            logprobs=True if LOGPROBS in as_list(members.get("include")) else None,
            top_logprobs=_number(members, "top_logprobs", int) or None,
        ),
        tools=tools,
        tool_choice=choice,
        parallel_tools=_bool(members, "parallel_tool_calls"),
        format=form,
        reasoning=_reasoning(members.get("reasoning"), others),
        service_tier=_text(members, "service_tier"),
        end_user=_text(members, "user"),
        hints=hints,
        others=others,
    )


def write_members(asked: Conversation, model: str, losses: Losses) -> dict[str, object]:
    """All but `input` and `instructions`."""
    body: dict[str, object] = {"model": model}
    _refuse_what_has_no_name(asked, losses)
    told: dict[str, object] = {
        "max_output_tokens": asked.max_output,
        "temperature": asked.sampling.temperature,
        "top_p": asked.sampling.top_p,
        "top_logprobs": asked.sampling.top_logprobs,
        "parallel_tool_calls": asked.parallel_tools,
        "service_tier": asked.service_tier,
        "user": asked.end_user,
        "stream": asked.stream or None,
        "reasoning": _written_reasoning(asked.reasoning),
        "text": _written_text(asked),
        "tool_choice": _written_choice(asked.tool_choice),
    }
    body |= {name: value for name, value in told.items() if value is not None}
    deferred = frozenset(as_list(asked.hints.get(DEFERRED)))
    tools = [it for number, tool in enumerate(asked.tools) if (it := _written_tool(tool, number, deferred, losses))]
    if tools:
        body["tools"] = tools
    for name, value in asked.others.items():
        if name.startswith(_OF_REASONING):
            body["reasoning"] = {**as_object(body.get("reasoning")), name.removeprefix(_OF_REASONING): value}
        elif name not in OTHERS:
            losses.unsupported(name)
        elif name != "verbosity":
            body[name] = value
    include = [*as_list(asked.hints.get("include"))]
    if asked.sampling.logprobs:
        include.append(LOGPROBS)
    if ENCRYPTED not in include and _THINKS.match(model):
        include.append(ENCRYPTED)
    if include:
        body["include"] = include
    body["store"] = asked.hints.get("store", False)
    for name, value in asked.hints.items():
        if name in HINTS:
            body[name] = value
        elif name not in ("include", DEFERRED):
            losses.forgiven(name)
    return body


def _refuse_what_has_no_name(asked: Conversation, losses: Losses) -> None:
    sampling = asked.sampling
    absent: tuple[tuple[str, bool], ...] = (
        ("stop", bool(asked.stop)),
        ("n", asked.choices > 1),
        ("seed", sampling.seed is not None),
        ("top_k", sampling.top_k is not None),
        ("frequency_penalty", bool(sampling.frequency_penalty)),
        ("presence_penalty", bool(sampling.presence_penalty)),
    )
    for name, is_asked in absent:
        if is_asked:
            losses.unsupported(name)
    if asked.cache is not None:
        losses.forgiven("cache_control")


def _tools(given: object) -> tuple[tuple[Tool | ServerTool, ...], dict[str, Json]]:
    tools: list[Tool | ServerTool] = []
    deferred: list[str] = []
    for number, value in enumerate(as_list(given)):
        tool = as_object(value)
        if tool.get("type") == "namespace":
            inner = [as_object(it) for it in as_list(tool.get("tools"))]
            listed = [it | {"name": in_namespace(tool.get("name"), str(it.get("name", "")))} for it in inner]
        else:
            listed = [tool]
        for one in listed:
            read = _tool(one, f"tools[{number}]")
            tools.append(read)
            if isinstance(read, Tool) and one.get("defer_loading") is True:
                deferred.append(read.name)
    return tuple(tools), {DEFERRED: deferred} if deferred else {}


def _tool(tool: dict[str, Json], where: str) -> Tool | ServerTool:
    kind = tool.get("type")
    if not isinstance(kind, str):
        raise wrong(f"{where}.type", "is missing")
    if kind not in ("function", "custom"):
        return ServerTool(NAME, kind, tool)
    said = {**as_object(tool.get("function")), **tool}  # some clients still put it as chat has it
    name, description = said.get("name"), said.get("description")
    if not isinstance(name, str) or not name:
        raise wrong(f"{where}.name", "is missing")
    told = description if isinstance(description, str) else None
    if kind == "custom":
        return Tool(name, told, kind=ToolKind.CUSTOM, format=said.get("format"))
    schema, strict = said.get("parameters"), said.get("strict")
    return Tool(
        name,
        told,
        as_object(cast("object", schema)) if isinstance(schema, dict) else None,
        strict if isinstance(strict, bool) else None,
    )


def _written_tool(
    tool: Tool | ServerTool, number: int, deferred: frozenset[object], losses: Losses
) -> dict[str, Json] | None:
    if isinstance(tool, ServerTool):
        if tool.dialect == NAME:
            return tool.value
        losses.unsupported(f"tools[{number}]", f"it has no '{tool.kind}'")
        return None
    if tool.cache is not None:
        losses.forgiven("cache_control")
    written: dict[str, Json] = {"type": tool.kind.value, "name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.kind is ToolKind.CUSTOM:
        return written if tool.format is None else written | {"format": tool.format}
    written["parameters"] = tool.schema if tool.schema is not None else {"type": "object", "properties": {}}
    written["strict"] = bool(tool.strict)  # left out it would be true
    return written | {"defer_loading": True} if tool.name in deferred else written


def _tool_choice(said: object, others: dict[str, Json]) -> ToolChoice | None:
    others.pop("tool_choice", None)
    if isinstance(said, str) and said in (ChoiceMode.AUTO, ChoiceMode.NONE, ChoiceMode.REQUIRED):
        return ToolChoice(ChoiceMode(said))
    choice = as_object(said)
    if choice.get("type") in ("function", "custom"):
        name = choice.get("name") or as_object(choice.get("function")).get("name")
        if isinstance(name, str):
            return ToolChoice(ChoiceMode.NAMED, name, ToolKind(str(choice["type"])))
    if said is not None:
        others["tool_choice"] = said
    return None


def _written_choice(choice: ToolChoice | None) -> Json:
    if choice is None:
        return None
    return {"type": choice.kind.value, "name": choice.name} if choice.mode is ChoiceMode.NAMED else choice.mode.value


def _text_options(said: object) -> tuple[JsonSchema | None, Json]:
    options = as_object(said)
    form = as_object(options.get("format"))
    verbosity = options.get("verbosity")
    match form.get("type"):
        case "json_object":
            return JsonSchema(), verbosity
        case "json_schema":
            schema, name, strict = form.get("schema"), form.get("name"), form.get("strict")
            description = form.get("description")
            return (
                JsonSchema(
                    as_object(schema),
                    name if isinstance(name, str) else None,
                    description if isinstance(description, str) else None,
                    strict if isinstance(strict, bool) else None,
                ),
                verbosity,
            )
        case _:
            return None, verbosity


def _written_text(asked: Conversation) -> Json:
    text: dict[str, Json] = {}
    form = asked.format
    if form is not None and form.schema is None:
        text["format"] = {"type": "json_object"}
    elif form is not None:
        written: dict[str, Json] = {"type": "json_schema", "name": form.name or "answer", "schema": form.schema}
        more = {"description": form.description, "strict": form.strict}
        text["format"] = written | {name: value for name, value in more.items() if value is not None}
    if "verbosity" in asked.others:
        text["verbosity"] = asked.others["verbosity"]
    return text or None


def _reasoning(said: object, others: dict[str, Json]) -> Reasoning | None:
    options = {name: value for name, value in as_object(said).items() if value is not None}
    if not options:
        return None
    effort = options.pop("effort", None)
    summary = options.pop("summary", options.pop("generate_summary", None))
    options.pop("generate_summary", None)
    for name, value in options.items():
        others[_OF_REASONING + name] = value
    return Reasoning(
        effort=effort if isinstance(effort, str) else None, summary=summary if isinstance(summary, str) else None
    )


def _written_reasoning(reasoning: Reasoning | None) -> Json:
    if reasoning is None:
        return None
    effort = reasoning.effort
    if effort is None and reasoning.mode is ThinkingMode.OFF:
        effort = "none"
    if effort is None and (budget := reasoning.budget_tokens) is not None:
        effort = next((name for most, name in _BUDGETS if budget <= most), "high")
    summary = None if reasoning.summary == "omitted" else reasoning.summary
    told = {"effort": effort, "summary": summary}
    return {name: value for name, value in told.items() if value is not None} or None


def _value(name: str, raw: msgspec.Raw) -> Json:
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        raise wrong(name, "is not valid JSON") from None


def _text(members: Mapping[str, Json], name: str) -> str | None:
    return _checked(members, name, "a text", lambda value: isinstance(value, str))


def _bool(members: Mapping[str, Json], name: str) -> bool | None:
    return _checked(members, name, "true or false", lambda value: isinstance(value, bool))


def _number(members: Mapping[str, Json], name: str, kind: type[Any]) -> Any:
    kinds = (int, float) if kind is float else (int,)
    return _checked(members, name, "a number", lambda value: isinstance(value, kinds) and not isinstance(value, bool))


def _checked(members: Mapping[str, Json], name: str, what: str, fits: Callable[[Json], bool]) -> Any:
    value = members.get(name)
    if value is not None and not fits(value):
        raise wrong(name, f"must be {what}")
    return value
