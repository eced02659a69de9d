"""A conversation written as the body of a chat request, as its provider's ways allow."""

import re
from typing import Any, Final

from ai_gateway.domain.conversation import (
    Conversation,
    Json,
    JsonSchema,
    Reasoning,
    ServerTool,
    ThinkingMode,
    Tool,
    ToolKind,
)
from ai_gateway.providers.translation.chat_parts import CHAT
from ai_gateway.providers.translation.chat_sent_messages import write_messages
from ai_gateway.providers.translation.chat_sent_parts import PartWriter, cache_control
from ai_gateway.providers.translation.chat_tools import is_of_tool, put_back, write_choice, write_grammar
from ai_gateway.providers.translation.chat_ways import CacheMarks, ChatWays, JsonForms, ReasoningField
from ai_gateway.providers.translation.losses import Losses

_OWN_OTHERS: Final = frozenset({"logit_bias", "verbosity", "modalities", "audio", "web_search_options"})
"""Members of this dialect which mean the same wherever else somebody says them."""
_SAMPLING: Final = (
    "temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs",
)  # fmt: skip
_EFFORTS: Final = ((2_048, "low"), (12_288, "medium"))
"""Budgets of thought below which it is this effort; above it is high."""


def write_body(asked: Conversation, model: str, ways: ChatWays, losses: Losses) -> dict[str, Json]:
    body: dict[str, Json] = {"model": model, "messages": write_messages(asked, ways, losses)}
    _write_limits(body, asked, ways, losses)
    for name in _SAMPLING:
        if (value := getattr(asked.sampling, name)) is not None:
            body[name] = value
    _write_tools(body, asked, ways, losses)
    if asked.format is not None and (form := _form(asked.format, ways, losses)) is not None:
        body["response_format"] = form
    if asked.reasoning is not None:
        takes_effort = asked.dialect == CHAT or re.fullmatch(ways.effort_models, model) is not None
        body |= _reasoning(asked.reasoning, ways, losses, takes_effort=takes_effort)
    _write_asides(body, asked, ways, losses)
    for name in [name for name in body if name in ways.unsupported]:
        losses.unsupported(name)
        del body[name]
    return body


def _write_limits(body: dict[str, Json], asked: Conversation, ways: ChatWays, losses: Losses) -> None:
    if asked.max_output is not None:
        body[ways.output_field] = asked.max_output
    if asked.stop:
        if len(asked.stop) > ways.most_stops:
            losses.unsupported("stop", f"it takes {ways.most_stops} at most")
        body["stop"] = list(asked.stop[: ways.most_stops])
    if asked.choices != 1:
        if ways.choices:
            body["n"] = asked.choices
        else:
            losses.unsupported("n")
    if asked.stream:
        body["stream"] = True
        if ways.stream_options:
            body["stream_options"] = {"include_usage": True}


def _write_tools(body: dict[str, Json], asked: Conversation, ways: ChatWays, losses: Losses) -> None:
    written = [_tool(tool, f"tools[{number}]", ways, losses) for number, tool in enumerate(asked.tools)]
    if asked.dialect == CHAT:
        for name, value in (asked.others | asked.hints).items():
            put_back(written, name, value)
    if tools := [tool for tool in written if tool is not None]:
        body["tools"] = tools
    if asked.parallel_tools is not None and (tools or asked.dialect == CHAT):
        if ways.parallel_tool_calls:
            body["parallel_tool_calls"] = asked.parallel_tools
        elif not asked.parallel_tools:
            losses.unsupported("parallel_tool_calls")
    if asked.tool_choice is not None:
        body["tool_choice"] = write_choice(asked.tool_choice, ways.required_word)


def _tool(tool: Tool | ServerTool, param: str, ways: ChatWays, losses: Losses) -> Json:
    """None: it was left out."""
    if isinstance(tool, ServerTool):
        if tool.dialect == CHAT:
            return tool.value
        losses.unsupported(param, f"it has no {tool.kind}")
        return None
    inner: dict[str, Json] = {"name": tool.name}
    if tool.description is not None:
        inner["description"] = tool.description
    if tool.kind is ToolKind.FUNCTION:
        inner |= _parameters(tool, param, ways, losses)
    elif not ways.custom_tools:
        losses.unsupported(param, "it has no custom tools")
        return None
    elif tool.format is not None:
        inner["format"] = write_grammar(tool.format)
    mark = PartWriter(ways, losses).cache_member(tool.cache)
    return {"type": tool.kind.value, tool.kind.value: inner} | mark


def _parameters(tool: Tool, param: str, ways: ChatWays, losses: Losses) -> dict[str, Json]:
    written: dict[str, Json] = {} if tool.schema is None else {"parameters": tool.schema}
    if tool.strict is not None and ways.strict:
        written["strict"] = tool.strict
    elif tool.strict:
        losses.unsupported(f"{param}.strict")
    return written


def _form(form: JsonSchema, ways: ChatWays, losses: Losses) -> Json:
    if form.schema is None and ways.json_forms is not JsonForms.NONE:
        return {"type": "json_object"}
    if form.schema is None or ways.json_forms is not JsonForms.SCHEMA:
        losses.unsupported("response_format")
        return None
    said: dict[str, Json] = {"name": form.name or "answer", "schema": form.schema}
    said |= {} if form.description is None else {"description": form.description}
    said |= {} if form.strict is None else {"strict": form.strict}
    return {"type": "json_schema", "json_schema": said}


def _reasoning(asked: Reasoning, ways: ChatWays, losses: Losses, *, takes_effort: bool) -> dict[str, Json]:
    """A budget is told as the effort that comes next to it. What the provider has no place for is a hint: it changes
    how long the model thinks, not what it is asked. An effort that is no wish for thoughts switches none on."""
    match ways.reasoning:
        case ReasoningField.OBJECT:
            said: dict[str, Any] = {"effort": asked.effort, "max_tokens": asked.budget_tokens}
            said["enabled"] = None if asked.mode is None else asked.mode is not ThinkingMode.OFF
            said |= {"exclude": True} if asked.summary == "omitted" else {"summary": asked.summary}
            return {"reasoning": {name: value for name, value in said.items() if value is not None}}
        case ReasoningField.SWITCH:
            is_off = asked.mode is ThinkingMode.OFF or asked.effort == "none"
            if asked.effort_only and asked.mode is None:
                losses.forgiven("reasoning_effort")
                return {}
            if not is_off and (asked.effort is not None or asked.budget_tokens is not None):
                losses.forgiven("reasoning_effort" if asked.effort is not None else "budget_tokens")
            return {"thinking": {"type": "disabled" if is_off else "enabled"}}
        case ReasoningField.EFFORT if asked.mode is ThinkingMode.OFF and asked.effort not in (None, "none"):
            losses.forgiven("reasoning_effort")
            return {}
        case ReasoningField.EFFORT if takes_effort and asked.effort is not None:
            return {"reasoning_effort": asked.effort}
        case ReasoningField.EFFORT if takes_effort and asked.budget_tokens is not None:
            losses.forgiven("budget_tokens")
            return {"reasoning_effort": effort_for(asked.budget_tokens)}
        case _:
            if asked.mode is not ThinkingMode.OFF:
                losses.forgiven("thinking")
            return {}


def effort_for(budget_tokens: int) -> str:
    return next((word for below, word in _EFFORTS if budget_tokens < below), "high")


def _write_asides(body: dict[str, Json], asked: Conversation, ways: ChatWays, losses: Losses) -> None:
    if asked.service_tier is not None:
        tier = "default" if asked.service_tier == "standard_only" else asked.service_tier
        if ways.service_tiers is None or tier in ways.service_tiers:
            body["service_tier"] = tier
        else:
            losses.forgiven("service_tier")
    if asked.end_user is not None:
        if ways.end_user_field is None:
            losses.forgiven("user")
        else:
            body[ways.end_user_field] = asked.end_user
    if asked.cache is not None:
        if ways.cache_marks is not CacheMarks.CACHE_CONTROL:
            losses.forgiven("cache_control")
        else:
            body["cache_control"] = cache_control(asked.cache)
    _write_hints(body, asked, ways, losses)
    _write_others(body, asked, losses)


def _write_hints(body: dict[str, Json], asked: Conversation, ways: ChatWays, losses: Losses) -> None:
    for name, value in asked.hints.items():
        if asked.dialect == CHAT and is_of_tool(name):
            continue  # it is where it was
        if name == "stream_options" and asked.stream and ways.stream_options and isinstance(value, dict):
            body[name] = value | body[name]
        elif name in ways.hints if ways.hints is not None else not is_of_tool(name):
            body[name] = value
        else:
            losses.forgiven(name)


def _write_others(body: dict[str, Json], asked: Conversation, losses: Losses) -> None:
    for name, value in asked.others.items():
        if asked.dialect == CHAT and is_of_tool(name):
            continue  # it is where it was
        if asked.dialect == CHAT or name in _OWN_OTHERS:
            body[name] = value
        else:
            losses.unsupported(name)
