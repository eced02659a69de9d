import pytest

from ai_gateway.domain.chat import Dialect, Operation
from ai_gateway.domain.config import ProviderType
from ai_gateway.providers import Auth, ProviderKind, codec_for
from ai_gateway.providers.kinds import KINDS


def test_every_provider_type_has_its_row() -> None:
    assert set(KINDS) == set(ProviderType)
    assert all(kind.type is name for name, kind in KINDS.items())


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_codec_stands_under_its_own_dialect(kind: ProviderKind) -> None:
    for dialect, codec in kind.codecs.items():
        assert codec.dialect is dialect


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_translation_stands_under_its_own_operation(kind: ProviderKind) -> None:
    for operation, codec in kind.translated.items():
        assert (codec.operations, codec.translates) == ({operation}, True)


@pytest.mark.parametrize("provider", [ProviderType.BEDROCK, ProviderType.COHERE])
def test_callers_of_both_dialects_are_served(provider: ProviderType) -> None:
    for dialect, operation in ((Dialect.OPENAI, Operation.CHAT), (Dialect.ANTHROPIC, Operation.MESSAGES)):
        codec = codec_for(KINDS[provider], dialect, operation)
        assert codec is not None
        assert codec.dialect is dialect
    assert codec_for(KINDS[provider], Dialect.OPENAI, Operation.EMBEDDINGS) is not None


@pytest.mark.parametrize(
    ("provider", "url", "auth"),
    [
        (ProviderType.OPENAI, "https://api.openai.com/v1", Auth.BEARER),
        (ProviderType.ANTHROPIC, "https://api.anthropic.com", Auth.X_API_KEY),
        (ProviderType.OPENAI_COMPATIBLE, None, Auth.BEARER),
        (ProviderType.BEDROCK, None, Auth.AWS),
        (ProviderType.COHERE, "https://api.cohere.com", Auth.BEARER),
        (ProviderType.AZURE_OPENAI, None, Auth.API_KEY),
        (ProviderType.GROQ, "https://api.groq.com/openai/v1", Auth.BEARER),
        (ProviderType.GEMINI, "https://generativelanguage.googleapis.com/v1beta", Auth.X_GOOG_API_KEY),
        (ProviderType.VERTEX, None, Auth.GOOGLE_CLOUD),
        (ProviderType.MOCK, None, Auth.NONE),
    ],
)
def test_where_and_how_a_provider_is_called(provider: ProviderType, url: str | None, auth: Auth) -> None:
    kind = KINDS[provider]
    assert (kind.default_url.text if kind.default_url else None, kind.auth) == (url, auth)
