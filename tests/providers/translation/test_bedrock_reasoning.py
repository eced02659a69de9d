from typing import Any

import pytest

from ai_gateway.domain.conversation import Conversation, Reasoning, ThinkingMode
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.bedrock_models import family_of
from ai_gateway.providers.translation.bedrock_reasoning import reasoning_fields
from ai_gateway.providers.translation.losses import Losses

OLD = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
NEW = "us.anthropic.claude-opus-4-6-v1"
NOVA = "us.amazon.nova-2-lite-v1:0"
GPT = "openai.gpt-oss-120b-1:0"
HIDDEN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"
LLAMA = "us.meta.llama4-scout-17b-instruct-v1:0"


def fields(model: str, losses: Losses | None = None, most: int | None = None, **wanted: Any) -> dict[str, object]:
    asked = Conversation(turns=(), max_output=most, reasoning=Reasoning(**wanted))
    return reasoning_fields(asked, model, family_of(model), losses or Losses("it", drops=False))


def thinking(**said: object) -> dict[str, object]:
    return {"thinking": said}


@pytest.mark.parametrize(
    ("model", "wanted", "written"),
    [
        (OLD, {"mode": ThinkingMode.ON, "budget_tokens": 1024}, thinking(type="enabled", budget_tokens=1024)),
        (OLD, {"mode": ThinkingMode.OFF}, thinking(type="disabled")),
        (OLD, {"effort": "none"}, thinking(type="disabled")),
        (NEW, {"effort": "low"}, thinking(type="adaptive") | {"output_config": {"effort": "low"}}),
        (NEW, {"effort": "low", "effort_only": True}, {"output_config": {"effort": "low"}}),
        (HIDDEN, {"mode": ThinkingMode.ON, "budget_tokens": 2000}, thinking(type="enabled", budget_tokens=2000)),
        (NOVA, {"effort": "xhigh"}, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}}),
        (NOVA, {"mode": ThinkingMode.ON}, {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "medium"}}),
        (NOVA, {"mode": ThinkingMode.OFF}, {"reasoningConfig": {"type": "disabled"}}),
        (GPT, {"effort": "minimal"}, {"reasoning_effort": "low"}),
        (LLAMA, {"effort": "none"}, {}),
        (LLAMA, {}, {}),
    ],
)
def test_each_family_is_told_in_its_own_words(model: str, wanted: Any, written: dict[str, object]) -> None:
    assert fields(model, **wanted) == written


def test_a_budget_leaves_room_for_the_answer() -> None:
    assert fields(OLD, most=6000, effort="high") == thinking(type="enabled", budget_tokens=3000)
    with pytest.raises(InvalidRequest, match="no room"):
        fields(OLD, most=1024, effort="low")
    assert fields(OLD, effort="low")["thinking"]["budget_tokens"] >= 1024  # type: ignore[index]


@pytest.mark.parametrize(
    ("model", "wanted", "param"),
    [
        (LLAMA, {"effort": "high"}, "reasoning_effort"),
        (LLAMA, {"mode": ThinkingMode.ON}, "thinking"),
        (GPT, {"effort": "none"}, "reasoning_effort"),
        (GPT, {"mode": ThinkingMode.ON, "budget_tokens": 2000}, "thinking.budget_tokens"),
        (NOVA, {"effort": "heroic"}, "reasoning_effort"),
    ],
)
def test_what_a_model_cannot_be_told_is_refused_by_name(model: str, wanted: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        fields(model, **wanted)
    assert refused.value.param == param


def test_a_wish_for_a_summary_is_forgiven_and_no_thinking_is_nothing() -> None:
    losses = Losses("it", drops=False)
    assert fields(LLAMA, losses, summary="auto", mode=ThinkingMode.OFF) == {}
    assert losses.dropped == ("reasoning.summary",)
    asked = Conversation(turns=())
    assert reasoning_fields(asked, OLD, family_of(OLD), losses) == {}
