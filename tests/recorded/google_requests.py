"""Recorded requests of Google's read into the middle, so that writing them again can be compared. No caller speaks this
dialect, so only what the recordings have is read; what is not read fails the test that uses it."""

import json
from typing import Any

from ai_gateway.domain.conversation import (
    Audio,
    ChoiceMode,
    Conversation,
    Document,
    Image,
    JsonSchema,
    Maker,
    Opaque,
    Part,
    Reasoning,
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

Wire = dict[str, Any]


class Unread(Exception):
    """Something that the middle has no place for, or that no caller could say."""


def camel(value: Any, *, inside: str = "") -> Any:
    """Google takes both spellings; schemas, arguments and results keep their own names."""
    if isinstance(value, list):
        return [camel(it, inside=inside) for it in value]
    if not isinstance(value, dict) or inside in ("args", "response", "labels") or "chema" in inside:
        return value
    said = {_camel(name): camel(it, inside=_camel(name)) for name, it in value.items()}
    if isinstance(said.get("tools"), dict):  # a list of one may be written without its brackets
        said["tools"] = [said["tools"]]
    return said


def read(body: Wire, model: str) -> Conversation:
    """`body` in camel case."""
    config = body.get("generationConfig", {})
    extra = set(body) - {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig"}
    if extra:
        raise Unread(f"{min(extra)} is no caller's to say")
    system = body.get("systemInstruction", {}).get("parts", [])
    turns = [Turn(Role.SYSTEM, tuple(Text(it["text"]) for it in system))] if system else []
    turns += [_turn(it, model) for it in body["contents"]]
    return Conversation(
        turns=tuple(turns),
        max_output=config.get("maxOutputTokens"),
        stop=tuple(config.get("stopSequences", ())),
        choices=config.get("candidateCount", 1),
        sampling=Sampling(
            temperature=config.get("temperature"),
            top_p=config.get("topP"),
            top_k=config.get("topK"),
            seed=config.get("seed"),
            logprobs=config.get("responseLogprobs"),
            top_logprobs=config.get("logprobs"),
        ),
        tools=tuple(tool for group in body.get("tools", ()) for tool in _tools(group)),
        tool_choice=_choice(body.get("toolConfig", {})),
        format=_format(config),
        reasoning=_reasoning(config.get("thinkingConfig")),
    )


def plain(body: Wire) -> Wire:
    """Without what means nothing or is a default: empty members, the role of the system, one candidate, text answers;
    neighbours of one speaker together, and schemas under one name."""
    said = json.loads(json.dumps(body))
    said.get("systemInstruction", {}).pop("role", None)
    config = said.get("generationConfig", {})
    if config.get("candidateCount") == 1:
        del config["candidateCount"]
    if config.get("responseModalities") in (["Text"], ["TEXT"]):
        del config["responseModalities"]
    if config.get("responseMimeType") == "text/plain":
        del config["responseMimeType"]
    thinking = config.get("thinkingConfig", {})
    if thinking.get("includeThoughts") is False:
        del thinking["includeThoughts"]
    if config.get("thinkingConfig") == {}:
        del config["thinkingConfig"]
    if not config:
        said.pop("generationConfig", None)
    if "responseSchema" in config:
        config["responseJsonSchema"] = config.pop("responseSchema")
    said.get("tools", []).sort(key=str)
    for group in said.get("tools", ()):
        for tool in group.get("functionDeclarations", ()):
            if "parameters" in tool:
                tool["parametersJsonSchema"] = tool.pop("parameters")
    merged: list[Wire] = []
    for turn in said["contents"]:
        parts = [it for it in turn["parts"] if it != {"text": ""}]
        if merged and merged[-1]["role"] == turn.get("role", "user"):
            merged[-1]["parts"] += parts
        elif parts:
            merged.append({"role": turn.get("role", "user"), "parts": parts})
    said["contents"] = merged
    return {name: value for name, value in said.items() if value not in ({}, [], None)}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(it.capitalize() for it in rest)


def _turn(said: Wire, model: str) -> Turn:
    role = Role.ASSISTANT if said.get("role") == "model" else Role.USER
    return Turn(role, tuple(part for it in said["parts"] for part in _parts(it)))


def _parts(said: Wire) -> list[Part]:
    signature = said.get("thoughtSignature")
    behind: list[Part] = [Thinking("", signature, maker=Maker.GOOGLE)] if signature else []
    rest = {name: value for name, value in said.items() if name != "thoughtSignature"}
    match rest:
        case {"text": str(text)} if len(rest) == 1:
            return [Text(text), *behind] if text else behind
        case {"functionCall": call}:
            maker = Maker.GOOGLE if signature else None
            arguments = json.dumps(call.get("args", {}))
            return [ToolCall(call.get("id", ""), call["name"], arguments, signature=signature, maker=maker)]
        case {"functionResponse": result}:
            media = tuple(_media(it) for it in result.get("parts", ()))
            text = Text(json.dumps(result["response"]))
            return [ToolResult(result.get("id", ""), (text, *media), name=result["name"])]  # type: ignore[arg-type]
        case {"inlineData": _} | {"fileData": _}:
            return [_media(rest), *behind]
        case _:
            kind = next(iter(rest))
            return [Opaque("google", kind, said)]


def _media(said: Wire) -> Image | Document | Audio:
    blob = said.get("inlineData") or said["fileData"]
    source = Source(data=blob.get("data"), url=blob.get("fileUri"), media_type=blob.get("mimeType"))
    kind = (source.media_type or "").partition("/")[0]
    return Image(source) if kind == "image" else Audio(source) if kind == "audio" else Document(source)


def _tools(group: Wire) -> list[Tool | ServerTool]:
    return [
        *(
            Tool(it["name"], it.get("description"), it.get("parametersJsonSchema") or it.get("parameters"))
            for it in group.get("functionDeclarations", ())
        ),
        *(ServerTool("google", name, {name: it}) for name, it in group.items() if name != "functionDeclarations"),
    ]


def _choice(said: Wire) -> ToolChoice | None:
    if "includeServerSideToolInvocations" in said:
        raise Unread("includeServerSideToolInvocations is no caller's to say")
    calling = said.get("functionCallingConfig")
    if calling is None:
        return None
    names = calling.get("allowedFunctionNames", [])
    if len(names) > 1 or (names and calling["mode"] != "ANY"):
        raise Unread("a choice among some of the tools is no caller's to say")
    if calling["mode"] == "VALIDATED":
        raise Unread("VALIDATED without a strict tool is no caller's to say")
    if names:
        return ToolChoice(ChoiceMode.NAMED, names[0])
    return ToolChoice({"AUTO": ChoiceMode.AUTO, "NONE": ChoiceMode.NONE, "ANY": ChoiceMode.REQUIRED}[calling["mode"]])


def _format(config: Wire) -> JsonSchema | None:
    if config.get("responseModalities", ["TEXT"]) not in (["TEXT"], ["Text"]):
        raise Unread("responseModalities is no caller's to say")
    if config.get("responseMimeType") not in ("application/json", None, "text/plain"):
        raise Unread("responseMimeType is no caller's to say")
    if config.get("responseMimeType") != "application/json":
        return None
    return JsonSchema(config.get("responseJsonSchema") or config.get("responseSchema"))


def _reasoning(said: Wire | None) -> Reasoning | None:
    if not said:
        return None
    shows = "auto" if said.get("includeThoughts") else "omitted"
    return Reasoning(budget_tokens=said.get("thinkingBudget"), effort=said.get("thinkingLevel"), summary=shows)
