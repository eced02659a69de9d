"""Recorded requests of Converse, read into conversations: the gateway has no such caller, but what it would write for
these conversations can be held against what was really sent."""

import json
from collections.abc import Iterator
from typing import Any

from ai_gateway.domain.conversation import (
    CacheTtl,
    ChoiceMode,
    Conversation,
    Document,
    Image,
    JsonSchema,
    Maker,
    Opaque,
    Part,
    Role,
    Sampling,
    ServerTool,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

MEDIA_TYPES = {"pdf": "application/pdf", "txt": "text/plain", "png": "image/png", "jpeg": "image/jpeg"}
OWN = ("guardrailConfig", "additionalModelRequestFields", "requestMetadata", "promptVariables")


def conversation_of(asked: dict[str, Any], *, stream: bool) -> Conversation:
    config = asked.get("inferenceConfig") or {}
    tools = asked.get("toolConfig") or {}
    turns = [Turn(Role(it["role"]), tuple(parts_of(it["content"]))) for it in asked["messages"]]
    if asked.get("system"):
        turns.insert(0, Turn(Role.SYSTEM, tuple(parts_of(asked["system"]))))
    own = {name: asked[name] for name in (*OWN, "additionalModelResponseFieldPaths") if name in asked}
    return Conversation(
        turns=tuple(turns),
        stream=stream,
        max_output=config.get("maxTokens"),
        stop=tuple(config.get("stopSequences") or ()),
        sampling=Sampling(temperature=config.get("temperature"), top_p=config.get("topP")),
        tools=tuple(_marked(tools.get("tools") or ())),
        tool_choice=_choice(tools.get("toolChoice") or {}),
        format=_format(asked.get("outputConfig")),
        service_tier=(asked.get("serviceTier") or {}).get("type"),
        others=own,
    )


def usual(asked: dict[str, Any]) -> dict[str, Any]:
    """A body without what says nothing: defaults, and members that are empty. Messages of one role that follow each
    other are one."""
    body = json.loads(json.dumps(asked))
    messages: list[dict[str, Any]] = []
    for message in body["messages"]:
        if messages and messages[-1]["role"] == message["role"]:
            messages[-1]["content"] += message["content"]
        else:
            messages.append(message)
    body["messages"] = messages
    for message in body["messages"]:
        for block in message["content"]:
            if (result := block.get("toolResult")) and result.get("status") == "success":
                del result["status"]
            for name in ("toolUse", "toolResult"):
                if block.get(name, {}).get("type") in ("tool_use", "tool_result"):
                    del block[name]["type"]
    if (body.get("toolConfig") or {}).get("toolChoice") == {"auto": {}}:
        del body["toolConfig"]["toolChoice"]
    for tool in (body.get("toolConfig") or {}).get("tools", ()):
        if tool.get("toolSpec", {}).get("strict") is False:
            del tool["toolSpec"]["strict"]
    if (form := body.get("outputConfig")) is not None:
        told = form["textFormat"]["structure"]["jsonSchema"]
        told["schema"] = json.loads(told["schema"])
    return {name: value for name, value in body.items() if value not in ({}, [], None)}


def parts_of(blocks: list[dict[str, Any]]) -> Iterator[Part]:
    """A cache point is a mark of the part before it."""
    parts: list[Part] = []
    for block in blocks:
        if "cachePoint" in block:
            before = parts[-1]
            assert isinstance(before, (Text, ToolResult, Document, Image, ToolCall))
            parts[-1] = type(before)(**{**_fields(before), "cache": CacheTtl(block["cachePoint"].get("ttl", "5m"))})
        else:
            parts.append(_part(block))
    return iter(parts)


def _part(block: dict[str, Any]) -> Part:
    match block:
        case {"text": str() as text}:
            return Text(text)
        case {"toolUse": {"type": "server_tool_use"}}:
            return Opaque("bedrock", "toolUse", block)
        case {"toolUse": call}:
            return ToolCall(call["toolUseId"], call["name"], json.dumps(call["input"]))
        case {"toolResult": {"type": kind}} if kind != "tool_result":
            return Opaque("bedrock", "toolResult", block)
        case {"toolResult": result}:
            pieces = tuple(_part(it) for it in result["content"])
            assert all(isinstance(it, (Text, Image, Document)) for it in pieces)
            return ToolResult(result["toolUseId"], pieces, result.get("status") == "error")  # type: ignore[arg-type]
        case {"reasoningContent": {"reasoningText": said}}:
            return Thinking(said["text"], said["signature"], maker=Maker.ANTHROPIC)
        case {"image": said}:
            return Image(_source(said))
        case {"document": said}:
            return Document(_source(said), title=said["name"])
        case _:
            return Opaque("bedrock", next(iter(block)), block)


def _source(said: dict[str, Any]) -> Source:
    place = said["source"].get("s3Location", {}).get("uri")
    return Source(url=place, data=said["source"].get("bytes"), media_type=MEDIA_TYPES[said["format"]])


def _marked(tools: Any) -> Iterator[Tool | ServerTool]:
    for index, tool in enumerate(tools):
        mark = next((it["cachePoint"] for it in tools[index + 1 : index + 2] if "cachePoint" in it), None)
        if (spec := tool.get("toolSpec")) is not None:
            ttl = None if mark is None else CacheTtl(mark.get("ttl", "5m"))
            yield Tool(
                spec["name"], spec.get("description"), spec["inputSchema"]["json"], spec.get("strict"), cache=ttl
            )
        elif "cachePoint" not in tool:
            yield ServerTool("bedrock", next(iter(tool)), tool)


def _choice(said: dict[str, Any]) -> ToolChoice | None:
    if "tool" in said:
        return ToolChoice(ChoiceMode.NAMED, said["tool"]["name"])
    return ToolChoice(ChoiceMode.REQUIRED) if "any" in said else None


def _format(said: dict[str, Any] | None) -> JsonSchema | None:
    if said is None:
        return None
    told = said["textFormat"]["structure"]["jsonSchema"]
    return JsonSchema(json.loads(told["schema"]), told.get("name"), told.get("description"))


def _fields(part: Part) -> dict[str, Any]:
    return {name: getattr(part, name) for name in part.__struct_fields__}
