"""A conversation as a request for generateContent.

Members are written in Google's order and camel case; what the caller did not say is not said, so that Google's defaults
hold. Where a schema goes depends on the family: as it is, or as what older models take of it (google_schema.py).
"""

from typing import Final
from urllib.parse import quote

from ai_gateway.domain.conversation import ChoiceMode, Conversation, Json, ServerTool, Tool, ToolChoice, ToolKind
from ai_gateway.providers.translation.google_choice import DIALECT
from ai_gateway.providers.translation.google_families import Family, family_of
from ai_gateway.providers.translation.google_schema import openapi_of
from ai_gateway.providers.translation.google_thinking import thinking_of
from ai_gateway.providers.translation.google_turns import contents_of
from ai_gateway.providers.translation.losses import Losses

Written = dict[str, Json]

_MODES: Final = {
    ChoiceMode.AUTO: "AUTO",
    ChoiceMode.NONE: "NONE",
    ChoiceMode.REQUIRED: "ANY",
    ChoiceMode.NAMED: "ANY",
}


def body_for(asked: Conversation, model: str, losses: Losses) -> Written:
    """Without the service tier, which each API of Google's takes in another place."""
    family = family_of(model)
    for field in asked.others:
        losses.unsupported(field)
    for field in asked.hints:
        losses.forgiven(field)
    if asked.end_user is not None:
        losses.forgiven("user")
    if asked.cache is not None:
        losses.forgiven("cache_control")
    contents = contents_of(asked, family, losses)
    body: Written = {"contents": contents.turns}
    if contents.system:
        body["systemInstruction"] = {"parts": contents.system}
    if tools := _tools(asked, family, losses):
        body["tools"] = tools
    if (calling := _calling(asked, family, losses)) is not None:
        body["toolConfig"] = {"functionCallingConfig": calling}
    if config := _config(asked, family, losses):
        body["generationConfig"] = config
    return body


def method_path(asked: Conversation, resource: str) -> str:
    """`resource`: the model's place below the base path ("/models/gemini-2.5-flash")."""
    return f"{resource}:streamGenerateContent?alt=sse" if asked.stream else f"{resource}:generateContent"


def quoted(name: str) -> str:
    """A model's name as a part of a path: it is the caller's word, and may not lead anywhere else."""
    return quote(name, safe="")


def tier_of(asked: Conversation, losses: Losses) -> str | None:
    """flex, priority, or None for the usual one."""
    tier = asked.service_tier
    if tier in ("flex", "priority"):
        return tier
    if tier not in (None, "auto", "default", "standard", "standard_only"):
        losses.unsupported("service_tier", "it has no service of this name")
    return None


def _tools(asked: Conversation, family: Family, losses: Losses) -> list[Written]:
    declared: list[Written] = []
    others: list[Written] = []
    for number, tool in enumerate(asked.tools):
        where = f"tools[{number}]"
        if isinstance(tool, ServerTool):
            if tool.dialect == DIALECT:
                others.append(tool.value)
            else:
                losses.unsupported(where, f"it has no tool of the type '{tool.kind}'")
        elif tool.kind is ToolKind.CUSTOM:
            losses.unsupported(where, "it knows functions only, which take a JSON object")
        else:
            declared.append(_declared(tool, where, family, losses))
    return [*([{"functionDeclarations": declared}] if declared else ()), *others]


def _declared(tool: Tool, where: str, family: Family, losses: Losses) -> Written:
    if tool.cache is not None:
        losses.forgiven("cache_control")
    written: Written = {"name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.schema is not None:
        if family.json_schema:
            written["parametersJsonSchema"] = tool.schema
        elif parameters := _if_any_member(openapi_of(tool.schema, losses, f"{where}.parameters")):
            written["parameters"] = parameters
    return written


def _if_any_member(schema: Written) -> Written | None:
    """The subset knows no object without properties: a function of no parameters has none at all."""
    return None if schema.get("type") == "object" and not schema.get("properties") else schema


def _calling(asked: Conversation, family: Family, losses: Losses) -> Written | None:
    """A strict function's arguments are held to their schema where the model must call (ANY) or may (VALIDATED)."""
    choice = asked.tool_choice
    if asked.parallel_tools is False:
        losses.unsupported("parallel_tool_calls", "it decides itself how many tools it calls at once")
    strict = any(isinstance(tool, Tool) and tool.strict for tool in asked.tools)
    if choice is None or choice.mode is ChoiceMode.AUTO:
        if strict and family.validates:
            return {"mode": "VALIDATED"}
        if strict:
            losses.forgiven("strict")
        return None if choice is None else {"mode": "AUTO"}
    return _forced(choice)


def _forced(choice: ToolChoice) -> Written:
    written: Written = {"mode": _MODES[choice.mode]}
    if choice.mode is ChoiceMode.NAMED and choice.name is not None:
        written["allowedFunctionNames"] = [choice.name]
    return written


def _config(asked: Conversation, family: Family, losses: Losses) -> Written:
    sampling = asked.sampling
    config: Written = {
        "temperature": sampling.temperature,
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "candidateCount": asked.choices if asked.choices != 1 else None,
        "maxOutputTokens": asked.max_output,
        "stopSequences": list(asked.stop) or None,
        "seed": sampling.seed,
        "presencePenalty": sampling.presence_penalty,
        "frequencyPenalty": sampling.frequency_penalty,
        "responseLogprobs": True if sampling.logprobs else None,
        "logprobs": (sampling.top_logprobs or None) if sampling.logprobs else None,
    }
    if asked.format is not None:
        config["responseMimeType"] = "application/json"
        schema = asked.format.schema
        if schema is not None and family.json_schema:
            config["responseJsonSchema"] = schema
        elif schema is not None:
            config["responseSchema"] = openapi_of(schema, losses, "response_format.json_schema.schema")
    if asked.reasoning is not None:
        config["thinkingConfig"] = thinking_of(asked.reasoning, family, losses)
    return {name: value for name, value in config.items() if value is not None}
