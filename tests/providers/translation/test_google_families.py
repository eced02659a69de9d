import pytest

from ai_gateway.providers.translation.google_families import Family, ThinkingBy, family_of


@pytest.mark.parametrize(
    ("model", "thinking", "json_schema", "signs"),
    [
        ("gemini-1.5-pro-002", ThinkingBy.NOTHING, False, False),
        ("gemini-2.0-flash-lite", ThinkingBy.NOTHING, True, False),
        ("models/gemini-2.5-flash-preview-09-2025", ThinkingBy.BUDGET, True, False),
        ("gemini-live-2.5-flash", ThinkingBy.BUDGET, True, False),
        ("gemini-2.5-pro", ThinkingBy.BUDGET, True, False),
        ("gemini-3-flash-preview", ThinkingBy.LEVEL, True, True),
        ("publishers/google/models/gemini-3-pro-preview", ThinkingBy.LEVEL, True, True),
        ("gemini-3.1-pro", ThinkingBy.LEVEL, True, True),
        ("gemini-flash-latest", ThinkingBy.LEVEL, True, True),
        ("gemini-10-ultra", ThinkingBy.LEVEL, True, True),
        ("gemma-3-27b-it", ThinkingBy.NOTHING, False, False),
    ],
)
def test_a_name_tells_the_family(model: str, thinking: ThinkingBy, json_schema: bool, signs: bool) -> None:
    family = family_of(model)
    assert (family.thinking, family.json_schema, family.signs_calls) == (thinking, json_schema, signs)


def test_pro_models_cannot_stop_thinking() -> None:
    def floor(family: Family) -> tuple[int, bool]:
        return family.least_budget, "minimal" in family.levels

    assert floor(family_of("gemini-2.5-pro")) == (128, False)
    assert floor(family_of("gemini-2.5-flash-lite")) == (0, False)
    assert family_of("gemini-3-pro-preview").levels == ("low", "high")
    assert family_of("gemini-3.1-pro-preview").levels == ("low", "medium", "high")
    assert floor(family_of("gemini-3-flash")) == (0, True)
