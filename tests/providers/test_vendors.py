import pytest

from ai_gateway.domain.config import ProviderType
from ai_gateway.policy.addresses import parse_base_url
from ai_gateway.providers.vendors import PAYEES, STAND_IN, payees_of
from ai_gateway.store.price_editions import shipped_edition


@pytest.mark.parametrize(
    ("provider", "url", "payees"),
    [
        (ProviderType.OPENAI, "https://eu.api.openai.com/v1", ("openai",)),
        (ProviderType.ANTHROPIC, "https://gateway.example/anthropic", ("anthropic",)),
        (ProviderType.BEDROCK, "https://bedrock-runtime.eu-west-1.amazonaws.com", ("aws", "bedrock")),
        (ProviderType.COHERE, "https://api.cohere.com", ("cohere",)),
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


def test_every_vendor_of_the_shipped_book_is_known() -> None:
    assert {price.provider for price in shipped_edition().prices} <= PAYEES
