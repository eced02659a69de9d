import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.providers.capabilities import continues_prefill

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
