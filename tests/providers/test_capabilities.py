import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.capabilities import context_window, continues_prefill, longest_output

CONTINUES = [
    "claude-2.1",
    "claude-instant-1.2",
    "claude-3-haiku-20240307",
    "claude-3-5-sonnet-latest",
    "claude-3-7-sonnet-20250219",
    "claude-sonnet-4-20250514",
    "claude-opus-4-0",
    "claude-opus-4-1-20250805",
    "claude-sonnet-4-5",
    "claude-haiku-4-5-20251001",
]
REFUSES = [
    "claude-opus-4-6",
    "claude-sonnet-4-6-20260217",
    "claude-opus-4-10",
    "claude-sonnet-5",
    "claude-4-opus",
    "gpt-4o",
    "my-claude-3",
    "",
]


@pytest.mark.parametrize(("model", "expected"), [*((it, True) for it in CONTINUES), *((it, False) for it in REFUSES)])
def test_only_models_that_are_known_to_continue_do(model: str, expected: bool) -> None:
    assert continues_prefill(ProviderType.ANTHROPIC, model) is expected
    assert continues_prefill(ProviderType.MOCK, model) is expected


@pytest.mark.parametrize("provider", [ProviderType.OPENAI, ProviderType.OPENAI_COMPATIBLE])
@pytest.mark.parametrize("model", [*CONTINUES, "deepseek-chat", "mistral-large-latest"])
def test_servers_of_which_each_does_it_in_its_own_way_are_not_asked(provider: ProviderType, model: str) -> None:
    assert not continues_prefill(provider, model)


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-5", 272_000),
        ("gpt-5-mini-2025-08-07", 272_000),
        ("gpt-4.1-nano", 1_047_576),
        ("gpt-4o", 128_000),
        ("gpt-4o-mini-2024-07-18", 128_000),
        ("gpt-4-turbo-2024-04-09", 128_000),
        ("gpt-4-32k-0613", 32_768),
        ("gpt-4", 8_192),
        ("gpt-4-0613", 8_192),
        ("gpt-3.5-turbo-instruct", 4_096),
        ("gpt-3.5-turbo-0125", 16_385),
        ("o1-mini", 128_000),
        ("o1", 200_000),
        ("o3-mini", 200_000),
        ("o4-mini", 200_000),
        ("claude-2.0", 100_000),
        ("claude-2.1", 200_000),
        ("claude-instant-1.2", 100_000),
        ("claude-haiku-4-5", 200_000),
    ],
)
def test_the_longest_beginning_of_a_name_that_is_known_tells_its_window(model: str, tokens: int) -> None:
    assert context_window(model) == tokens


@pytest.mark.parametrize("model", ["", "llama-3-70b", "my-gpt-4o", "GPT-4o", "claude", "gpt"])
def test_of_a_name_that_nobody_knows_no_window_is_known(model: str) -> None:
    assert context_window(model) is None


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-4o-mini", 16_384),
        ("gpt-4", 8_192),
        ("gpt-4-turbo", 4_096),
        ("o3-mini", 100_000),
        ("claude-3-haiku-20240307", 4_096),
        ("claude-3-5-haiku-latest", 8_192),
        ("claude-3-7-sonnet-20250219", 64_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-opus-4-1", 32_000),
        ("claude-opus-4-5", 64_000),
        ("claude-opus-4-8", 128_000),
        ("claude-sonnet-4-20250514", 64_000),
        ("claude-sonnet-4-5-20250929", 64_000),
        ("claude-sonnet-4-6", 128_000),
        ("claude-haiku-4-5", 64_000),
        ("claude-haiku-5-5", 128_000),
        ("claude-next", None),
        ("llama", None),
    ],
)
def test_a_models_longest_answer_is_known_by_the_beginning_of_its_name(model: str, tokens: int | None) -> None:
    assert longest_output(model) == tokens
