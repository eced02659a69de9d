import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.providers import codec_for
from ai_gateway.providers.kinds import KINDS


@pytest.mark.parametrize(
    ("provider", "dialect", "operation", "native"),
    [
        (ProviderType.OPENAI, Dialect.OPENAI, Operation.CHAT, True),
        (ProviderType.OPENAI, Dialect.OPENAI, Operation.EMBEDDINGS, True),
        (ProviderType.OPENAI, Dialect.ANTHROPIC, Operation.MESSAGES, False),
        (ProviderType.ANTHROPIC, Dialect.ANTHROPIC, Operation.COUNT_TOKENS, True),
        (ProviderType.ANTHROPIC, Dialect.OPENAI, Operation.CHAT, False),
        (ProviderType.MOCK, Dialect.ANTHROPIC, Operation.MESSAGES, True),
        (ProviderType.MOCK, Dialect.OPENAI, Operation.CHAT, True),
        (ProviderType.MOCK, Dialect.OPENAI, Operation.MODELS, False),
    ],
)
def test_what_is_carried_natively(provider: ProviderType, dialect: Dialect, operation: Operation, native: bool) -> None:
    assert (codec_for(KINDS[provider], dialect, operation) is not None) is native
