import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.domain.price_book import PriceBook
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.providers.kinds import KINDS
from ai_gateway.providers.vendors import PAYEES, STAND_IN, payees_of
from ai_gateway.store.price_editions import row_of, shipped_edition
from ai_gateway.store.price_rows import price_of

BOOK = PriceBook(price_of(row_of(price, "shipped", 0.0)) for price in shipped_edition().prices)


@pytest.mark.parametrize(
    ("provider", "url", "payees"),
    [
        (ProviderType.OPENAI, "https://eu.api.openai.com/v1", ("openai",)),
        (ProviderType.ANTHROPIC, "https://gateway.example/anthropic", ("anthropic",)),
        (ProviderType.BEDROCK, "https://bedrock-runtime.eu-west-1.amazonaws.com", ("aws", "bedrock")),
        (ProviderType.COHERE, "https://api.cohere.com", ("cohere",)),
        (ProviderType.XAI, "https://api.x.ai/v1", ("x-ai", "xai")),
        (ProviderType.GROQ, "https://proxy.example/v1", ("groq",)),
        (ProviderType.MISTRAL, "https://api.mistral.ai/v1", ("mistral",)),
        (ProviderType.OLLAMA, "http://localhost:11434/v1", ("ollama",)),
        (
            ProviderType.AZURE_OPENAI,
            "https://mine.openai.azure.com",
            ("azure", *STAND_IN["azure"], "azure_openai"),
        ),
        (ProviderType.HUGGINGFACE, "https://router.huggingface.co/v1", ("huggingface",)),
        (
            ProviderType.HUGGINGFACE,
            "https://router.huggingface.co/novita/v3/openai",
            ("huggingface_novita", "huggingface"),
        ),
        (ProviderType.GEMINI, "https://generativelanguage.googleapis.com/v1beta", ("google", "gemini")),
        (
            ProviderType.VERTEX,
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
            ("google", "anthropic", "vertex"),
        ),
        (ProviderType.MOCK, "http://127.0.0.1:1/v1", ("mock",)),
        (ProviderType.OPENAI_COMPATIBLE, "https://api.groq.com/openai/v1", ("groq", "openai_compatible")),
        (ProviderType.OPENAI_COMPATIBLE, "https://API.GROQ.com./openai/v1", ("groq", "openai_compatible")),
        (ProviderType.OPENAI_COMPATIBLE, "https://api.groq.com.evil.example/v1", ("openai_compatible",)),
        (ProviderType.OPENAI_COMPATIBLE, "http://localhost:8001/v1", ("openai_compatible",)),
        (
            ProviderType.OPENAI_COMPATIBLE,
            "https://router.huggingface.co/novita/v3/openai",
            ("huggingface_novita", "openai_compatible"),
        ),
        (
            ProviderType.OPENAI_COMPATIBLE,
            "https://mine.openai.azure.com/openai/v1",
            ("azure", *STAND_IN["azure"], "openai_compatible"),
        ),
    ],
)
def test_the_type_or_the_address_says_who_is_paid(provider: ProviderType, url: str, payees: tuple[str, ...]) -> None:
    assert payees_of(provider, parse_base_url(url)) == payees


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (ProviderType.GROQ, "llama-3.3-70b-versatile"),
        (ProviderType.DEEPSEEK, "deepseek-chat"),
        (ProviderType.XAI, "grok-4-fast-reasoning"),
        (ProviderType.TOGETHER, "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        (ProviderType.FIREWORKS, "accounts/fireworks/models/llama-v3p1-8b-instruct"),
        (ProviderType.OPENROUTER, "openai/gpt-4o-mini"),
        (ProviderType.PERPLEXITY, "sonar"),
        (ProviderType.CEREBRAS, "llama3.1-8b"),
        (ProviderType.MISTRAL, "mistral-large-latest"),
        (ProviderType.AZURE_OPENAI, "gpt-4o"),
    ],
)
def test_the_shipped_book_has_prices_for_each_vendor_of_the_table(provider: ProviderType, model: str) -> None:
    url = KINDS[provider].default_url or parse_base_url("https://mine.openai.azure.com")
    assert BOOK.chains(model, payees_of(provider, url))


def test_every_vendor_of_the_shipped_book_is_known() -> None:
    assert {price.provider for price in shipped_edition().prices} <= PAYEES
