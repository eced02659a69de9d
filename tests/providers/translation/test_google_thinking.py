from typing import Any

import pytest

from ai_gateway.domain.conversation import Reasoning, ThinkingMode
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.google_families import family_of
from ai_gateway.providers.translation.google_thinking import thinking_of
from ai_gateway.providers.translation.losses import Losses

OFF, ON, ADAPTIVE = ThinkingMode.OFF, ThinkingMode.ON, ThinkingMode.ADAPTIVE
FLASH, PRO, FLASH_3, PRO_3 = "gemini-2.5-flash", "gemini-2.5-pro", "gemini-3-flash", "gemini-3-pro"


@pytest.mark.parametrize(
    ("model", "reasoning", "config"),
    [
        (FLASH, Reasoning(), None),
        (FLASH, Reasoning(effort="none"), {"thinkingBudget": 0}),
        (FLASH, Reasoning(mode=OFF), {"thinkingBudget": 0}),
        (FLASH, Reasoning(effort="low"), {"thinkingBudget": 1024, "includeThoughts": True}),
        (FLASH, Reasoning(effort="medium", summary="omitted"), {"thinkingBudget": 8192}),
        (FLASH, Reasoning(effort="max"), {"thinkingBudget": 24_576, "includeThoughts": True}),
        (PRO, Reasoning(effort="xhigh"), {"thinkingBudget": 32_768, "includeThoughts": True}),
        (FLASH, Reasoning(mode=ON, budget_tokens=2000), {"thinkingBudget": 2000, "includeThoughts": True}),
        (FLASH, Reasoning(mode=ADAPTIVE), {"thinkingBudget": -1, "includeThoughts": True}),
        (FLASH, Reasoning(summary="auto"), {"includeThoughts": True}),
        (FLASH_3, Reasoning(effort="low", effort_only=True), {"thinkingLevel": "low"}),
        (FLASH_3, Reasoning(effort="minimal"), {"thinkingLevel": "minimal", "includeThoughts": True}),
        (FLASH_3, Reasoning(effort="none"), {"thinkingLevel": "minimal"}),
        (PRO_3, Reasoning(effort="minimal"), {"thinkingLevel": "low", "includeThoughts": True}),
        (PRO_3, Reasoning(effort="medium"), {"thinkingLevel": "high", "includeThoughts": True}),
        (PRO_3, Reasoning(effort="xhigh"), {"thinkingLevel": "high", "includeThoughts": True}),
        (PRO_3, Reasoning(mode=ADAPTIVE), {"includeThoughts": True}),
        (PRO_3, Reasoning(budget_tokens=500), {"thinkingBudget": 500, "includeThoughts": True}),
        ("gemini-2.0-flash", Reasoning(effort="none"), None),
        ("gemini-2.0-flash", Reasoning(mode=OFF), None),
    ],
)
def test_an_effort_is_said_in_the_familys_words(
    model: str, reasoning: Reasoning, config: dict[str, Any] | None
) -> None:
    assert thinking_of(reasoning, family_of(model), Losses("Gemini", drops=False)) == config


@pytest.mark.parametrize(
    ("model", "reasoning"),
    [
        (PRO, Reasoning(effort="none")),
        (PRO_3, Reasoning(mode=OFF)),
        ("gemini-2.0-flash", Reasoning(effort="low")),
        (FLASH, Reasoning(effort="enormous")),
    ],
)
def test_what_a_family_cannot_do_is_told(model: str, reasoning: Reasoning) -> None:
    with pytest.raises(InvalidRequest) as refused:
        thinking_of(reasoning, family_of(model), Losses("Gemini", drops=False))
    assert refused.value.param == "reasoning"
    losses = Losses("Gemini", drops=True)
    assert not (thinking_of(reasoning, family_of(model), losses) or {}).keys() - {"includeThoughts"}
    assert losses.dropped == ("reasoning",)
