"""How much a model of Google's is to think, in the words of its family.

OpenAI's efforts are what Google's own compatible API takes them for: as budgets 1,024, 8,192 and 24,576 tokens. A level
that a model lacks becomes the next one above. Who asks for thinking is shown it, unless he says that he does not want
to see it: it costs the same.
"""

from typing import Final

from ai_gateway.domain.conversation import Json, Reasoning, ThinkingMode
from ai_gateway.providers.translation.google_families import Family, ThinkingBy
from ai_gateway.providers.translation.losses import Losses

BUDGETS: Final = {"minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576}
DYNAMIC: Final = -1
_LEVELS: Final = ("minimal", "low", "medium", "high")
_UNLIMITED: Final = ("xhigh", "max")


def thinking_of(reasoning: Reasoning, family: Family, losses: Losses) -> dict[str, Json] | None:
    """`thinkingConfig`, or None where nothing need be said."""
    is_off = reasoning.mode is ThinkingMode.OFF or reasoning.effort == "none"
    if family.thinking is ThinkingBy.NOTHING:
        if not is_off and (reasoning.mode or reasoning.effort or reasoning.budget_tokens):
            losses.unsupported("reasoning", "this model does not think")
        return None
    if is_off:
        return _off(family, losses)
    amount = _amount(reasoning, family, losses)
    is_asked = bool((amount and not reasoning.effort_only) or reasoning.mode or reasoning.summary)
    if is_asked and reasoning.summary != "omitted":
        amount["includeThoughts"] = True
    return amount or None


def _off(family: Family, losses: Losses) -> dict[str, Json] | None:
    if family.thinking is ThinkingBy.BUDGET and not family.least_budget:
        return {"thinkingBudget": 0}
    if family.thinking is ThinkingBy.LEVEL and "minimal" in family.levels:
        return {"thinkingLevel": "minimal"}
    losses.unsupported("reasoning", "this model cannot stop thinking")
    return None


def _amount(reasoning: Reasoning, family: Family, losses: Losses) -> dict[str, Json]:
    effort = reasoning.effort
    if reasoning.budget_tokens is not None:
        return {"thinkingBudget": reasoning.budget_tokens}
    if effort is None:
        is_dynamic = reasoning.mode is not None and family.thinking is ThinkingBy.BUDGET
        return {"thinkingBudget": DYNAMIC} if is_dynamic else {}
    if effort not in (*_LEVELS, *_UNLIMITED):
        losses.unsupported("reasoning", f"it does not know the effort '{effort}'")
        return {}
    if family.thinking is ThinkingBy.BUDGET:
        return {"thinkingBudget": BUDGETS.get(effort, family.most_budget)}
    above = _LEVELS[_LEVELS.index(effort) :] if effort in _LEVELS else ("high",)
    return {"thinkingLevel": next(it for it in above if it in family.levels)}
