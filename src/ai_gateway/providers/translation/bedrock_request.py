"""A conversation as a request of Converse or ConverseStream, which differ in their path only.

Members with Bedrock's own names that a caller put beside those of its dialect (`guardrailConfig`, `performanceConfig`,
`additionalModelRequestFields` ...) are passed on as they are: they mean nothing anywhere else.
"""

from typing import Final

import msgspec

from ai_gateway.domain.conversation import ChoiceMode, Conversation, ServerTool, Tool, ToolKind
from ai_gateway.providers.decoding import as_object
from ai_gateway.providers.translation import Draft
from ai_gateway.providers.translation.anthropic_families import family_of as generation_of
from ai_gateway.providers.translation.anthropic_reasoning import write_sampling
from ai_gateway.providers.translation.bedrock_models import Family, family_of, path_of
from ai_gateway.providers.translation.bedrock_names import is_tool_name
from ai_gateway.providers.translation.bedrock_reasoning import reasoning_fields
from ai_gateway.providers.translation.bedrock_turns import NAME, TurnWriter
from ai_gateway.providers.translation.losses import Losses

OWN: Final = frozenset(
    {
        "guardrailConfig",
        "performanceConfig",
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "promptVariables",
        "requestMetadata",
    }
)
_TIERS: Final = {"priority": "priority", "flex": "flex", "default": "default", "reserved": "reserved"}
_TIERS_OF_NO_MATTER: Final = frozenset({"auto", "standard_only", "standard"})
_NO_PARAMETERS: Final[dict[str, object]] = {"type": "object", "properties": {}}
_STOPPED_BY: Final = "/stop_sequence"


def write_request(asked: Conversation, model: str, losses: Losses) -> Draft:
    family = family_of(model)
    turns = TurnWriter(family, losses, takes_later_system=family is Family.CLAUDE and generation_of(model).system_later)
    turns.write(asked.turns)
    if asked.cache is not None:
        turns.mark(asked.cache)
    body: dict[str, object] = {"messages": turns.messages}
    if turns.system:
        body["system"] = turns.system
    more = reasoning_fields(asked, model, family, losses)
    sampling = _sampling(asked, more, model, family, losses)
    _put(body, "inferenceConfig", _inference(asked, sampling))
    _put(body, "toolConfig", _tools(asked, turns, losses))
    _put(body, "outputConfig", _output(asked, model, family, losses))
    _put(body, "serviceTier", _tier(asked, losses))
    more |= _top_k(sampling.get("top_k"), family)
    for name, value in (asked.hints | asked.others).items():
        if name in OWN:
            body[name] = value
        elif name in asked.others:
            losses.unsupported(name)
        else:
            losses.forgiven(name)
    _put(body, "additionalModelRequestFields", more | as_object(body.get("additionalModelRequestFields")))
    if asked.stop and family is Family.CLAUDE:
        body.setdefault("additionalModelResponseFieldPaths", [_STOPPED_BY])
    _refuse_the_rest(asked, losses)
    return Draft(path_of(model, "converse-stream" if asked.stream else "converse"), body)


def _put(body: dict[str, object], name: str, value: dict[str, object]) -> None:
    if value:
        body[name] = value


def _sampling(
    asked: Conversation, more: dict[str, object], model: str, family: Family, losses: Losses
) -> dict[str, object]:
    """`temperature`, `top_p` and `top_k`, as far as the model takes them."""
    if family is Family.CLAUDE:
        return write_sampling(asked, more, generation_of(model), losses)
    said = asked.sampling
    for name in ("seed", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs"):
        if getattr(said, name):
            losses.unsupported(name)
    named = {"temperature": said.temperature, "top_p": said.top_p, "top_k": said.top_k}
    sampling: dict[str, object] = {name: value for name, value in named.items() if value is not None}
    if said.temperature is not None and said.temperature > 1:
        del sampling["temperature"]
        losses.unsupported("temperature", "it takes 0 to 1")
    if said.top_k is not None and family is not Family.NOVA:
        del sampling["top_k"]
        losses.unsupported("top_k")
    return sampling


def _inference(asked: Conversation, sampling: dict[str, object]) -> dict[str, object]:
    named = {
        "maxTokens": asked.max_output,
        "temperature": sampling.get("temperature"),
        "topP": sampling.get("top_p"),
        "stopSequences": list(asked.stop) or None,
    }
    return {name: value for name, value in named.items() if value is not None}


def _top_k(top_k: object, family: Family) -> dict[str, object]:
    """Converse has no place for it; each maker's models have their own."""
    if top_k is None:
        return {}
    return {"top_k": top_k} if family is Family.CLAUDE else {"inferenceConfig": {"topK": top_k}}


def _tools(asked: Conversation, turns: TurnWriter, losses: Losses) -> dict[str, object]:
    """Converse cannot forbid calls. Without calls in the conversation, leaving the tools out says the same; with some
    it wants the tools to be there, so the caller is told."""
    choice = asked.tool_choice
    if not asked.tools:
        return {}
    if choice is not None and choice.mode is ChoiceMode.NONE:
        if not turns.has_tools:
            losses.forgiven("tools")
            return {}
        losses.unsupported("tool_choice", "where the conversation has calls, tools cannot be forbidden")
    tools: list[object] = []
    for index, tool in enumerate(asked.tools):
        tools += _tool(tool, f"tools[{index}]", turns, losses)
    if not tools:
        return {}
    if asked.parallel_tools is False:
        losses.unsupported("parallel_tool_calls", "calls cannot be kept to one at a time")
    config: dict[str, object] = {"tools": tools}
    if choice is not None and choice.mode is ChoiceMode.REQUIRED:
        config["toolChoice"] = {"any": {}}
    elif choice is not None and choice.mode is ChoiceMode.NAMED:
        config["toolChoice"] = {"tool": {"name": choice.name}}
    return config


def _tool(tool: Tool | ServerTool, at: str, turns: TurnWriter, losses: Losses) -> list[object]:
    if isinstance(tool, ServerTool):
        if tool.dialect == NAME:
            return [tool.value]
        losses.unsupported(at, f"'{tool.kind}' is run by another provider")
        return []
    if tool.kind is ToolKind.CUSTOM:
        losses.unsupported(at, "only functions are known")
        return []
    if not is_tool_name(tool.name):
        losses.unsupported(f"{at}.name", "a name has at most 64 of letters, digits, _ and -")
        return []
    spec: dict[str, object] = {"name": tool.name}
    if tool.description:
        spec["description"] = tool.description
    spec["inputSchema"] = {"json": _NO_PARAMETERS if tool.schema is None else tool.schema}
    if tool.strict:
        spec["strict"] = True
    return [{"toolSpec": spec}, *turns.cache_point(tool.cache)]


def _output(asked: Conversation, model: str, family: Family, losses: Losses) -> dict[str, object]:
    form = asked.format
    if form is None:
        return {}
    if family is Family.CLAUDE and not generation_of(model).schemas:
        losses.unsupported("response_format", "this model takes no schema")
        return {}
    if form.schema is None:
        losses.unsupported("response_format", "a schema is wanted")
        return {}
    schema: dict[str, object] = {"schema": msgspec.json.encode(form.schema).decode()}
    if form.name is not None:
        schema["name"] = form.name
    if form.description is not None:
        schema["description"] = form.description
    return {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _tier(asked: Conversation, losses: Losses) -> dict[str, object]:
    tier = asked.service_tier
    if tier is None or tier in _TIERS_OF_NO_MATTER:
        return {}
    if tier in _TIERS:
        return {"type": _TIERS[tier]}
    losses.unsupported("service_tier")
    return {}


def _refuse_the_rest(asked: Conversation, losses: Losses) -> None:
    if asked.choices != 1:
        losses.unsupported("n", "one answer is given")
    if asked.end_user is not None:
        losses.forgiven("user")
