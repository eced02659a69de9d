"""What was asked of thinking and sampling, as one generation of Claude takes it.

An effort becomes a budget for a model that knows budgets only, and a budget an effort for one that knows efforts only
(`BUDGETS`); what was turned into something else is told. While a model thinks, it samples as it was trained to: a
temperature beside it is refused, not ignored.
"""

from typing import Final

from ai_gateway.domain.conversation import (
    ChoiceMode,
    Conversation,
    Json,
    Reasoning,
    Role,
    Thinking,
    ThinkingMode,
    ToolCall,
    ToolResult,
    Turn,
)
from ai_gateway.providers.translation.anthropic_families import (
    BUDGETS,
    Family,
    SamplingRule,
    effort_for,
    nearest_effort,
)
from ai_gateway.providers.translation.losses import Losses

LEAST_BUDGET: Final = 1_024
_LEAST_TOP_P: Final = 0.95
_DISPLAYS: Final = {"omitted": "omitted", "auto": "summarized", "concise": "summarized", "detailed": "summarized"}

Fields = dict[str, Json]


def write_reasoning(asked: Conversation, family: Family, most: int, losses: Losses) -> Fields:
    """`thinking` and `output_config` of the body; empty where nothing was said or can be. `most`: its max_tokens."""
    wanted = asked.reasoning
    if wanted is None:
        return {}
    if wanted.effort_only:
        return _effort(wanted.effort, family, losses)
    if wanted.mode is ThinkingMode.OFF or (wanted.mode is None and _is_none(wanted)):
        return _off(wanted, family, losses)
    if wanted.mode is None and wanted.effort is None and wanted.budget_tokens is None:
        return {}
    name = _name_of(wanted)
    if not family.thinking:
        losses.unsupported(name, "this model does not think")
        return {}
    if ThinkingMode.ADAPTIVE not in family.thinking or _keeps_budget(wanted, family):
        return _budget(asked, wanted, family, most, losses)
    fields: Fields = {"thinking": _shown({"type": "adaptive"}, wanted)}
    effort = wanted.effort
    if effort is None and wanted.budget_tokens is not None:
        effort = effort_for(wanted.budget_tokens)
        losses.forgiven("thinking.budget_tokens")
    return fields | _effort(effort, family, losses)


def write_sampling(asked: Conversation, fields: Fields, family: Family, losses: Losses) -> Fields:
    """`temperature`, `top_p` and `top_k` of the body; `fields`: what `write_reasoning` gave."""
    sampling = asked.sampling
    if sampling.seed is not None:
        losses.unsupported("seed")
    for name in ("frequency_penalty", "presence_penalty", "logprobs", "top_logprobs"):
        if getattr(sampling, name):
            losses.unsupported(name)
    said: Fields = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
    said = {name: value for name, value in said.items() if value is not None}
    thinks = fields.get("thinking", {}).get("type") in ("enabled", "adaptive")
    for name in list(said):
        why = _why_not(name, said, family.sampling, thinks=thinks)
        if why is not None and (said.pop(name) != 1 or name == "top_k"):
            losses.unsupported(name, why)
    return said


def _why_not(name: str, said: Fields, rule: SamplingRule, *, thinks: bool) -> str | None:
    value = said[name]
    if rule is SamplingRule.NONE:
        return "this model takes none"
    if name == "temperature" and value > 1:
        return "it is 1 at most there"
    if thinks and not (name == "top_p" and _LEAST_TOP_P <= value <= 1) and not (name == "temperature" and value == 1):
        return "a model that thinks takes none"
    if rule is SamplingRule.ONE and name == "top_p" and "temperature" in said:
        return "this model takes it or a temperature, not both"
    return None


def _is_none(wanted: Reasoning) -> bool:
    return wanted.effort == "none" or (wanted.effort is None and wanted.budget_tokens == 0)


def _name_of(wanted: Reasoning) -> str:
    return "reasoning_effort" if wanted.effort is not None else "thinking"


def _off(wanted: Reasoning, family: Family, losses: Losses) -> Fields:
    if not family.thinking:
        return {}
    effort = _effort(wanted.effort, family, losses) if wanted.effort != "none" else {}
    if ThinkingMode.OFF in family.thinking:
        return {"thinking": {"type": "disabled"}} | effort
    losses.unsupported(_name_of(wanted), "this model always thinks")
    return effort


def _effort(effort: str | None, family: Family, losses: Losses) -> Fields:
    """`output_config`, with the nearest effort that the model knows."""
    if effort in (None, "none"):
        return {}
    if not family.efforts:
        losses.unsupported("reasoning_effort", "this model takes none")
        return {}
    nearest = nearest_effort(effort, family.efforts)
    if nearest != effort:
        losses.forgiven("reasoning_effort")
    return {"output_config": {"effort": nearest}}


def _keeps_budget(wanted: Reasoning, family: Family) -> bool:
    return wanted.mode is ThinkingMode.ON and wanted.budget_tokens is not None and ThinkingMode.ON in family.thinking


def _budget(asked: Conversation, wanted: Reasoning, family: Family, most: int, losses: Losses) -> Fields:
    if asked.tool_choice is not None and asked.tool_choice.mode in (ChoiceMode.REQUIRED, ChoiceMode.NAMED):
        losses.unsupported(_name_of(wanted), "with a budget to think, it takes no tool choice that forces a call")
        return {}
    if wanted.budget_tokens is not None:
        budget = max(LEAST_BUDGET, min(wanted.budget_tokens, most - 1))
        if budget != wanted.budget_tokens:
            losses.forgiven("thinking.budget_tokens")
    else:
        budget = min(BUDGETS.get(wanted.effort or "high", BUDGETS["high"]), most // 2)
        if budget < LEAST_BUDGET:
            losses.unsupported(_name_of(wanted), f"an answer of {most} tokens leaves no room to think")
            return {}
        if _calls_without_thought(asked.turns):
            losses.forgiven(_name_of(wanted))
            return {}
    fields: Fields = {"thinking": _shown({"type": "enabled", "budget_tokens": budget}, wanted)}
    if wanted.budget_tokens is not None and wanted.effort is not None:
        fields |= _effort(wanted.effort, family, losses)
    return fields


def _shown(thinking: Fields, wanted: Reasoning) -> Fields:
    display = _DISPLAYS.get(wanted.summary or "")
    return thinking if display is None else {**thinking, "display": display}


def _calls_without_thought(turns: tuple[Turn, ...]) -> bool:
    """Whether the model waits for results of calls that it made without a thought that it would know again: the API
    lets nobody begin to think in the middle of that."""
    for turn in reversed(turns):
        if turn.role is Role.ASSISTANT:
            calls = any(isinstance(part, ToolCall) for part in turn.parts)
            thought = any(isinstance(part, Thinking) and (part.signature or part.encrypted) for part in turn.parts)
            return calls and not thought
        if not any(isinstance(part, ToolResult) for part in turn.parts):
            return False
    return False
