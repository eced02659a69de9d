import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.capabilities import Feature, context_window, continues_prefill, longest_output, of
from ai_gateway.providers.model_families import FAMILIES

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


@pytest.mark.parametrize("model", ["", "llama-3-70b", "my-gpt-4o", "claude", "gpt"])
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
        ("gpt-6.1-sol", 128_000),
        ("gemini-2.5-flash", 65_536),
        ("claude-opus-4-6", 128_000),
        ("claude-opus-7", 128_000),
        ("gpt-oss-120b", None),
        ("llama", None),
    ],
)
def test_a_models_longest_answer_is_known_by_the_beginning_of_its_name(model: str, tokens: int | None) -> None:
    assert longest_output(model) == tokens


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o", "gpt-4o"),
        ("GPT-4o", "gpt-4o"),
        ("openai/gpt-4o-mini-audio-preview", "gpt-4o-mini-audio"),
        ("gpt-5.4-mini", "gpt-5.4-mini"),
        ("gpt-5.4", "gpt-5.4"),
        ("gpt-5-nano-2025-08-07", "gpt-5"),
        ("anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("anthropic/claude-opus-4.6:beta", "claude-opus-4-6"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5"),
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "claude-3-5"),
        ("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("claude-opus-5-20260724", "claude-opus-5"),
        ("claude-opus-5-5", "claude-opus-5-5"),
        ("publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("models/gemini-3-flash-preview", "gemini-3"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama-3.3"),
        ("us.amazon.nova-lite-v1:0", "nova-lite"),
        ("command-r7b-12-2024", "command-r"),
        ("command-a-03-2025", "command-a-03-2025"),
        ("x-ai/grok-3-mini-beta", "grok-3-mini"),
    ],
)
def test_a_model_is_known_by_whatever_name_a_provider_has_for_it(model: str, family: str) -> None:
    assert of(model).name == family


def test_of_an_unknown_model_nothing_is_said_to_be_there_and_nothing_to_be_missing() -> None:
    unknown = of("my-own-model")
    assert not unknown.is_known
    assert not any(unknown.has(it) or unknown.lacks(it) for it in Feature)


def test_of_a_known_model_every_feature_is_there_or_missing() -> None:
    for family in FAMILIES:
        assert family.is_known
        assert all(family.has(it) is not family.lacks(it) for it in Feature)


@pytest.mark.parametrize(
    ("model", "missing"),
    [
        ("o1-mini", Feature.SYSTEM_ROLE),
        ("gpt-5", Feature.SAMPLING),
        ("gpt-4", Feature.JSON_SCHEMA),
        ("claude-opus-4-7", Feature.SAMPLING),
        ("claude-opus-4-7", Feature.REASONING_BUDGET),
        ("claude-opus-4-6", Feature.PREFILL),
        ("claude-opus-5-5", Feature.FORCED_TOOLS),
        ("claude-opus-5-5", Feature.REASONING_OFF),
        ("gemma-3-27b-it", Feature.SYSTEM_ROLE),
    ],
)
def test_what_a_vendor_says_that_a_model_refuses_is_missing(model: str, missing: Feature) -> None:
    assert of(model).lacks(missing)


@pytest.mark.parametrize("model", [*CONTINUES, "claude-opus-4-6", "claude-sonnet-5", "gpt-4o"])
def test_prefill_is_the_same_knowledge_in_both_tables(model: str) -> None:
    assert of(model).has(Feature.PREFILL) is continues_prefill(ProviderType.ANTHROPIC, model)
