"""How much a model on Bedrock shall think: each maker's models are told in their own words.

Claude's generations take on Bedrock what they take elsewhere (anthropic_reasoning.py). Nova and gpt-oss know efforts
only. A model that is not known to take either is not told anything: the caller is refused by name.
"""

from typing import Final

from ai_gateway.domain.conversation import Conversation, ThinkingMode
from ai_gateway.providers.capabilities import longest_output
from ai_gateway.providers.translation.anthropic_families import bare_name
from ai_gateway.providers.translation.anthropic_families import family_of as generation_of
from ai_gateway.providers.translation.anthropic_reasoning import write_reasoning
from ai_gateway.providers.translation.bedrock_models import Family
from ai_gateway.providers.translation.losses import Losses

USUAL_OUTPUT: Final = 4_096
"""Tokens that a Claude of which nothing is known is taken to have for thoughts and answer together."""

_EFFORTS: Final = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}


def reasoning_fields(asked: Conversation, model: str, family: Family, losses: Losses) -> dict[str, object]:
    """Members of `additionalModelRequestFields`; none where the caller said nothing of thinking."""
    wanted = asked.reasoning
    if wanted is None:
        return {}
    if family is Family.CLAUDE:
        return write_reasoning(asked, generation_of(model), _most_output(asked, model), losses)
    if wanted.summary is not None:
        losses.forgiven("reasoning.summary")
    if wanted.mode is ThinkingMode.OFF or wanted.effort == "none":
        return _off(family, losses)
    if wanted.mode is None and wanted.effort is None and wanted.budget_tokens is None:
        return {}
    if wanted.budget_tokens is not None:
        losses.unsupported("thinking.budget_tokens", "this model takes no budget")
    effort = _EFFORTS.get(wanted.effort or "medium")
    if effort is None or family is Family.OTHER:
        said = "thinking" if wanted.effort is None else "reasoning_effort"
        losses.unsupported(said, "it cannot be said to this model")
        return {}
    if family is Family.NOVA:
        return {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}
    return {"reasoning_effort": effort}


def _off(family: Family, losses: Losses) -> dict[str, object]:
    """Nothing to switch off where a model is not known to think."""
    if family is Family.NOVA:
        return {"reasoningConfig": {"type": "disabled"}}
    if family is Family.GPT_OSS:
        losses.unsupported("reasoning_effort", "this model always thinks")
    return {}


def _most_output(asked: Conversation, model: str) -> int:
    if asked.max_output is not None:
        return asked.max_output
    name = bare_name(model)
    return (None if name is None else longest_output(f"claude-{name}")) or USUAL_OUTPUT
