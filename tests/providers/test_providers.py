import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.providers import codec_for
from ai_gateway.providers.kinds import KINDS


@pytest.mark.parametrize(
    ("provider", "dialect", "operation", "carried"),
    [
        (ProviderType.OPENAI, Dialect.OPENAI, Operation.CHAT, True),
        (ProviderType.OPENAI, Dialect.OPENAI, Operation.EMBEDDINGS, True),
        (ProviderType.OPENAI, Dialect.ANTHROPIC, Operation.MESSAGES, True),
        (ProviderType.ANTHROPIC, Dialect.ANTHROPIC, Operation.COUNT_TOKENS, True),
        (ProviderType.ANTHROPIC, Dialect.OPENAI, Operation.CHAT, True),
        (ProviderType.ANTHROPIC, Dialect.OPENAI, Operation.EMBEDDINGS, False),
        (ProviderType.MOCK, Dialect.ANTHROPIC, Operation.MESSAGES, True),
        (ProviderType.MOCK, Dialect.OPENAI, Operation.CHAT, True),
        (ProviderType.MOCK, Dialect.OPENAI, Operation.MODELS, False),
    ],
)
def test_what_is_carried(provider: ProviderType, dialect: Dialect, operation: Operation, carried: bool) -> None:
    assert (codec_for(KINDS[provider], dialect, operation) is not None) is carried
