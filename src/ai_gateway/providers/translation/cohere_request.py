"""A conversation as a request of Cohere's `/v2/chat`.

Documents are not part of a turn there: they stand beside the messages, and the model cites them by their ids. A tool's
plan, which Cohere's models write before they call, is a thought to us and goes back to where it was. Members with
Cohere's own names that a caller put beside those of its dialect are passed on as they are.
"""

from typing import Final

from ai_gateway.domain.conversation import (
    ChoiceMode,
    Conversation,
    ServerTool,
    ThinkingMode,
    Tool,
    ToolKind,
)
from ai_gateway.providers.translation import Draft
from ai_gateway.providers.translation.cohere_turns import TurnWriter
from ai_gateway.providers.translation.losses import Losses

PATH: Final = "/v2/chat"
OWN: Final = frozenset(
    {"safety_mode", "documents", "citation_options", "strict_tools", "raw_prompting", "priority", "truncation_mode"}
)
_TIERS_OF_NO_MATTER: Final = frozenset({"auto", "default", "standard", "standard_only"})
_BUDGETS: Final = {"minimal": 512, "low": 2048, "medium": 8192}
"""Tokens of thought for an effort; greater ones are not limited."""
_UNLIMITED: Final = frozenset({"high", "xhigh", "max"})


def write_request(asked: Conversation, model: str, losses: Losses) -> Draft:
    turns = TurnWriter(losses)
    turns.write(asked.turns)
    body: dict[str, object] = {"model": model, "messages": turns.messages, "stream": asked.stream}
    if turns.documents:
        body["documents"] = turns.documents
    if turns.documents and not turns.cites:
        body["citation_options"] = {"mode": "OFF"}
    _sampling(body, asked, losses)
    _tools(body, asked, losses)
    if asked.format is not None:
        form: dict[str, object] = {"type": "json_object"}
        if asked.format.schema is not None:
            form["json_schema"] = asked.format.schema
        body["response_format"] = form
    if (thinking := _thinking(asked, losses)) is not None:
        body["thinking"] = thinking
    for name, value in (asked.hints | asked.others).items():
        if name in OWN:
            body[name] = value
        elif name in asked.others:
            losses.unsupported(name)
        else:
            losses.forgiven(name)
    _refuse_the_rest(asked, losses)
    return Draft(PATH, body)


def _sampling(body: dict[str, object], asked: Conversation, losses: Losses) -> None:
    sampling = asked.sampling
    named = (
        ("max_tokens", asked.max_output),
        ("stop_sequences", list(asked.stop) or None),
        ("temperature", sampling.temperature),
        ("p", sampling.top_p),
        ("k", sampling.top_k),
        ("seed", sampling.seed),
    )
    body.update({name: value for name, value in named if value is not None})
    for name, penalty in (
        ("frequency_penalty", sampling.frequency_penalty),
        ("presence_penalty", sampling.presence_penalty),
    ):
        if penalty is not None and not 0 <= penalty <= 1:
            losses.unsupported(name, "it takes 0 to 1")
        elif penalty is not None:
            body[name] = penalty
    for name, wanted in (("logprobs", sampling.logprobs), ("top_logprobs", sampling.top_logprobs)):
        if wanted:
            losses.unsupported(name)


def _tools(body: dict[str, object], asked: Conversation, losses: Losses) -> None:
    """To force one tool is to offer no other and demand a call."""
    choice = asked.tool_choice
    tools = list(enumerate(asked.tools))
    if choice is not None and choice.mode is ChoiceMode.NAMED:
        tools = [(index, tool) for index, tool in tools if isinstance(tool, Tool) and tool.name == choice.name]
    written = [spec for index, tool in tools if (spec := _tool(tool, f"tools[{index}]", losses)) is not None]
    if not written:
        return
    body["tools"] = written
    strict = [isinstance(tool, Tool) and tool.strict is True for _, tool in tools]
    if all(strict):
        body["strict_tools"] = True
    elif any(strict):
        losses.unsupported(f"tools[{tools[strict.index(True)][0]}].strict", "all tools are strict, or none is")
    if choice is not None and choice.mode in (ChoiceMode.REQUIRED, ChoiceMode.NAMED):
        body["tool_choice"] = "REQUIRED"
    elif choice is not None and choice.mode is ChoiceMode.NONE:
        body["tool_choice"] = "NONE"
    if asked.parallel_tools is False:
        losses.unsupported("parallel_tool_calls", "calls cannot be kept to one at a time")


def _tool(tool: Tool | ServerTool, at: str, losses: Losses) -> dict[str, object] | None:
    if isinstance(tool, ServerTool):
        losses.unsupported(at, f"'{tool.kind}' is run by another provider")
        return None
    if tool.kind is ToolKind.CUSTOM:
        losses.unsupported(at, "only functions are known")
        return None
    if tool.cache is not None:
        losses.forgiven("cache_control")
    function: dict[str, object] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = {"type": "object", "properties": {}} if tool.schema is None else tool.schema
    return {"type": "function", "function": function}


def _thinking(asked: Conversation, losses: Losses) -> dict[str, object] | None:
    wanted = asked.reasoning
    if wanted is None:
        return None
    if wanted.summary is not None:
        losses.forgiven("reasoning.summary")
    if wanted.effort_only:
        losses.forgiven("reasoning_effort")
        return None
    if wanted.mode is ThinkingMode.OFF or wanted.effort == "none":
        return {"type": "disabled"}
    if wanted.budget_tokens is not None:
        return {"type": "enabled", "token_budget": wanted.budget_tokens}
    if wanted.effort in _BUDGETS:
        return {"type": "enabled", "token_budget": _BUDGETS[wanted.effort]}
    if wanted.effort is not None and wanted.effort not in _UNLIMITED:
        losses.unsupported("reasoning_effort", f"'{wanted.effort}' is not known")
        return None
    return {"type": "enabled"} if wanted.mode is not None or wanted.effort is not None else None


def _refuse_the_rest(asked: Conversation, losses: Losses) -> None:
    if asked.choices != 1:
        losses.unsupported("n", "one answer is given")
    if asked.service_tier is not None and asked.service_tier not in _TIERS_OF_NO_MATTER:
        losses.unsupported("service_tier")
    if asked.cache is not None:
        losses.forgiven("cache_control")
    if asked.end_user is not None:
        losses.forgiven("user")
