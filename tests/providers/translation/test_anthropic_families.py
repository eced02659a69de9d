"""Every model of Anthropic's is in its generation, by any vendor's name."""

import pytest

from ai_gateway.domain.conversation import ThinkingMode
from ai_gateway.providers.translation.anthropic_families import (
    BUDGETS,
    ELSEWHERE,
    NEWEST,
    Family,
    SamplingRule,
    bare_name,
    effort_for,
    family_of,
    nearest_effort,
)

OFF, ON, ADAPTIVE = ThinkingMode.OFF, ThinkingMode.ON, ThinkingMode.ADAPTIVE


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("claude-2.1", set[ThinkingMode]()),
        ("claude-instant-1.2", set[ThinkingMode]()),
        ("claude-3-5-sonnet-20240620", set[ThinkingMode]()),
        ("claude-3-7-sonnet-latest", {OFF, ON}),
        ("claude-opus-4-20250514", {OFF, ON}),
        ("claude-sonnet-4@20250514", {OFF, ON}),
        ("claude-haiku-4-5", {OFF, ON}),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", {OFF, ON}),
        ("anthropic/claude-opus-4.6", {OFF, ON, ADAPTIVE}),
        ("claude-opus-4-7", {OFF, ADAPTIVE}),
        ("claude-sonnet-5", {OFF, ADAPTIVE}),
        ("claude-opus-5-5", {ADAPTIVE}),
        ("claude-fable-5", {ADAPTIVE}),
    ],
)
def test_how_a_generation_thinks(model: str, thinking: set[ThinkingMode]) -> None:
    assert family_of(model).thinking == thinking


@pytest.mark.parametrize(
    ("model", "rule"),
    [
        ("claude-3-haiku-20240307", SamplingRule.FREE),
        ("claude-sonnet-4-0", SamplingRule.FREE),
        ("claude-opus-4-1-20250805", SamplingRule.ONE),
        ("claude-sonnet-4-6", SamplingRule.ONE),
        ("claude-opus-4-8", SamplingRule.NONE),
    ],
)
def test_how_a_generation_samples(model: str, rule: SamplingRule) -> None:
    assert family_of(model).sampling is rule


def test_what_is_new_is_taken_for_the_newest_and_what_is_no_claude_for_anything() -> None:
    assert family_of("claude-sonnet-9") is NEWEST
    assert family_of("glm-5") is ELSEWHERE
    assert family_of("my-claude-3") is ELSEWHERE
    assert bare_name("eu.anthropic.claude-3-7-sonnet-20250219-v1:0") == "3-7-sonnet-20250219-v1:0"


@pytest.mark.parametrize(
    ("effort", "efforts", "nearest"),
    [
        ("xhigh", ("low", "medium", "high", "max"), "high"),
        ("max", ("low", "medium", "high"), "high"),
        ("minimal", ("low", "medium"), "low"),
        ("medium", ("low", "medium"), "medium"),
        ("extreme", ("low",), "extreme"),
    ],
)
def test_the_nearest_effort_is_never_a_stronger_one_if_there_is_a_weaker(
    effort: str, efforts: tuple[str, ...], nearest: str
) -> None:
    assert nearest_effort(effort, efforts) == nearest


@pytest.mark.parametrize(
    ("budget", "effort"),
    [(1_024, "low"), (2_048, "low"), (2_049, "medium"), (16_384, "high"), (24_576, "xhigh"), (100_000, "max")],
)
def test_a_budget_is_the_least_effort_that_has_room_for_it(budget: int, effort: str) -> None:
    assert effort_for(budget) == effort


def test_budgets_grow_with_the_effort() -> None:
    assert list(BUDGETS.values()) == sorted(set(BUDGETS.values()))
    assert Family() == family_of("claude-3-opus-20240229")
