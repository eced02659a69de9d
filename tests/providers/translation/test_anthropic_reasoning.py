"""An effort, a budget or nothing, said as each generation of Claude takes it."""

from typing import Any

import pytest

from ai_gateway.domain.conversation import (
    ChoiceMode,
    Conversation,
    Maker,
    Reasoning,
    Role,
    Sampling,
    Text,
    Thinking,
    ThinkingMode,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)
from ai_gateway.domain.faults import InvalidRequest
from ai_gateway.providers.translation.anthropic_families import family_of
from ai_gateway.providers.translation.anthropic_reasoning import write_reasoning, write_sampling
from ai_gateway.providers.translation.losses import Losses

OFF, ON, ADAPTIVE = ThinkingMode.OFF, ThinkingMode.ON, ThinkingMode.ADAPTIVE
OLD, BUDGETED, BOTH, NEW, ALWAYS = (
    "claude-3-haiku-20240307",
    "claude-sonnet-4-5",
    "claude-opus-4-6",
    "claude-sonnet-5",
    "claude-fable-5",
)
HELLO = (Turn(Role.USER, (Text("hello"),)),)


def said(
    model: str, reasoning: Reasoning | None, *, drops: bool = False, most: int = 40_000, **asked: Any
) -> tuple[Any, ...]:
    """The fields, and what was told."""
    losses = Losses("Anthropic", drops=drops)
    conversation = Conversation(**{"turns": HELLO, "reasoning": reasoning} | asked)
    return write_reasoning(conversation, family_of(model), most, losses), losses.dropped


def enabled(budget: int, **more: str) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": budget, **more}}


def adaptive(effort: str | None = None, **more: str) -> dict[str, Any]:
    thinking: dict[str, Any] = {"thinking": {"type": "adaptive", **more}}
    return thinking if effort is None else thinking | {"output_config": {"effort": effort}}


DISABLED = {"thinking": {"type": "disabled"}}


@pytest.mark.parametrize(
    ("model", "reasoning", "fields", "told"),
    [
        (BUDGETED, None, {}, ()),
        (BUDGETED, Reasoning(), {}, ()),
        (BUDGETED, Reasoning(effort="low"), enabled(2_048), ()),
        (BUDGETED, Reasoning(effort="high", summary="auto"), enabled(16_384, display="summarized"), ()),
        (BUDGETED, Reasoning(ADAPTIVE), enabled(16_384), ()),
        (BUDGETED, Reasoning(ON, None, 5_000, "omitted"), enabled(5_000, display="omitted"), ()),
        (BUDGETED, Reasoning(budget_tokens=100), enabled(1_024), ("thinking.budget_tokens",)),
        (BUDGETED, Reasoning(budget_tokens=0), DISABLED, ()),
        (BUDGETED, Reasoning(effort="none"), DISABLED, ()),
        (BUDGETED, Reasoning(OFF), DISABLED, ()),
        (OLD, Reasoning(OFF), {}, ()),
        (BOTH, Reasoning(effort="xhigh"), adaptive("high"), ("reasoning_effort",)),
        (BOTH, Reasoning(ON, None, 5_000), enabled(5_000), ()),
        (BOTH, Reasoning(ADAPTIVE), adaptive(), ()),
        (NEW, Reasoning(effort="minimal"), adaptive("low"), ("reasoning_effort",)),
        (NEW, Reasoning(effort="medium"), adaptive("medium"), ()),
        (NEW, Reasoning(ON, None, 5_000), adaptive("medium"), ("thinking.budget_tokens",)),
        (NEW, Reasoning(effort="max", effort_only=True), {"output_config": {"effort": "max"}}, ()),
        (NEW, Reasoning(OFF, "low"), DISABLED | {"output_config": {"effort": "low"}}, ()),
        (ALWAYS, Reasoning(ADAPTIVE, "high"), adaptive("high"), ()),
    ],
)
def test_what_is_said(model: str, reasoning: Reasoning | None, fields: Any, told: tuple[str, ...]) -> None:
    assert said(model, reasoning) == (fields, told)


@pytest.mark.parametrize(
    ("model", "reasoning", "field"),
    [
        (OLD, Reasoning(effort="low"), "reasoning_effort"),
        (OLD, Reasoning(ON, None, 5_000), "thinking"),
        (OLD, Reasoning(effort="low", effort_only=True), "reasoning_effort"),
        (ALWAYS, Reasoning(OFF), "thinking"),
        (ALWAYS, Reasoning(effort="none"), "reasoning_effort"),
    ],
)
def test_what_a_generation_cannot_is_refused_or_left_out(model: str, reasoning: Reasoning, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        said(model, reasoning)
    assert refused.value.param == field
    assert said(model, reasoning, drops=True) == ({}, (field,))


def test_a_budget_leaves_half_of_a_short_answer() -> None:
    assert said(BUDGETED, Reasoning(effort="high"), most=8_000)[0] == enabled(4_000)
    assert said(BUDGETED, Reasoning(effort="high"), most=2_000, drops=True) == ({}, ("reasoning_effort",))
    assert said(BUDGETED, Reasoning(budget_tokens=9_000), most=8_000) == (enabled(7_999), ("thinking.budget_tokens",))


def test_a_forced_call_is_not_thought_about_with_a_budget() -> None:
    choice = ToolChoice(ChoiceMode.REQUIRED)
    assert said(BUDGETED, Reasoning(effort="low"), drops=True, tool_choice=choice) == ({}, ("reasoning_effort",))
    assert said(BOTH, Reasoning(effort="low"), tool_choice=choice) == (adaptive("low"), ())


def test_nobody_begins_to_think_while_calls_wait_for_results() -> None:
    result = Turn(Role.USER, (ToolResult("c"),))
    call, thought = ToolCall("c", "f", "{}"), Thinking("hm", "sig", maker=Maker.ANTHROPIC)
    without = (*HELLO, Turn(Role.ASSISTANT, (call,)), result)
    assert said(BUDGETED, Reasoning(effort="low"), turns=without) == ({}, ("reasoning_effort",))
    for turns in (
        (*HELLO, Turn(Role.ASSISTANT, (thought, call)), result),
        (*without, Turn(Role.ASSISTANT, (Text("done"),)), *HELLO),
    ):
        assert said(BUDGETED, Reasoning(effort="low"), turns=turns) == (enabled(2_048), ())
    assert said(NEW, Reasoning(effort="low"), turns=without) == (adaptive("low"), ())


def sampled(
    model: str, sampling: Sampling, fields: dict[str, Any] | None = None, *, drops: bool = True
) -> tuple[Any, ...]:
    losses = Losses("Anthropic", drops=drops)
    asked = Conversation(turns=HELLO, sampling=sampling)
    return write_sampling(asked, fields or {}, family_of(model), losses), losses.dropped


@pytest.mark.parametrize(
    ("model", "sampling", "fields", "said", "told"),
    [
        (OLD, Sampling(0.5, 0.9, 5), {}, {"temperature": 0.5, "top_p": 0.9, "top_k": 5}, ()),
        (OLD, Sampling(1.5), {}, {}, ("temperature",)),
        (BUDGETED, Sampling(0.5, 0.9), {}, {"temperature": 0.5}, ("top_p",)),
        (BUDGETED, Sampling(0.5, 1.0), {}, {"temperature": 0.5}, ()),
        (BUDGETED, Sampling(0.5, 0.9, 5), enabled(2_000), {}, ("temperature", "top_p", "top_k")),
        (BUDGETED, Sampling(1.0, top_k=5), enabled(2_000), {"temperature": 1.0}, ("top_k",)),
        (BUDGETED, Sampling(top_p=0.95), enabled(2_000), {"top_p": 0.95}, ()),
        (BUDGETED, Sampling(0.5), DISABLED, {"temperature": 0.5}, ()),
        (NEW, Sampling(1.0, 1.0), {}, {}, ()),
        (NEW, Sampling(0.5, 0.9, 5), {}, {}, ("temperature", "top_p", "top_k")),
        (OLD, Sampling(seed=1, frequency_penalty=0.5, presence_penalty=1), {}, {},
         ("seed", "frequency_penalty", "presence_penalty")),
        (OLD, Sampling(frequency_penalty=0.0, logprobs=False, top_logprobs=0), {}, {}, ()),
        (OLD, Sampling(logprobs=True, top_logprobs=3), {}, {}, ("logprobs", "top_logprobs")),
    ],
)  # fmt: skip
def test_how_to_sample(model: str, sampling: Sampling, fields: Any, said: Any, told: tuple[str, ...]) -> None:
    assert sampled(model, sampling, fields) == (said, told)


def test_a_seed_of_zero_is_a_seed() -> None:
    assert sampled(OLD, Sampling(seed=0)) == ({}, ("seed",))
