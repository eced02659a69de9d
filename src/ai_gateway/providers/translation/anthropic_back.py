"""Anthropic's API as a provider of any dialect's callers, at Anthropic and at the clouds that sell it.

The clouds speak the same dialect at other addresses: the model stands in the path, and the version in the body. What
differs is data (`Place`).
"""

from typing import Final, final
from urllib.parse import quote

import msgspec

from ai_gateway.domain.chat import ProviderError
from ai_gateway.domain.conversation import (
    ChoiceMode,
    Conversation,
    Role,
    ServerTool,
    Text,
    Tool,
    ToolKind,
    Turn,
)
from ai_gateway.domain.reply import Reply
from ai_gateway.domain.traffic import Header
from ai_gateway.providers.anthropic import DEFAULT_VERSION
from ai_gateway.providers.capabilities import longest_output
from ai_gateway.providers.errors import read_error
from ai_gateway.providers.translation import Draft, EventDecoder
from ai_gateway.providers.translation.anthropic_betas import betas_for
from ai_gateway.providers.translation.anthropic_blocks import NAME, Block, marked, write_cache
from ai_gateway.providers.translation.anthropic_decoder import MessageEvents
from ai_gateway.providers.translation.anthropic_families import Family, bare_name, family_of
from ai_gateway.providers.translation.anthropic_reasoning import Fields, write_reasoning, write_sampling
from ai_gateway.providers.translation.anthropic_reply import read_message
from ai_gateway.providers.translation.anthropic_turns import Written
from ai_gateway.providers.translation.losses import Losses
from ai_gateway.providers.translation.sse_decoder import SseDecoder

DEFAULT_OUTPUT: Final = 4_096
OWN_FIELDS: Final = frozenset(
    {
        "betas",
        "compaction",
        "container",
        "context_management",
        "diagnostics",
        "fallback_credit_token",
        "fallbacks",
        "inference_geo",
        "mcp_servers",
        "output_config",
        "speed",
        "thinking",
        "thread",
        "user_profile_id",
    }
)
"""Members of the dialect that have no place of ours: given back to it, unknown to every other."""
OWN_TOOL_FIELDS: Final = frozenset({"allowed_callers", "defer_loading", "eager_input_streaming", "input_examples"})
"""Those of a tool; they ride along as `tools[0].defer_loading`."""


class Place(msgspec.Struct, frozen=True):
    """Where the API is. `{model}` in a path is the model's name, which the body then does not say; `version`: what the
    body says instead of the header. `streams_by_path`: the body does not say whether to stream, the path does."""

    path: str
    stream_path: str
    version: str | None = None
    streams_by_path: bool = False
    betas_in_body: bool = False


MESSAGES: Final = Place("/v1/messages", "/v1/messages")
VERTEX: Final = Place(
    "/publishers/anthropic/models/{model}:rawPredict",
    "/publishers/anthropic/models/{model}:streamRawPredict",
    "vertex-2023-10-16",
)
BEDROCK_INVOKE: Final = Place(
    "/model/{model}/invoke",
    "/model/{model}/invoke-with-response-stream",
    "bedrock-2023-05-31",
    streams_by_path=True,
    betas_in_body=True,
)


@final
class AnthropicBack:
    def __init__(self, place: Place = MESSAGES) -> None:
        self._place = place

    @property
    def name(self) -> str:
        return NAME

    def write_request(self, asked: Conversation, model: str, losses: Losses) -> Draft:
        place, family = self._place, family_of(model)
        most = _most_output(asked, model)
        answer = _write_answer_fields(asked, family, most, losses)
        written = Written(_without_prefill(asked.turns, answer, family, losses), family, losses)
        body: Fields = {}
        if "{model}" not in place.path:
            body["model"] = model
        if place.version is not None:
            body["anthropic_version"] = place.version
        body |= {"max_tokens": most, "messages": written.messages}
        if written.system:
            body["system"] = written.system
        body |= answer
        body |= _write_tools(asked, family, losses)
        body |= _write_rest(asked, family, losses)
        if asked.stream and not place.streams_by_path:
            body["stream"] = True
        betas = betas_for(body, names_files=written.names_files)
        headers: tuple[Header, ...] = () if place.version is not None else (("anthropic-version", DEFAULT_VERSION),)
        if betas and place.betas_in_body:
            body["anthropic_beta"] = list(betas)
        elif betas:
            headers += (("anthropic-beta", ",".join(betas)),)
        path = place.stream_path if asked.stream else place.path
        return Draft(path.format(model=quote(model, safe="@")), body, headers)

    def read_reply(self, body: bytes) -> Reply | ProviderError:
        return read_message(body)

    def read_error(self, status: int, headers: dict[str, str], body: bytes) -> ProviderError:
        return read_error(status, headers, body)

    def decoder(self) -> EventDecoder:
        return SseDecoder(MessageEvents())


def _most_output(asked: Conversation, model: str) -> int:
    """The dialect wants to be told."""
    if asked.max_output is not None:
        return asked.max_output
    name = bare_name(model)
    return longest_output(model if name is None else f"claude-{name}") or DEFAULT_OUTPUT


def _write_answer_fields(asked: Conversation, family: Family, most: int, losses: Losses) -> Fields:
    """How to think, to sample, to end, and in which form."""
    fields = write_reasoning(asked, family, most, losses)
    fields |= write_sampling(asked, fields, family, losses)
    if asked.choices > 1:
        losses.unsupported("n")
    stops = [stop for stop in asked.stop if stop.strip()]
    if len(stops) < len(asked.stop):
        losses.unsupported("stop", "a sequence has to have more than white space there")
    if stops:
        fields["stop_sequences"] = stops
    if asked.format is not None:
        if asked.format.schema is None:
            losses.unsupported("response_format", "it takes JSON with a schema only")
        elif not family.schemas:
            losses.unsupported("response_format", "this model takes no schema")
        else:
            form = {"type": "json_schema", "schema": asked.format.schema}
            fields["output_config"] = {**fields.get("output_config", {}), "format": form}
            if asked.format.description is not None:
                losses.forgiven("response_format.json_schema.description")
    return fields


def _without_prefill(turns: tuple[Turn, ...], fields: Fields, family: Family, losses: Losses) -> tuple[Turn, ...]:
    """The turns without an answer that the model was to go on with, if it does not, and without the white space after
    one, which is refused there."""
    last = turns[-1] if turns else None
    if last is None or last.role is not Role.ASSISTANT or not last.parts or not isinstance(last.parts[-1], Text):
        return turns
    place, text = f"messages[{len(turns) - 1}]", last.parts[-1]
    if not family.prefill or "format" in fields.get("output_config", {}) or _thinks(fields):
        losses.unsupported(place, "this model does not go on where an answer stops")
        return turns[:-1]
    if text.text == text.text.rstrip():
        return turns
    losses.unsupported(place, "an answer to go on with may not end in white space")
    stripped = msgspec.structs.replace(text, text=text.text.rstrip())
    return (*turns[:-1], msgspec.structs.replace(last, parts=(*last.parts[:-1], stripped)))


def _thinks(fields: Fields) -> bool:
    return fields.get("thinking", {}).get("type") in ("enabled", "adaptive")


def _write_tools(asked: Conversation, family: Family, losses: Losses) -> Fields:
    tools: list[Block] = []
    for number, tool in enumerate(asked.tools):
        if isinstance(tool, ServerTool):
            if tool.dialect == NAME:
                tools.append(tool.value)
            else:
                losses.unsupported(f"tools[{number}]")
        elif tool.kind is ToolKind.CUSTOM:
            losses.unsupported(f"tools[{number}]", "its tools take JSON objects")
        else:
            tools.append(_write_tool(tool, number, asked, family, losses))
    fields: Fields = {"tools": tools} if tools else {}
    choice = _write_choice(asked, losses)
    if choice is not None and tools:
        fields["tool_choice"] = choice
    return fields


def _write_tool(tool: Tool, number: int, asked: Conversation, family: Family, losses: Losses) -> Block:
    block: Block = {"name": tool.name}
    if tool.description is not None:
        block["description"] = tool.description
    schema = tool.schema or {"properties": {}}
    block["input_schema"] = schema if "type" in schema else {"type": "object", **schema}
    if tool.strict:
        if family.schemas:
            block["strict"] = True
        else:
            losses.unsupported(f"tools[{number}].strict", "this model promises nothing")
    elif tool.strict is not None and family.schemas:
        block["strict"] = False
    start = f"tools[{number}]."
    for extras in (asked.others, asked.hints):
        for name in OWN_TOOL_FIELDS:
            if start + name in extras:
                block[name] = extras[start + name]
    return marked(block, tool.cache)


def _write_choice(asked: Conversation, losses: Losses) -> Block | None:
    choice = asked.tool_choice
    said: Block = {"type": "auto"}
    if choice is not None and choice.mode is ChoiceMode.NAMED:
        if choice.kind is ToolKind.CUSTOM:
            losses.unsupported("tool_choice")
            return None
        said = {"type": "tool", "name": choice.name or ""}
    elif choice is not None:
        said = {"type": {ChoiceMode.NONE: "none", ChoiceMode.REQUIRED: "any"}.get(choice.mode, "auto")}
    if said["type"] != "none" and asked.parallel_tools is not None:
        said["disable_parallel_tool_use"] = not asked.parallel_tools
    return None if choice is None and asked.parallel_tools is not False else said


def _write_rest(asked: Conversation, family: Family, losses: Losses) -> Fields:
    fields: Fields = {}
    if asked.end_user is not None:
        fields["metadata"] = {"user_id": asked.end_user}
    if asked.service_tier in ("auto", "standard_only"):
        fields["service_tier"] = asked.service_tier
    elif asked.service_tier == "default":
        fields["service_tier"] = "standard_only"
    elif asked.service_tier is not None:
        losses.unsupported("service_tier", f"it has none that is called '{asked.service_tier}'")
    if asked.cache is not None:
        fields["cache_control"] = write_cache(asked.cache)
    for name, value in asked.others.items():
        if name in OWN_FIELDS:
            fields[name] = value
        elif not _is_of_tool(name):
            losses.unsupported(name)
    for name, value in asked.hints.items():
        if name in OWN_FIELDS:
            fields[name] = value
        elif not _is_of_tool(name):
            losses.forgiven(name)
    return fields


def _is_of_tool(name: str) -> bool:
    return name.startswith("tools[") and name.rpartition(".")[2] in OWN_TOOL_FIELDS
